// What is looked into: all of a panel's sound, or a part of it that is cut out here and is all that is sent.

import { readSound, wavFile } from "../audio.js";
import { Store } from "../store.js";
import { cut } from "../wav/header.js";

const USUAL_S = 30;
const LONGEST_S = 60;
const SHORTEST_S = 0.5;

/**
 * The part of the sound that a visitor may mean, {start_s, end_s}: what is in view if that is short enough, else what
 * lies around the playhead. longest_s: that the service takes.
 */
export function meant({ view, playhead_s, length_s }, longest_s) {
  const shown_s = view.end_s - view.start_s;
  if (shown_s <= Math.min(LONGEST_S, longest_s) && shown_s >= SHORTEST_S) return view;
  const part_s = Math.min(USUAL_S, longest_s, length_s);
  const start_s = Math.min(Math.max(playhead_s - part_s / 2, 0), length_s - part_s);
  return { start_s, end_s: start_s + part_s };
}

/** Whether a part of the sound can be cut out here: of WAV files, and of what the browser has decoded. */
export function canBeCut({ wav, sound }) {
  return Boolean(wav?.length || sound);
}

/**
 * A store and what a player needs for all of the sound in `panel`, or for `part` of it. Times in both count from the
 * start of the part, `from_s`; zoom and playback go on together with the panel until `signal` is aborted.
 */
export async function piece(panel, part, signal) {
  const { store: whole, player } = panel;
  const store = new Store();
  const from_s = part?.start_s ?? 0;
  if (part) {
    const file = cutOut(whole, part);
    store.set({ file, model: whole.model, sound: await readSound(file, whole.model.input.sample_rate) });
  } else {
    const { file, model, sound, answer } = whole;
    store.set({ file, model, sound, answer });
    whole.on("sound", () => store.set({ sound: whole.sound }), signal);
  }
  const length_s = part ? part.end_s - part.start_s : null;
  const follow = () => store.set({ view: within(whole.view, from_s, length_s), playhead_s: whole.playhead_s - from_s });
  whole.on("view playhead_s", follow, signal);
  follow();
  let isOther = false; // than the sound itself, in the player
  const hear = (file, onLeft) => {
    const { playhead_s } = whole;
    const audio = panel.element.querySelector('[data-part="audio"]');
    const leave = () => {
      hear(null);
      onLeft();
    };
    if (file) player.open(audio, file, from_s, leave);
    else player.open(audio, whole.file);
    player.seek(playhead_s);
    if (file) player.play();
    isOther = file !== null;
  };
  signal.addEventListener("abort", () => isOther && hear(null));
  return {
    store,
    from_s,
    seek: (time_s) => player.seek(from_s + time_s),
    hear, // plays a file instead of the sound until another moment is wanted: then it calls what it was given with it
  };
}

function cutOut({ file, wav, sound }, { start_s, end_s }) {
  if (wav?.length) return cut(file, wav, Math.floor(start_s * wav.sampleRate), Math.floor(end_s * wav.sampleRate));
  const { samples, sampleRate } = sound;
  return wavFile(samples.subarray(Math.floor(start_s * sampleRate), Math.floor(end_s * sampleRate)), sampleRate, file.name);
}

/** The panel's view as one of the part, if it shows nothing else; all of the part if not. */
function within(view, from_s, length_s) {
  if (length_s === null) return view;
  const [start_s, end_s] = [view.start_s - from_s, view.end_s - from_s];
  const isInside = start_s >= -0.001 && end_s <= length_s + 0.001;
  return isInside ? { start_s, end_s } : { start_s: 0, end_s: length_s };
}
