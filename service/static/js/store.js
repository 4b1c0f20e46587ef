// What a panel of the page shows. Its parts listen to changes here and do not know each other.

import { duration } from "./answer.js";

/**
 * Members, each replaced as a whole and null while unknown:
 *   file        the File that was chosen, or what is remembered of it
 *   model       one of `GET /v1/models`
 *   sound       of audio the browser can decode or read in parts, see audio.js and wav/sound.js
 *   drawable    false once it is known that there will be no sound to draw
 *   wav         of a WAV file: where its samples are, see wav/header.js
 *   isLong      whether the file is too much for an answer at once and for a look into all of it
 *   answer      of `POST /classify?segments=true`
 *   view        {start_s, end_s} of the part that is drawn; every drawing over time keeps to it
 *   playhead_s  where the sound plays; `playing` whether it does, `playable` whether the browser can
 */
export class Store extends EventTarget {
  file = null;
  model = null;
  sound = null;
  drawable = true;
  wav = null;
  isLong = false;
  answer = null;
  view = null;
  playhead_s = 0;
  playing = false;
  playable = true;

  /** How long the file is in seconds, 0 while that is not known and for pictures. */
  get length_s() {
    return (this.answer && duration(this.answer)) ?? this.sound?.duration_s ?? 0;
  }

  /** Whether there are bytes of the file; not if only its job outlived the page (see jobs.js). */
  get isHere() {
    return this.file instanceof Blob;
  }

  /** Change members and tell who listens, in one go. */
  set(changes) {
    Object.assign(this, changes);
    for (const name of Object.keys(changes)) this.dispatchEvent(new Event(name));
  }

  /** Calls `listener` after each change of one of `names`, members divided by spaces, until `signal` is aborted. */
  on(names, listener, signal) {
    for (const name of names.split(" ")) this.addEventListener(name, listener, { signal });
  }
}
