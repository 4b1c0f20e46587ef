// "Look inside": what the layers of the model make of the sound in the first panel.

import * as api from "../api.js";
import { percent, words } from "../answer.js";
import { classColour, onColours } from "../canvas.js";
import { element } from "../dom.js";
import { tell } from "../notice.js";
import { clock } from "../time.js";
import { activations, silence } from "./curves.js";
import { Cursor, span } from "./cursor.js";
import { gallery } from "./filters.js";
import { heat } from "./heat.js";
import { layerTable } from "./layers.js";
import { canBeCut, meant, piece } from "./piece.js";
import { wave } from "./wave.js";

const WORTH_CUTTING_S = 60; // shorter sounds are looked into as a whole

/** Fills `section` for the sound and the model of `panel`, when the visitor asks for it. */
export function inside(section, panel) {
  const { store } = panel;
  const all = element("button", { type: "button", class: "button main" }, "Look inside");
  const part = element("button", { type: "button", class: "button" });
  const hint = element("p", { class: "quiet" });
  const status = element("p", { class: "listening", role: "status", hidden: true }, element("span", { "aria-hidden": "true" }), "Looking …");
  const notice = element("div", { class: "notice", role: "alert", hidden: true });
  const look = element("div", { class: "look", tabIndex: -1 });
  section.classList.add("inside", "card");
  section.querySelector("h2").replaceWith(
    element(
      "header",
      {},
      element("h2", { id: "inside-title" }, "Look inside"),
      element("p", {}, "See what each layer makes of this sound on the way to its answer, what the first filters listen for, and when each class was heard."),
    ),
  );
  section.append(element("div", { class: "row" }, all, part), hint, status, notice, look);

  let asking = new AbortController();
  let shown = null; // the part that is looked into, "all" for all of the sound
  const offer = () => {
    if (section.hidden) return;
    const canPart = store.view && canBeCut(store) && (store.isLong || store.length_s > WORTH_CUTTING_S);
    const { start_s, end_s } = canPart ? meant(store, panel.limits.max_duration_s) : {};
    all.hidden = store.isLong || shown === "all";
    part.hidden = !canPart || (shown?.start_s === start_s && shown.end_s === end_s);
    part.classList.toggle("main", store.isLong);
    const text = canPart ? `Look inside ${clock(start_s, 1)} – ${clock(end_s, 1)}` : "";
    if (part.textContent !== text) part.textContent = text; // asked at each step of the playhead
    hint.hidden = !canPart && !store.isLong;
    hint.textContent = !canPart ? TOO_LONG : shown === null ? CHOOSE : CHOOSE_ANOTHER;
  };
  const forget = () => {
    asking.abort();
    look.replaceChildren();
    tell(notice, null);
    status.hidden = true;
    shown = null;
    section.hidden = !store.isHere || !store.answer?.audio || store.model.input.media !== "audio";
    offer();
  };
  const ask = async (what, layers = []) => {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    shown = what;
    offer();
    status.hidden = false;
    tell(notice, null);
    try {
      const looked = await piece(panel, what === "all" ? null : what, signal);
      const seen = await api.inspect(looked.store.file, store.model, layers, signal);
      looked.store.set({ answer: seen });
      look.replaceChildren(...show(seen, looked, (others) => ask(what, others)));
      if (document.activeElement === document.body) look.focus({ preventScroll: true }); // what was pressed has gone
    } catch (problem) {
      if (signal.aborted) return;
      if (!(problem instanceof api.Problem)) throw problem;
      tell(notice, problem, { again: () => ask(what, layers) });
    }
    status.hidden = true;
  };
  all.addEventListener("click", () => ask("all"));
  part.addEventListener("click", () => {
    const chosen = meant(store, panel.limits.max_duration_s);
    store.set({ view: chosen });
    ask(chosen);
  });
  store.on("file answer", forget);
  store.on("sound wav view playhead_s", offer);
  forget();
}

const CHOOSE = "Zoom in on the waveform, or click on it, to choose which part.";
const CHOOSE_ANOTHER = "For another part zoom out, then click or zoom in there.";
const TOO_LONG =
  "This sound is too long to look into at once, and your browser cannot cut a part out of it. Save the part that interests you as a file of its own, or all of it as WAV, and choose that.";

function show(seen, piece, again) {
  const { store, from_s } = piece;
  const cursor = new Cursor();
  const layers = new Map(seen.layers.map((layer) => [layer.name, layer]));
  const top = element("canvas", { role: "img", "aria-label": "The waveform, with what a value depends on" });
  wave(top, seen, piece, cursor);
  const said = element("p", { class: "look-said quiet", role: "status" });
  cursor.on(() => (said.textContent = told(cursor, layers, seen, from_s)));
  said.textContent = told(cursor, layers, seen, from_s);
  const parts = [element("div", { class: "look-wave" }, top, said)];
  if (seen.activation && seen.features.length) parts.push(...classes(seen, store, cursor, layers));
  if (!seen.features.length) parts.push(element("p", {}, "All of this sound is silent, so the network was not asked."));
  parts.push(...maps(seen, store, cursor, layers));
  parts.push(layerTable(seen, again));
  if (seen.filters?.order.length) parts.push(...filters(seen, piece, cursor));
  if (seen.silence) parts.push(silent(seen, store, cursor));
  return parts;
}

