// The filters that meet the sound: each as a wave with its frequency response; one can be chosen, seen and heard.

import { colour, drawn } from "../canvas.js";
import { element } from "../dom.js";
import { envelope, response } from "./hear.js";

const FLOOR_DB = 50; // below the strongest response
const ENVELOPE = 2000;

/** The gallery and the chosen filter. filters: of the answer. piece: what they belong to, see piece.js. */
export function gallery(filters, piece, cursor) {
  const none = element("p", { class: "quiet" }, "Choose a filter below.");
  const one = element("div", { class: "one-filter" }, none);
  const tiles = element("div", { class: "gallery", role: "group", "aria-label": "Filters from low to high; arrow keys go from one to the next" });
  for (const index of filters.order) tiles.append(tile(filters, index, piece, cursor));
  walk(tiles);
  cursor.on(() => {
    for (const button of tiles.children) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.filter) === cursor.filter));
    }
  });
  let shown = null;
  cursor.on(() => {
    if (cursor.filter === shown) return;
    one.replaceChildren(...(cursor.filter === null ? [none] : closeUp(filters, cursor.filter, piece, cursor)));
    shown = cursor.filter;
  });
  return [one, tiles];
}

/** One stop for the Tab key, arrows from filter to filter: there are many. */
function walk(tiles) {
  const buttons = [...tiles.children];
  const stop = (chosen) => buttons.forEach((button) => (button.tabIndex = button === chosen ? 0 : -1));
  stop(buttons[0]);
  tiles.addEventListener("focusin", (event) => stop(event.target));
  tiles.addEventListener("keydown", (event) => {
    const place = buttons.indexOf(event.target);
    const across = buttons.filter(({ offsetTop }) => offsetTop === buttons[0].offsetTop).length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across, Home: -place, End: buttons.length - 1 - place };
    const next = buttons[place + steps[event.key]];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

function tile(filters, index, { store }, cursor) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  drawn(canvas, (context, width, height) => {
    wave(context, filters.weights[index][0], width, height / 2);
    spectrum(context, filters, index, width, height / 2 + 3, height / 2 - 3);
  });
  const button = element("button", { type: "button", "aria-pressed": "false" }, canvas, hertz(filters.centres_hz[index]));
  button.dataset.filter = index;
  button.addEventListener("click", async () => {
    const isOff = cursor.filter === index;
    cursor.set({ filter: isOff ? null : index, response: null });
    const { sound } = store;
    if (isOff || !sound) return;
    const passed = await response(sound, resampled(filters.weights[index][0], store.model.input.sample_rate, sound.sampleRate));
    if (cursor.filter === index) cursor.set({ response: { ...passed, envelope: envelope(passed, ENVELOPE) } });
  });
  return button;
}

/** The taps at another rate, where the browser cannot decode at the model's own; equal parts of the wave as before. */
function resampled(taps, from, to) {
  if (from === to) return taps;
  const count = Math.round((taps.length * to) / from);
  return Array.from({ length: count }, (_, i) => {
    const place = (i * (taps.length - 1)) / (count - 1);
    const below = Math.min(Math.floor(place), taps.length - 2);
    return ((taps[below] + (place - below) * (taps[below + 1] - taps[below])) * from) / to;
  });
}

function closeUp(filters, index, piece, cursor) {
  const [taps, centre] = [filters.weights[index][0], filters.centres_hz[index]];
  const { sample_rate: rate } = piece.store.model.input;
  const shape = element("canvas", { role: "img", "aria-label": `The wave of filter ${index}` });
  drawn(shape, (context, width, height) => wave(context, taps, width, height));
  const passes = element("canvas", { role: "img", "aria-label": `Its frequency response, strongest at ${hertz(centre)}` });
  drawn(passes, (context, width, height) => {
    spectrum(context, filters, index, width, 0, height - 18);
    axis(context, filters, width, height);
  });
  return [
    element("figure", {}, shape, element("figcaption", { class: "quiet" }, `Filter ${index}: ${taps.length} samples, ${Number(((1000 * taps.length) / rate).toFixed(1))} ms`)),
    element("figure", {}, passes, element("figcaption", { class: "quiet" }, `What it lets through: most at ${hertz(centre)}`)),
    hearing(piece, cursor),
  ];
}

function hearing({ store, hear }, cursor) {
  const button = element("button", { type: "button", class: "button" }, "Hear what it hears");
  const said = element("p", { class: "quiet", role: "status" });
  let isFiltered = false;
  button.addEventListener("click", () => {
    isFiltered = !isFiltered;
    if (isFiltered) hear(cursor.response.file, left);
    else hear(null);
    say();
  });
  const left = () => {
    isFiltered = false;
    say();
  };
  const say = () => {
    button.disabled = cursor.response === null;
    button.textContent = isFiltered ? "Back to the sound" : "Hear what it hears";
    if (!store.sound) said.textContent = "Your browser cannot decode this format, so it cannot filter it.";
    else if (isFiltered) said.textContent = `The player plays what the filter lets through, ${louder(cursor.response.gain_db)}.`;
    else said.textContent = "The waveform shows in colour where it responds.";
  };
  const chosen = cursor.filter;
  cursor.on(() => {
    if (isFiltered && cursor.filter !== chosen) {
      isFiltered = false;
      hear(null);
    }
    if (cursor.filter === chosen) say();
  });
  say();
  return element("div", {}, button, said);
}

function louder(gain_db) {
  return `${Math.abs(Math.round(gain_db))} dB ${gain_db < 0 ? "softer" : "louder"} than it is`;
}

function wave(context, taps, width, height) {
  const most = taps.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
  context.fillStyle = colour("--line");
  context.fillRect(0, height / 2 - 0.5, width, 1);
  context.strokeStyle = colour("--text");
  context.lineWidth = 1.25;
  context.beginPath();
  taps.forEach((tap, i) => {
    context.lineTo((i / (taps.length - 1)) * width, height / 2 - (tap / most) * (height / 2 - 2));
  });
  context.stroke();
}

function spectrum(context, filters, index, width, top, height) {
  const gains = filters.gains_db[index];
  const most = Math.max(...gains);
  const y = (gain) => top + height - Math.max(0, 1 + (gain - most) / FLOOR_DB) * height;
  context.fillStyle = colour("--accent");
  context.globalAlpha = 0.85;
  context.beginPath();
  context.moveTo(0, top + height);
  gains.forEach((gain, i) => context.lineTo((i / (gains.length - 1)) * width, y(gain)));
  context.lineTo(width, top + height);
  context.fill();
  context.globalAlpha = 1;
}

function axis(context, filters, width, height) {
  const highest = filters.frequencies_hz.at(-1);
  context.fillStyle = colour("--muted");
  context.font = `12px ${getComputedStyle(context.canvas).fontFamily}`;
  for (const [place, align] of [[0, "left"], [0.5, "center"], [1, "right"]]) {
    context.textAlign = align;
    context.fillText(hertz(place * highest), place * width, height - 3);
  }
}

/** 440 as "440 Hz", 3125 as "3.1 kHz". */
export function hertz(value) {
  return value < 1000 ? `${Math.round(value)} Hz` : `${Number((value / 1000).toFixed(1))} kHz`;
}
