// What the examples share: questions to the service, bars for signals, grids for pictures.

import * as api from "../api.js";
import { colour, drawn } from "../canvas.js";
import { element } from "../dom.js";

/** The signal of the examples: quiet, a burst, quiet again. */
export const SIGNAL = [0, 0, 1, 3, 2, -1, -3, -1, 2, 1, 0, 0];

/** The answers of the silence filter, as the lecture prints them. */
export const RESPONSES = [2.9, 1.2, 1.6, 2.3, 2.9, 2.4, 1.5, 0.2, -0.6];

/** Asks the service again and again, and lets only the newest answer count; refusals are told in `section`. */
export function asker(section) {
  const trouble = element("p", { class: "trouble", role: "alert" });
  section.append(trouble);
  let last = new AbortController();
  return async (questions, show) => {
    last.abort();
    last = new AbortController();
    const { signal } = last;
    try {
      const answers = await Promise.all(questions.map(([name, body]) => api.lecture(name, body, signal)));
      if (signal.aborted) return;
      trouble.textContent = "";
      show(...answers);
    } catch (problem) {
      if (signal.aborted) return;
      if (!(problem instanceof api.Problem)) throw problem;
      const { title, advice } = api.inWords(problem);
      trouble.textContent = `${title}. ${advice} ${problem.detail}`;
    }
  };
}

/** A canvas of bars around zero. Returns the canvas and a function that shows other values. */
export function bars(label, className = "bars") {
  const canvas = element("canvas", { class: className, role: "img" });
  let shown = { values: [] };
  const redraw = drawn(canvas, (context, width, height) => paint(context, shown, width, height));
  /** values: numbers. lit: [from, to) to mark. slots: how many fit across, so that rows line up. first: where they begin. */
  const show = (next) => {
    shown = next;
    canvas.setAttribute("aria-label", `${label}: ${next.values.map(short).join(", ")}`);
    redraw();
  };
  return [canvas, show];
}

function paint(context, { values, lit, slots = values.length, first = 0, name = "--accent", range }, width, height) {
  if (!values.length) return;
  const each = width / slots;
  const room = 16; // for the numbers
  const high = range?.[1] ?? Math.max(...values, 0);
  const low = range?.[0] ?? Math.min(...values, 0);
  const scale = (height - 2 * room) / (high - low || 1);
  const y = (value) => room + (high - value) * scale;
  if (lit) {
    context.fillStyle = colour("--field");
    context.fillRect(lit[0] * each, 0, (lit[1] - lit[0]) * each, height);
  }
  context.fillStyle = colour("--line");
  context.fillRect(0, y(0) - 0.5, width, 1);
  const thick = Math.min(each * 0.62, 44);
  context.font = `${each < 30 ? 11 : 13}px ${getComputedStyle(context.canvas).fontFamily}`;
  context.textAlign = "center";
  values.forEach((value, i) => {
    const middle = (first + i + 0.5) * each;
    context.fillStyle = colour(name);
    context.beginPath();
    context.roundRect(middle - thick / 2, Math.min(y(value), y(0)), thick, Math.max(Math.abs(y(value) - y(0)), 1), 2);
    context.fill();
    context.fillStyle = colour("--text");
    context.textBaseline = value < 0 ? "top" : "bottom";
    context.fillText(short(value), middle, y(value) + (value < 0 ? 2 : -2));
  });
}

/** 2.9000001 as "2.9". */
export function short(value) {
  return String(Number(value.toFixed(2)));
}

/**
 * A table of numbers. lit(row, column): whether a cell is marked. choose: makes the cells buttons, called with row and
 * column when one is pointed at or walked to; chosen: which one is.
 */
export function grid(caption, rows, { tight = false, lit = () => false, isZero = () => false, choose, chosen } = {}) {
  const cells = rows.map((row, i) =>
    element(
      "tr",
      {},
      ...row.map((value, j) => {
        const classes = [lit(i, j) && "lit", isZero(i, j) && "zero"].filter(Boolean).join(" ");
        if (!choose) return element("td", { class: classes }, short(value));
        const button = element("button", { type: "button", "aria-pressed": String(chosen?.[0] === i && chosen?.[1] === j) }, short(value));
        button.addEventListener("click", () => choose(i, j));
        button.addEventListener("pointerenter", () => choose(i, j));
        return element("td", { class: classes }, button);
      }),
    ),
  );
  return element("table", { class: tight ? "grid tight" : "grid" }, element("caption", {}, caption), element("tbody", {}, ...cells));
}

/** `rows` with `count` rings of zeros around them. */
export function ringed(rows, count) {
  const width = rows[0].length + 2 * count;
  const empty = Array.from({ length: count }, () => Array(width).fill(0));
  return [...empty, ...rows.map((row) => [...Array(count).fill(0), ...row, ...Array(count).fill(0)]), ...empty];
}

/** A slider with its label and its value behind it. */
export function slider(text, { min, max, value, step = 1 }, change) {
  const output = element("output", {}, String(value));
  const input = element("input", { type: "range", min, max, step, value });
  input.addEventListener("input", () => {
    output.textContent = input.value;
    change(Number(input.value));
  });
  const label = element("label", {}, text, input, output);
  label.limit = (most) => {
    input.max = most;
    output.textContent = input.value;
    return Number(input.value);
  };
  return label;
}

/** Buttons of which one is pressed. choices: text by value. */
export function choice(name, choices, chosen, change) {
  const buttons = Object.entries(choices).map(([value, text]) => {
    const button = element("button", { type: "button", class: "button small", "aria-pressed": String(value === chosen) }, text);
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      change(value);
    });
    return button;
  });
  return element("fieldset", { role: "group", "aria-label": name }, ...buttons);
}
