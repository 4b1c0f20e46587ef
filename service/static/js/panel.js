// One file and what one model makes of it. Two of them side by side make a comparison.

import * as api from "./api.js";
import { duration } from "./answer.js";
import { readSound } from "./audio.js";
import { FORMATS, save } from "./download.js";
import { element } from "./dom.js";
import { tell } from "./notice.js";
import { Player } from "./player.js";
import { scores } from "./scores.js";
import { Store } from "./store.js";
import { clock } from "./time.js";
import { band, lanes, table } from "./timeline.js";
import { tracks } from "./tracks.js";
import { waveform } from "./waveform.js";

export class Panel {
  store = new Store();
  player = new Player(this.store);
  #models;
  #asking = new AbortController();

  /** models: all that answer. onModel: called when the panel goes over to another one by itself. */
  constructor(models, onModel) {
    this.#models = models;
    this.onModel = onModel;
    this.element = document.querySelector("#panel").content.firstElementChild.cloneNode(true);
    const { store, player } = this;
    scores(this.#part("verdict"), this.#part("bars"), this.#part("side"), store);
    waveform(this.#part("waveform"), store, player);
    band(this.#part("band"), store, player);
    lanes(this.#part("lanes"), store, player, this.#part("lanes-note"));
    table(this.#part("rows"), this.#part("more-rows"), store, player);
    tracks(this.#part.bind(this), store, player);
    this.#downloads();
    store.on("file answer sound", () => this.#facts());
  }

  #part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }

  /** Shows `file` and asks `model` about it; what was asked before is dropped. */
  async open(file, model) {
    const { store } = this;
    const isOther = file !== store.file || model.input.media !== store.model?.input.media;
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    store.set({ file, model, answer: null, ...(isOther && { sound: null, view: null }) });
    tell(this.#part("notice"), null);
    this.#part("status").hidden = false;
    if (isOther) this.#preview();
    try {
      const answer = await api.classify(file, model, signal);
      const length_s = duration(answer);
      store.set({ answer, ...(!store.view && length_s && { view: { start_s: 0, end_s: length_s } }) });
    } catch (problem) {
      if (signal.aborted) return;
      if (!(problem instanceof api.Problem)) throw problem;
      this.#refused(problem);
    }
    if (!signal.aborted) this.#part("status").hidden = true;
  }

  /** What can be seen and heard at once, without the service. */
  async #preview() {
    const { store, player } = this;
    const { file, model } = store;
    const { media } = model.input;
    const [image, video] = [this.#part("image"), this.#part("video")];
    player.close();
    image.hidden = media !== "image";
    video.hidden = media !== "video";
    if (media === "image") {
      const address = URL.createObjectURL(file);
      image.onload = () => URL.revokeObjectURL(address);
      image.onerror = () => (image.hidden = true);
      image.src = address;
    } else if (media === "video") {
      player.open(video, file);
    } else if (media === "audio") {
      player.open(this.#part("audio"), file);
      const sound = await readSound(file, model.input.sample_rate);
      const isWanted = store.file === file && store.model.input.media === media;
      if (sound && isWanted) store.set({ sound, view: store.view ?? { start_s: 0, end_s: sound.duration_s } });
    }
  }

  #refused(problem) {
    const kind = this.store.file.type.split("/")[0];
    const media = this.store.model.input.media;
    const isWrong = /^(undecodable|unsupported)_/.test(problem.code) && kind !== media;
    tell(this.#part("notice"), problem, {
      again: () => this.open(this.store.file, this.store.model),
      other: isWrong && this.#models.find((model) => model.input.media === kind),
      change: (model) => this.onModel(model),
    });
  }

  #facts() {
    const { file, answer, sound } = this.store;
    this.#part("name").textContent = file?.name ?? "";
    const { audio, image, video, volume } = answer ?? {};
    const facts = [];
    const { length_s } = this.store;
    if (length_s) facts.push(length_s < 60 ? `${Number(length_s.toFixed(1))} s` : `${clock(length_s)} min`);
    if (audio) facts.push(`${audio.sample_rate / 1000} kHz`, ["mono", "stereo"][audio.channels - 1] ?? `${audio.channels} channels`);
    if (image ?? video) facts.push(`${(image ?? video).width} × ${(image ?? video).height}`);
    if (video) facts.push(`${video.num_frames} frames`);
    if (volume) facts.push(volume.shape.join(" × "));
    if (answer) facts.push((audio ?? image ?? video ?? volume).format, `model ${answer.model.name} ${answer.model.version}`);
    if (answer) facts.push(`${Math.max(1, Math.round(answer.timing_ms.total))} ms`);
    if (sound === null && audio) facts.push("no waveform: your browser cannot decode this format");
    this.#part("facts").textContent = facts.join(" · ");
  }

  #downloads() {
    const { store } = this;
    for (const [label, end, type, text] of FORMATS) {
      const button = element("button", { type: "button", class: "button small" }, label);
      button.addEventListener("click", () => {
        const stem = store.file.name.replace(/\.[^.]+$/, "");
        save(text(store.answer, store.model, store.file), type, `${stem}.${store.model.name}.${end}`);
      });
      store.on("answer", () => (button.hidden = end === "txt" && !store.answer?.segments.length));
      this.#part("downloads").append(button);
    }
    store.on("answer", () => (this.#part("actions").hidden = store.answer === null));
  }
}
