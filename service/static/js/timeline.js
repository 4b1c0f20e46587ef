// Over time: the leading tag as a coloured band, and the score of each class as a curve of its own.

import { cells, percent, runs, said, silences, words } from "./answer.js";
import { classColour, colour, drawn } from "./canvas.js";
import { element } from "./dom.js";
import { across, at, clock } from "./time.js";
import { shade } from "./waveform.js";

const LANE = 34; // pixels
const MOST_LANES = 12;
const ROWS_AT_ONCE = 100;

/** Draws the leading tag into `canvas`, which is a slider for keys: they go from one change to the next. */
export function band(canvas, store, player) {
  let parts = [];
  const redraw = drawn(canvas, (context, width, height) => {
    if (!parts.length || !store.view) return;
    shade(context, silences(store.answer), store.view, width, height);
    for (const part of parts) strip(context, part, store, width, height);
  });
  store.on("answer", () => {
    parts = store.answer?.segments.length && store.model.task.kind !== "regression" ? runs(store.answer, store.model.task) : [];
    canvas.hidden = !parts.length;
  });
  store.on("answer view", redraw);
  canvas.addEventListener("click", (event) => hear(event, canvas, store, player));

  const current = () => parts.find((part) => store.playhead_s < part.end_s) ?? parts.at(-1);
  store.on("playhead_s answer", () => {
    if (!parts.length) return;
    const part = current();
    canvas.setAttribute("aria-valuemax", parts.length);
    canvas.setAttribute("aria-valuenow", parts.indexOf(part) + 1);
    canvas.setAttribute("aria-valuetext", `${clock(part.start_s)} to ${clock(part.end_s)}: ${tagOf(part)}`);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) player.seek(parts[Math.min(Math.max(parts.indexOf(current()) + step, 0), parts.length - 1)].start_s);
    else if (event.key === "Enter" || event.key === " ") player.toggle();
    else return;
    event.preventDefault();
  });
}

function tagOf({ best, sure }) {
  if (!best) return "silence";
  return sure ? words(best.label) : `not sure, perhaps ${words(best.label)}`;
}

function strip(context, part, store, width, height) {
  if (!part.best) return;
  const left = across(part.start_s, store.view, width);
  const right = across(part.end_s, store.view, width);
  if (right < 0 || left > width) return;
  context.fillStyle = classColour(store.model.task.labels.indexOf(part.best.label));
  context.globalAlpha = part.sure ? 1 : 0.3;
  context.beginPath();
  context.roundRect(left + 0.5, 0, Math.max(right - left - 1, 1), height, 4);
  context.fill();
  context.globalAlpha = 1;
  const start = Math.max(left, 0) + 8;
  const text = part.sure ? words(part.best.label) : `${words(part.best.label)}?`;
  context.font = `600 13px ${getComputedStyle(context.canvas).fontFamily}`;
  if (context.measureText(text).width > Math.min(right, width) - start - 8) return;
  context.fillStyle = part.sure ? colour("--surface") : colour("--text");
  context.textBaseline = "middle";
  context.fillText(text, start, height / 2 + 1);
}

function hear(event, canvas, store, player) {
  if (store.view) player.play(at(event.offsetX, store.view, canvas.clientWidth));
}

/** Draws a curve for each class into `canvas`, the most important ones if there are many. */
export function lanes(canvas, store, player, note) {
  let shown = [];
  let curves = [];
  const redraw = drawn(canvas, (context, width) => {
    if (!shown.length || !store.view) return;
    shown.forEach((lane, row) => curve(context, lane, curves, store.view, width, row * LANE));
    shade(context, silences(store.answer), store.view, width, canvas.clientHeight);
    shown.forEach(({ label }, row) => name(context, words(label), row * LANE));
  });
  store.on("answer", () => {
    const { answer, model } = store;
    shown = answer?.segments.length ? lanesOf(answer, model.task) : [];
    curves = shown.length ? cells(answer) : [];
    canvas.hidden = !shown.length;
    canvas.style.height = `${shown.length * LANE}px`;
    const left_out = shown.length ? model.task.labels.length - shown.length : 0;
    note.textContent = left_out > 0 ? `${left_out} more classes score lower all the time; the downloads have them.` : "";
  });
  store.on("answer view", redraw);
  canvas.addEventListener("click", (event) => hear(event, canvas, store, player));
}

