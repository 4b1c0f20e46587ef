// The waveform: silence shaded, a ruler below; to be clicked, dragged, zoomed and walked with keys.

import { silences } from "./answer.js";
import { between } from "./audio.js";
import { colour, drawn } from "./canvas.js";
import { across, at, clock, ticks } from "./time.js";

const RULER = 22; // pixels
const CLOSEST_S = 0.02;

/** Draws `store.sound` into `canvas` and moves `player` and `store.view` as the visitor asks. */
export function waveform(canvas, store, player) {
  const redraw = drawn(canvas, (context, width, height) => {
    if (!store.view) return;
    const wave = height - RULER;
    if (store.answer?.segments.length) shade(context, silences(store.answer), store.view, width, wave);
    if (store.sound) trace(context, store.sound, store.view, width, wave);
    ruler(context, store.view, width, wave, height);
  });
  store.on("sound answer view", redraw);
  canvas.addEventListener("wheel", (event) => turned(event, canvas, store), { passive: false });
  drag(canvas, store, player);
  keys(canvas, store, player);
  store.on("playhead_s sound answer", () => describe(canvas, store));
}

/** Shows `factor` times as much around `centre_s`, never more than all of it. */
export function zoom(store, factor, centre_s = (store.view.start_s + store.view.end_s) / 2) {
  const { start_s, end_s } = store.view;
  const all_s = store.length_s;
  const shown_s = Math.min(Math.max((end_s - start_s) * factor, CLOSEST_S), all_s);
  const before = (centre_s - start_s) / (end_s - start_s);
  show(store, centre_s - before * shown_s, shown_s);
}

function show(store, start_s, shown_s) {
  const first_s = Math.min(Math.max(start_s, 0), store.length_s - shown_s);
  store.set({ view: { start_s: first_s, end_s: first_s + shown_s } });
}

/** Moves the view to where the sound plays, if that is outside. */
export function follow(store) {
  const { start_s, end_s } = store.view;
  if (store.playhead_s < start_s || store.playhead_s > end_s) show(store, store.playhead_s, end_s - start_s);
}

/** Fills the times of `parts` with the colour of silence. */
export function shade(context, parts, view, width, height) {
  context.fillStyle = colour("--silence");
  for (const { start_s, end_s } of parts) {
    const left = across(start_s, view, width);
    context.fillRect(left, 0, across(end_s, view, width) - left, height);
  }
}

function trace(context, sound, view, width, height) {
  const { sampleRate } = sound;
  const middle = height / 2;
  const step = 1 / devicePixelRatio;
  const samplesEach = ((view.end_s - view.start_s) * sampleRate * step) / width;
  sound.look?.(view, samplesEach);
  context.strokeStyle = context.fillStyle = colour("--wave");
  if (samplesEach < 1) {
    line(context, sound, view, width, middle);
    return;
  }
  for (let x = 0; x < width; x += step) {
    const from = at(x, view, width) * sampleRate;
    const found = between(sound, from, from + samplesEach);
    if (!found) break;
    const top = middle - found[1] * middle;
    context.fillRect(x, top, step, Math.max((found[1] - found[0]) * middle, step));
  }
}

function line(context, { samples, first, sampleRate }, view, width, middle) {
  context.beginPath();
  const last = Math.min(Math.ceil(view.end_s * sampleRate) + 1, first + samples.length);
  for (let i = Math.max(Math.floor(view.start_s * sampleRate), first); i < last; i += 1) {
    context.lineTo(across(i / sampleRate, view, width), middle - samples[i - first] * middle);
  }
  context.lineWidth = 1.5;
  context.stroke();
}

function ruler(context, view, width, top, height) {
  const { times, digits } = ticks(view, width);
  context.fillStyle = colour("--line");
  context.fillRect(0, top, width, 1);
  context.font = `12px ${getComputedStyle(context.canvas).fontFamily}`;
  context.textBaseline = "bottom";
  for (const time of times) {
    const x = across(time, view, width);
    context.fillStyle = colour("--edge");
    context.fillRect(x, top, 1, 5);
    context.fillStyle = colour("--muted");
    const text = clock(time, digits);
    const half = context.measureText(text).width / 2;
    context.fillText(text, Math.min(Math.max(x - half, 4), width - 2 * half), height);
  }
}

function turned(event, canvas, store) {
  if (!store.view) return;
  const sideways = event.deltaX || (event.shiftKey ? event.deltaY : 0);
  if (event.ctrlKey || event.metaKey) {
    zoom(store, Math.exp(Math.min(Math.max(event.deltaY, -50), 50) / 100), at(event.offsetX, store.view, canvas.clientWidth));
  } else if (sideways) {
    const { start_s, end_s } = store.view;
    show(store, start_s + (sideways / canvas.clientWidth) * (end_s - start_s), end_s - start_s);
  } else {
    return;
  }
  event.preventDefault();
}

/** One pointer seeks, two zoom. */
function drag(canvas, store, player) {
  const pointers = new Map();
  const spread = () => Math.abs([...pointers.values()].reduce((a, b) => a - b)) || 1;
  canvas.addEventListener("pointerdown", (event) => {
    if (!store.view) return;
    pointers.set(event.pointerId, event.offsetX);
    canvas.setPointerCapture(event.pointerId);
    if (pointers.size === 1) player.seek(at(event.offsetX, store.view, canvas.clientWidth));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    const before = pointers.size === 2 && spread();
    pointers.set(event.pointerId, event.offsetX);
    if (before) zoom(store, before / spread());
    else if (pointers.size === 1) player.seek(at(event.offsetX, store.view, canvas.clientWidth));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
}

function keys(canvas, store, player) {
  canvas.addEventListener("keydown", (event) => {
    if (!store.view || event.ctrlKey || event.metaKey || event.altKey) return;
    const shown_s = store.view.end_s - store.view.start_s;
    const acts = {
      ArrowLeft: () => player.seek(store.playhead_s - shown_s / 50),
      ArrowRight: () => player.seek(store.playhead_s + shown_s / 50),
      PageDown: () => player.seek(store.playhead_s - shown_s / 5),
      PageUp: () => player.seek(store.playhead_s + shown_s / 5),
      Home: () => player.seek(0),
      End: () => player.seek(store.length_s),
      " ": () => player.toggle(),
      Enter: () => player.toggle(),
      "+": () => zoom(store, 0.5, store.playhead_s),
      "-": () => zoom(store, 2, store.playhead_s),
      0: () => zoom(store, Infinity),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
    follow(store);
  });
}

/** While it plays, in whole seconds: a screen reader is not to count tenths. */
function describe(canvas, store) {
  const time_s = store.playing ? Math.floor(store.playhead_s) : store.playhead_s;
  canvas.setAttribute("aria-valuemax", store.length_s.toFixed(1));
  canvas.setAttribute("aria-valuenow", time_s.toFixed(1));
  canvas.setAttribute("aria-valuetext", `${clock(time_s, 1)} of ${clock(store.length_s, 1)}`);
}
