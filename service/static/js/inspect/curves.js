// Curves over time: where each class was seen, and the silence filter's response.

import { classColour, colour, drawn } from "../canvas.js";
import { across, at } from "../time.js";

/** Class activations: what speaks for a class is above the line, what speaks against it below. */
export function activations(canvas, { labels }, model, layer, store, cursor) {
  const shown = labels.map(({ label, values }) => ({ values, index: model.task.labels.indexOf(label) }));
  const known = shown.flatMap(({ values }) => values).filter((value) => value !== null);
  const most = known.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
  const redraw = drawn(canvas, (context, width, height) => {
    if (!store.view) return;
    const y = (value) => height / 2 - (value / most) * (height / 2 - 3);
    context.fillStyle = colour("--line");
    context.fillRect(0, height / 2 - 0.5, width, 1);
    for (const { values, index } of shown.toReversed()) {
      line(context, values, store, width, y, classColour(index), index === shown[0].index ? 2.2 : 1.2);
    }
    marker(context, cursor, store, width, height);
  });
  store.on("view", redraw);
  cursor.on(redraw);
  canvas.addEventListener("pointermove", (event) => {
    const time_s = at(event.offsetX, store.view, canvas.clientWidth);
    cursor.set({ at: { time_s, layer: layer.name, channel: null, value: null } });
  });
  canvas.addEventListener("pointerleave", () => cursor.set({ at: null }));
}

/** The likelihood of silence from 0 at the bottom to 1, with one half as a line to pass. */
export function silence(canvas, { times_s, likelihoods }, store, cursor) {
  const redraw = drawn(canvas, (context, width, height) => {
    if (!store.view) return;
    const y = (value) => height - 2 - value * (height - 4);
    context.fillStyle = colour("--silence");
    const step_s = times_s.length > 1 ? times_s[1] - times_s[0] : store.length_s;
    likelihoods.forEach((value, i) => {
      if (value <= 0.5) return;
      const left = across(times_s[i] - step_s / 2, store.view, width);
      context.fillRect(left, 0, across(times_s[i] + step_s / 2, store.view, width) - left + 0.5, height);
    });
    context.strokeStyle = colour("--edge");
    context.setLineDash([4, 4]);
    context.strokeRect(-1, y(0.5), width + 2, 0);
    context.setLineDash([]);
    context.strokeStyle = colour("--accent");
    context.lineWidth = 1.5;
    context.beginPath();
    likelihoods.forEach((value, i) => context.lineTo(across(times_s[i], store.view, width), y(value)));
    context.stroke();
    marker(context, cursor, store, width, height);
  });
  store.on("view", redraw);
  cursor.on(redraw);
}

function line(context, values, store, width, y, stroke, thickness) {
  context.strokeStyle = stroke;
  context.lineWidth = thickness;
  context.beginPath();
  let isDown = false;
  values.forEach((value, i) => {
    const x = across(((i + 0.5) * store.length_s) / values.length, store.view, width);
    if (value === null) isDown = false;
    else if (isDown) context.lineTo(x, y(value));
    else {
      context.moveTo(x, y(value));
      isDown = true;
    }
  });
  context.stroke();
}

function marker(context, cursor, store, width, height) {
  if (!cursor.at) return;
  context.fillStyle = colour("--field-edge");
  context.fillRect(across(cursor.at.time_s, store.view, width) - 0.5, 0, 1, height);
}
