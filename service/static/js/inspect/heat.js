// A map of a layer as a picture under the waveform: time to the right, a row for each channel.

import { colour, drawn } from "../canvas.js";
import { onTheme } from "../shell.js";
import { across, at } from "../time.js";

const RAMP = ["--heat-0", "--heat-1", "--heat-2", "--heat-3"];
const STEPS = 256;

/**
 * Draws the values of a map, rows over columns that share the whole sound, and lets the visitor point at them.
 * isByPitch: whether its channels come from low to high.
 */
export function heat(canvas, { values: told, rows, channels: known, layer }, isByPitch, store, cursor) {
  const { values, channels, rowAt } = upright(told, rows, known, isByPitch);
  const range = rangeOf(values);
  let image = paint(values, range);
  onTheme(() => {
    image = paint(values, range);
  });
  const redraw = drawn(canvas, (context, width, height) => {
    if (!store.view) return;
    const { start_s, end_s } = store.view;
    const columns = values[0].length;
    context.imageSmoothingEnabled = false;
    const each_s = store.length_s / columns;
    context.drawImage(image, start_s / each_s, 0, (end_s - start_s) / each_s, values.length, 0, 0, width, height);
    if (rows > 1) dividers(context, channels.length, width, height);
    if (!cursor.at) return;
    context.fillStyle = colour("--field-edge");
    context.fillRect(across(cursor.at.time_s, store.view, width) - 0.5, 0, 1, height);
  });
  store.on("view", redraw);
  cursor.on(redraw);

  const point = (x, y) => {
    const time_s = at(x, store.view, canvas.clientWidth);
    const row = Math.min(Math.floor((y / canvas.clientHeight) * values.length), values.length - 1);
    const column = Math.min(Math.floor((time_s / store.length_s) * values[0].length), values[0].length - 1);
    const channel = channels[Math.floor(row / rows)];
    cursor.set({ at: { time_s, layer, channel, row: rows > 1 ? rowAt(row) : null, value: values[row]?.[column] } });
  };
  canvas.addEventListener("pointermove", (event) => point(event.offsetX, event.offsetY));
  canvas.addEventListener("pointerdown", (event) => point(event.offsetX, event.offsetY));
  canvas.addEventListener("pointerleave", () => cursor.set({ at: null }));
  canvas.addEventListener("blur", () => cursor.set({ at: null }));
  let [x, y] = [0.5, 0.5];
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: [0.01, 0], ArrowLeft: [-0.01, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    x = Math.min(Math.max(x + step[0], 0), 0.999);
    y = Math.min(Math.max(y + step[1] / values.length, 0), 0.999);
    point(x * canvas.clientWidth, y * canvas.clientHeight);
  });
}

/** Low notes belong to the bottom, as in a spectrogram: the rows of each picture turned over, or those of the map. */
function upright(values, rows, channels, isByPitch) {
  if (rows > 1) {
    const turned = channels.flatMap((_, i) => values.slice(i * rows, (i + 1) * rows).toReversed());
    return { values: turned, channels, rowAt: (row) => rows - 1 - (row % rows) };
  }
  if (isByPitch) return { values: values.toReversed(), channels: channels.toReversed() };
  return { values, channels };
}

/** The values between which colours change: nearly the least and the greatest, so that one peak does not hide the rest. */
function rangeOf(values) {
  const known = values.flat().filter((value) => value !== null).sort((a, b) => a - b);
  const low = known[Math.floor(0.005 * known.length)] ?? 0;
  const high = known[Math.floor(0.995 * known.length)] ?? 1;
  return high > low ? [low, high] : [low, low + 1];
}

function paint(values, [low, high]) {
  const colours = ramp();
  const silent = rgb(colour("--silence"));
  const [height, width] = [values.length, values[0].length];
  const image = new OffscreenCanvas(width, height);
  const context = image.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const value = values[row][column];
      const place = Math.round(Math.min(Math.max((value - low) / (high - low), 0), 1) * (STEPS - 1));
      pixels.data.set(value === null ? silent : colours[place], 4 * (row * width + column));
    }
  }
  context.putImageData(pixels, 0, 0);
  return image;
}

function ramp() {
  const stops = RAMP.map((name) => rgb(colour(name)));
  return Array.from({ length: STEPS }, (_, i) => {
    const place = (i / (STEPS - 1)) * (stops.length - 1);
    const below = Math.min(Math.floor(place), stops.length - 2);
    return stops[below].map((one, part) => one + (place - below) * (stops[below + 1][part] - one));
  });
}

function rgb(text) {
  return [...text.match(/[\d.]+/g).slice(0, 3).map(Number), 255];
}

function dividers(context, count, width, height) {
  context.fillStyle = colour("--surface");
  for (let i = 1; i < count; i += 1) context.fillRect(0, Math.round((i * height) / count) - 0.5, width, 1);
}
