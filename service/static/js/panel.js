// One file and what one model makes of it. Two of them side by side make a comparison.

import * as api from "./api.js";
import { duration } from "./answer.js";
import { readSound } from "./audio.js";
import { FORMATS, save } from "./download.js";
import { element } from "./dom.js";
import { tell } from "./notice.js";
import { isSame } from "./jobs.js";
import { answerLater, isTooMuch } from "./later.js";
import { Player } from "./player.js";
import { showProgress } from "./progress.js";
import { scores } from "./scores.js";
import { Store } from "./store.js";
import { clock } from "./time.js";
import { band, lanes, table } from "./timeline.js";
import { tracks } from "./tracks.js";
import { header } from "./wav/header.js";
import { longSound } from "./wav/sound.js";
import { waveform } from "./waveform.js";

const MOST_DECODED_S = 1200; // what browsers hold in memory, decoded: half a gigabyte
const MOST_DECODED_BYTES = 2 ** 28;

export class Panel {
  store = new Store();
  player = new Player(this.store);
  #offer;
  #asking = new AbortController();
  #measured = null;

  /** offer: of `api.offer`. onModel: called when the panel goes over to another model by itself. */
  constructor(offer, onModel) {
    this.#offer = offer;
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
    this.#part("cancel").addEventListener("click", () => this.#cancel());
    store.on("file answer sound drawable", () => this.#facts());
  }

  /** What the service takes at once. */
  get limits() {
    return this.#offer.limits;
  }

  #part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }

  /** Whether `file` is the one whose job goes on, or has ended, without it. */
  #isBack(file, model) {
    const { store } = this;
    const isGone = store.file !== null && !store.isHere && this.#part("notice").hidden;
    return isGone && file instanceof Blob && model === store.model && isSame(file, store.file);
  }