/** `{label, colour, scores, low, high}` of the classes with the greatest score anywhere, in the model's own order. */
function lanesOf(answer, task) {
  const scores = new Map(task.labels.map((label) => [label, []]));
  for (const { predictions } of answer.segments) {
    const given = new Map(predictions.map((one) => [one.label, one.score ?? one.value]));
    for (const [label, row] of scores) row.push(given.get(label) ?? null);
  }
  const most = (label) => scores.get(label).reduce((a, b) => Math.max(a, b ?? -Infinity), -Infinity);
  const best = [...task.labels].sort((a, b) => most(b) - most(a)).slice(0, MOST_LANES);
  return task.labels.flatMap((label, index) => {
    if (!best.includes(label)) return [];
    const row = scores.get(label);
    const isScore = task.kind !== "regression";
    const low = isScore ? 0 : row.reduce((a, b) => Math.min(a, b ?? Infinity), Infinity);
    const high = isScore ? 1 : most(label);
    return [{ label, index, scores: row, low, high: high > low ? high : low + 1 }];
  });
}

function curve(context, { index, scores, low, high }, curves, view, width, top) {
  const bottom = top + LANE - 4;
  const y = (score) => bottom - ((score - low) / (high - low)) * (LANE - 8);
  context.fillStyle = colour("--line");
  context.fillRect(0, bottom, width, 1);
  context.fillStyle = context.strokeStyle = classColour(index);
  const points = [];
  const add = (x, score) => {
    const last = points.at(-1);
    if (last && x - last[0] < 1) last[1] += (y(score) - last[1]) / (last[2] += 1); // the mean of all in one pixel
    else points.push([x, y(score), 1]);
  };
  const fill = () => {
    if (points.length) area(context, points, bottom);
    points.length = 0;
  };
  scores.forEach((score, i) => {
    const { start_s, middle_s, end_s } = curves[i];
    if (score === null) fill();
    else if (end_s >= view.start_s - (end_s - start_s) && start_s <= view.end_s + (end_s - start_s)) {
      const first = i === 0 || scores[i - 1] === null;
      const last = i === scores.length - 1 || scores[i + 1] === null;
      if (first) add(across(start_s, view, width), score);
      add(across(middle_s, view, width), score);
      if (last) add(across(end_s, view, width), score);
    }
  });
  fill();
}

function area(context, points, bottom) {
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.lineWidth = 1.5;
  context.stroke();
  context.lineTo(points.at(-1)[0], bottom);
  context.lineTo(points[0][0], bottom);
  context.globalAlpha = 0.28;
  context.fill();
  context.globalAlpha = 1;
}

function name(context, text, top) {
  context.font = `600 12px ${getComputedStyle(context.canvas).fontFamily}`;
  context.textBaseline = "top";
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = colour("--surface"); // the curve may run behind it
  context.strokeText(text, 6, top + 7);
  context.fillStyle = colour("--text");
  context.fillText(text, 6, top + 7);
}

/** "rock 72 %, pop 20 %": the scores at a moment. */
export function moment(answer, time_s) {
  if (silences(answer).some(({ start_s, end_s }) => start_s <= time_s && time_s < end_s)) return "silence";
  const cell = cells(answer).find(({ end_s }) => time_s < end_s) ?? cells(answer).at(-1);
  return cell.segment.predictions.slice(0, 3).map((one) => `${words(one.label)} ${said(one)}`).join(", ");
}

/** The band in words: rows with a button to hear each part, more of them when asked. */
export function table(body, more, store, player) {
  let parts = [];
  const add = () => {
    const rows = parts.splice(0, ROWS_AT_ONCE).map((part) => {
      const times = `${clock(part.start_s, 1)} – ${clock(part.end_s, 1)}`;
      const play = element("button", { type: "button", class: "link" }, element("span", { class: "unseen" }, "Play "), times);
      play.addEventListener("click", () => player.play(part.start_s));
      return element("tr", {}, element("td", {}, play), element("td", {}, tagOf(part)), element("td", {}, part.best ? percent(part.score) : ""));
    });
    body.append(...rows);
    more.hidden = !parts.length;
  };
  more.addEventListener("click", add);
  store.on("answer", () => {
    body.replaceChildren();
    parts = store.answer?.segments.length && store.model.task.kind !== "regression" ? runs(store.answer, store.model.task) : [];
    add();
  });
}
