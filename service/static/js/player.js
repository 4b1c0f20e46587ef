// Plays a panel's file; `store.playhead_s` follows.

const SOON_MS = 1500;
const ROUNDING_S = 0.05;

/** media: an audio or video element of the page. */
export class Player {
  #media = null;
  #store;
  #address = null;
  #from_s = 0;
  #onOutside = null;

  constructor(store) {
    this.#store = store;
  }

  /**
   * Plays `file` through `media` from now on. from_s: where in the sound it begins, if it is a part of that; then
   * onOutside is called, and must open another, when somebody asks for a moment outside of it.
   */
  open(media, file, from_s = 0, onOutside = null) {
    this.close();
    this.#media = media;
    this.#from_s = from_s;
    this.#onOutside = onOutside;
    this.#address = URL.createObjectURL(file);
    media.src = this.#address;
    for (const event of ["play", "pause", "ended", "seeked", "timeupdate"]) media.addEventListener(event, this);
    media.addEventListener("error", this);
    this.#store.set({ playable: true });
  }

  close() {
    const media = this.#media;
    if (!media) return;
    media.pause();
    for (const event of ["play", "pause", "ended", "seeked", "timeupdate", "error"]) media.removeEventListener(event, this);
    media.removeAttribute("src");
    URL.revokeObjectURL(this.#address);
    this.#media = null;
    this.#store.set({ playhead_s: 0, playing: false, playable: true });
  }

  handleEvent(event) {
    if (event.type === "error") this.#store.set({ playable: false });
    else if (event.type === "play") this.#run();
    this.#tell();
  }

  #tell() {
    if (!this.#media) return;
    const playing = !this.#media.paused && !this.#media.ended;
    if (playing !== this.#store.playing) this.#store.set({ playing });
    this.#store.set({ playhead_s: this.#from_s + this.#media.currentTime });
  }

  /** `timeupdate` comes four times a second; a moving line needs every frame. */
  #run() {
    const frame = () => {
      if (!this.#media || this.#media.paused) return;
      this.#tell();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** How long the file is, null if the browser cannot tell soon. */
  async length_s() {
    const media = this.#media;
    if (media && !media.readyState && !media.error) {
      await new Promise((resolve) => {
        for (const event of ["loadedmetadata", "error", "emptied"]) media.addEventListener(event, resolve, { once: true });
        setTimeout(resolve, SOON_MS);
      });
    }
    return Number.isFinite(media?.duration) ? media.duration : null;
  }

  seek(time_s) {
    if (!this.#media || !this.#store.playable) return;
    const place_s = time_s - this.#from_s;
    if (this.#onOutside && (place_s < -ROUNDING_S || place_s > this.#media.duration + ROUNDING_S)) this.#onOutside();
    this.#media.currentTime = Math.min(Math.max(time_s, 0), this.#store.length_s) - this.#from_s;
    this.#store.set({ playhead_s: this.#from_s + this.#media.currentTime });
  }

  async play(from_s = null) {
    if (!this.#media || !this.#store.playable) return;
    if (from_s !== null) this.seek(from_s);
    try {
      await this.#media.play();
    } catch {
      // The next file or a pause came first; there is nothing to tell.
    }
  }

  toggle() {
    if (this.#media?.paused) this.play();
    else this.#media?.pause();
  }
}