  /** Shows `file` and asks `model` about it; what was asked before is dropped. */
  async open(file, model) {
    const { store } = this;
    if (this.#isBack(file, model)) {
      store.set({ file, drawable: true });
      this.#preview();
      store.set({ isLong: (await this.#measured).isLong });
      return;
    }
    const isOther = file !== store.file || model.input.media !== store.model?.input.media;
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    if (isOther) store.sound?.close?.();
    store.set({ file, model, answer: null, ...(isOther && { sound: null, drawable: true, wav: null, view: null }) });
    tell(this.#part("notice"), null);
    this.#part("status").hidden = false;
    this.#part("job").hidden = true;
    if (isOther) this.#preview();
    try {
      const answer = await this.#ask(file, model, signal);
      const length_s = duration(answer);
      store.set({ answer, ...(!store.view && length_s && { view: { start_s: 0, end_s: length_s } }) });
    } catch (problem) {
      if (signal.aborted) return;
      if (!(problem instanceof api.Problem)) throw problem;
      const isLost = problem.code === "no_answer" && !(await isReadable(file));
      if (!signal.aborted) this.#refused(isLost ? new api.Problem({ code: "file_unreadable" }) : problem);
    }
    if (!signal.aborted) this.#part("status").hidden = this.#part("job").hidden = true;
  }

  /** At once if the service takes the file so, by a job if not. */
  async #ask(file, model, signal) {
    const { limits, job_limits } = this.#offer;
    const { length_s, isLong } = await this.#measured;
    signal.throwIfAborted();
    this.store.set({ isLong });
    if (!this.store.isHere && file.model !== model.name) throw new api.Problem({ code: "file_gone" });
    if (!this.store.isLong) {
      try {
        return await api.classify(file, model, signal);
      } catch (problem) {
        if (!isTooMuch(problem)) throw problem;
        this.store.set({ isLong: true });
      }
    }
    this.#part("status").hidden = true;
    return answerLater(file, model, job_limits, signal, (progress) => showProgress(this.#part("job"), progress, file.size, length_s));
  }

  #cancel() {
    this.#asking.abort();
    this.#part("job").hidden = true;
    this.#refused(new api.Problem({ code: "cancelled" }));
    this.#part("notice").querySelector("button")?.focus();
  }

  /** What can be seen and heard at once, without the service. */
  #preview() {
    const { store, player } = this;
    const { file, model } = store;
    const { media } = model.input;
    const [image, video] = [this.#part("image"), this.#part("video")];
    player.close();
    image.hidden = media !== "image" || !store.isHere;
    video.hidden = media !== "video" || !store.isHere;
    if (!store.isHere) {
      store.set({ playable: false, drawable: false });
      this.#measured = { length_s: null, isLong: true };
      return;
    }
    if (media === "image") {
      const address = URL.createObjectURL(file);
      image.onload = () => URL.revokeObjectURL(address);
      image.onerror = () => (image.hidden = true);
      image.src = address;
    } else if (media === "video") {
      player.open(video, file);
    } else if (media === "audio") {
      player.open(this.#part("audio"), file);
    }
    this.#measured = this.#measure(file);
    if (media === "audio") this.#listen(file, model);
  }

  /** length_s: null if that cannot be known soon. wav: of `header`. isLong: too much for an answer at once. */
  async #measure(file) {
    const { max_bytes, max_duration_s } = this.#offer.limits;
    const wav = await header(file).catch(() => null);
    const length_s = wav?.duration_s ?? (await this.player.length_s());
    return { wav, length_s, isLong: file.size > max_bytes || length_s > max_duration_s };
  }

  /** The waveform: of a long WAV file by and by, of others at once if they can be held. */
  async #listen(file, model) {
    const { store } = this;
    const { wav, length_s, isLong } = await this.#measured;
    const isWanted = () => store.file === file && store.model.input.media === "audio";
    const show = (sound) => store.set({ sound, view: store.view ?? { start_s: 0, end_s: sound.duration_s } });
    if (!isWanted()) return;
    store.set({ wav });
    if (wav?.length && isLong) {
      const sound = longSound(file, wav, () => isWanted() && show(sound));
      show(sound);
    } else if (file.size <= MOST_DECODED_BYTES && !(length_s > MOST_DECODED_S)) {
      const sound = await readSound(file, model.input.sample_rate);
      if (!isWanted()) return;
      if (sound) show(sound);
      else store.set({ drawable: false });
    } else {
      store.set({ drawable: false });
    }
  }

  #refused(problem) {
    const kind = this.store.file.type.split("/")[0];
    const media = this.store.model.input.media;
    const isWrong = /^(undecodable|unsupported)_/.test(problem.code) && kind !== media;
    tell(this.#part("notice"), problem, {
      again: this.store.isHere ? () => this.open(this.store.file, this.store.model) : null,
      other: isWrong && this.#offer.models.find((model) => model.input.media === kind),
      change: (model) => this.onModel(model),
    });
  }

  #facts() {
    const { file, answer, drawable } = this.store;
    this.#part("name").textContent = file?.name ?? "";
    const { audio, image, video, volume } = answer ?? {};
    const facts = [];
    const { length_s } = this.store;
    if (length_s) facts.push(length_s < 60 ? `${Number(length_s.toFixed(1))} s` : `${clock(length_s)} ${length_s < 3600 ? "min" : "h"}`);
    if (audio) facts.push(`${audio.sample_rate / 1000} kHz`, ["mono", "stereo"][audio.channels - 1] ?? `${audio.channels} channels`);
    if (image ?? video) facts.push(`${(image ?? video).width} × ${(image ?? video).height}`);
    if (video) facts.push(`${video.num_frames} frames`);
    if (volume) facts.push(volume.shape.join(" × "));
    if (answer) facts.push((audio ?? image ?? video ?? volume).format, `model ${answer.model.name} ${answer.model.version}`);
    if (answer) facts.push(took(answer.timing_ms.total));
    if (!drawable && audio && this.store.isHere) facts.push(`no waveform: ${length_s > MOST_DECODED_S ? "too long to draw here" : "your browser cannot decode this format"}`);
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

/** Not a folder, and not a file that has been moved or changed since it was chosen. */
function isReadable(file) {
  return file.slice(0, 1).arrayBuffer().then(() => true, () => false);
}

function took(ms) {
  return ms < 10_000 ? `${Math.max(1, Math.round(ms))} ms` : `${Math.round(ms / 1000)} s`;
}
