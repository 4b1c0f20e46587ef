// Canvases that are sharp on every screen, follow their size, and take their colours from the style sheet.

import { onTheme } from "./shell.js";

const probe = document.createElement("span");
probe.hidden = true;
probe.style.forcedColorAdjust = "none"; // where the system decides about colours it leaves pictures alone, and so do we
document.documentElement.append(probe);
const resolved = new Map();

/** The colour of a custom property such as "--accent" in the theme of now, as CSS writes it: "rgb(67, 83, 216)". */
export function colour(name) {
  if (!resolved.has(name)) {
    probe.style.color = `var(${name})`;
    resolved.set(name, getComputedStyle(probe).color);
  }
  return resolved.get(name);
}

/** The colour of class number `index` of a model; they repeat after ten. */
export function classColour(index) {
  return colour(`--class-${index % 10}`);
}

/** Calls `paint` now and whenever the theme changes: for colours that the style sheet cannot give by itself. */
export function onColours(paint) {
  redraws.add(paint);
  paint();
}

const redraws = new Set();
onTheme(() => {
  resolved.clear();
  for (const redraw of redraws) redraw();
});

/**
 * Keeps `canvas` as many pixels large as the screen gives it and calls `draw(context, width, height)`, in CSS pixels on
 * a cleared canvas, whenever its size or the theme changes. Returns a function that asks for another drawing, which
 * happens once in the next frame however often it is called.
 */
export function drawn(canvas, draw) {
  const context = canvas.getContext("2d");
  let asked = 0;

  function now() {
    asked = 0;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !height) return;
    const ratio = devicePixelRatio;
    const columns = Math.round(width * ratio);
    const rows = Math.round(height * ratio);
    if (canvas.width !== columns || canvas.height !== rows) {
      canvas.width = columns;
      canvas.height = rows;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(context, width, height);
  }

  const redraw = () => {
    asked ||= requestAnimationFrame(now);
  };
  redraws.add(redraw);
  new ResizeObserver(redraw).observe(canvas);
  return redraw;
}
