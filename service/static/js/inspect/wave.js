// The waveform above the maps, with the part of it that a value depends on, and where a chosen filter responds.

import { between } from "../audio.js";
import { colour, drawn } from "../canvas.js";
import { across, at } from "../time.js";
import { field } from "./cursor.js";

export function wave(canvas, seen, { store, seek }, cursor) {
  const layers = new Map(seen.layers.map((layer) => [layer.name, layer]));
  const redraw = drawn(canvas, (context, width, height) => {
    if (!store.view) return;
    if (store.sound) trace(context, store, width, height);
    if (cursor.response) respond(context, cursor.response.envelope, store, width, height);
    const layer = layers.get(cursor.at?.layer);
    if (layer?.receptive_field) shade(context, field(layer, cursor.at.time_s, seen.input, store.length_s), store, width, height);
    context.fillStyle = colour("--text");
    context.fillRect(across(store.playhead_s, store.view, width) - 1, 0, 2, height);
  });
  store.on("view sound playhead_s", redraw);
  cursor.on(redraw);
  canvas.addEventListener("click", (event) => seek(at(event.offsetX, store.view, canvas.clientWidth)));
}

function trace(context, { sound, view }, width, height) {
  const middle = height / 2;
  const each = ((view.end_s - view.start_s) * sound.sampleRate) / width;
  context.fillStyle = colour("--wave");
  for (let x = 0; x < width; x += 1) {
    const found = between(sound, at(x, view, width) * sound.sampleRate, at(x, view, width) * sound.sampleRate + each);
    if (!found) break;
    context.fillRect(x, middle - found[1] * middle, 1, Math.max((found[1] - found[0]) * middle, 1));
  }
}

function respond(context, envelope, { view, length_s }, width, height) {
  const middle = height / 2;
  context.fillStyle = colour("--field-edge");
  for (let x = 0; x < width; x += 1) {
    const part = envelope[Math.min(Math.floor((at(x, view, width) / length_s) * envelope.length), envelope.length - 1)];
    context.fillRect(x, middle - part * middle, 1, 2 * part * middle);
  }
}

function shade(context, { start_s, end_s }, { view }, width, height) {
  const left = across(start_s, view, width);
  const right = Math.max(across(end_s, view, width), left + 2);
  context.fillStyle = colour("--field");
  context.fillRect(left, 0, right - left, height);
  context.fillStyle = colour("--field-edge");
  context.fillRect(left - 1, 0, 2, height);
  context.fillRect(right - 1, 0, 2, height);
}