function told({ at }, layers, seen, from_s) {
  if (!at) return "Point at a map, or walk over it with the arrow keys: the waveform shows which part of the sound that value depends on.";
  const layer = layers.get(at.layer);
  const sees = layer.receptive_field ? ` It depends on ${span(Math.min(layer.receptive_field[0], seen.input.window) / seen.input.sample_rate)} of sound around it.` : "";
  const where = at.channel === null ? "" : `, channel ${at.channel}${at.row === null ? "" : `, row ${at.row}`}`;
  const value = at.value === null || at.value === undefined ? "" : `: ${at.value}`;
  return `${at.layer}${where}, at ${clock(from_s + at.time_s, 2)}${value}.${sees}`;
}

function part(title, note, ...content) {
  return element("section", { class: "look-part" }, element("h3", {}, title), element("p", { class: "quiet" }, note), ...content);
}

function classes(seen, store, cursor, layers) {
  const canvas = element("canvas", { class: "look-curves", role: "img", "aria-label": "Activation of each class over time" });
  activations(canvas, seen.activation, store.model, layers.get(seen.activation.layer), store, cursor);
  const keys = seen.activation.labels.map(({ label, score }) => {
    const dash = element("span", { "aria-hidden": "true" });
    onColours(() => (dash.style.background = classColour(store.model.task.labels.indexOf(label))));
    return element("li", {}, dash, `${words(label)} ${percent(score)}`);
  });
  return [
    part(
      "When each class was heard",
      `What speaks for a class is above the line, what speaks against it below: the class activation at ${seen.activation.layer}, in logits.`,
      canvas,
      element("ul", { class: "keys" }, ...keys),
    ),
  ];
}

function maps(seen, store, cursor, layers) {
  if (!seen.features.length) return [];
  const shown = seen.features.map((feature) => {
    const layer = layers.get(feature.layer);
    const canvas = element("canvas", { class: "heat", tabIndex: 0, role: "application", "aria-roledescription": "heat map", "aria-label": `Map of ${feature.layer}; walk over it with the arrow keys` });
    const height = Math.min(Math.max(2.2 * feature.values.length, 64), 150);
    canvas.style.height = `${height}px`;
    heat(canvas, feature, isByPitch(feature.channels, seen.filters), store, cursor);
    const sees = layer.receptive_field[0] / seen.input.sample_rate;
    const facts = `${layer.kind} ${layer.sizes} · ${layer.output_shape.map((size) => size.toLocaleString("en")).join(" × ")} · sees ${span(sees)}`;
    const count = feature.channels.length;
    const rows = feature.rows > 1 ? `${count} strongest channels, each a picture of ${feature.rows} rows` : `${count} channels`;
    return element("section", { class: "look-part" }, element("header", {}, element("h4", {}, feature.layer), element("span", { class: "quiet" }, facts)), canvas, element("p", { class: "quiet" }, `${rows}${feature.rms ? "; each column is the root mean square of several values" : ""}`));
  });
  const note = "From the waveform to the answer: time runs to the right as above, each row is a channel, and the deeper the colour, the stronger it answers. Layers see further and further, and tell less and less exactly when.";
  return [part("Layer by layer", note), ...shown];
}

/** Whether the channels are the first filters, from the lowest to the highest. */
function isByPitch(channels, filters) {
  const order = filters?.order.filter((channel) => channels.includes(channel)) ?? [];
  return order.length === channels.length && order.every((channel, i) => channel === channels[i]);
}

function filters(seen, piece, cursor) {
  const { weights } = seen.filters;
  const note = `${weights.length} learned filters of ${weights[0][0].length} samples slide over the sound. Above, each as a wave; below, which frequencies it lets through, from 0 to ${seen.input.sample_rate / 2000} kHz. Choose one to see where it responds, and to hear it.`;
  return [part("The first filters", note, ...gallery(seen.filters, piece, cursor))];
}

function silent(seen, store, cursor) {
  const canvas = element("canvas", { class: "look-silence", role: "img", "aria-label": "Likelihood of silence over time" });
  silence(canvas, seen.silence, store, cursor);
  return part(
    "The silence filter",
    "A small network of its own says for every 20 ms whether anything sounds: σ of its response, from 0 to 1. Above the dashed line it hears silence.",
    canvas,
  );
}
