// Scores of digits as bars, and feature maps as pictures.

import { percent } from "../answer.js";
import { colour } from "../canvas.js";
import { element } from "../dom.js";

/** Which digit has the greatest score. */
export function best(scores) {
  return scores.indexOf(Math.max(...scores));
}

/** A row for each digit. */
export function scoreRows(scores) {
  const first = best(scores);
  return scores.map((score, digit) => row(digit, score, digit === first));
}

function row(digit, score, isBest) {
  const fill = element("span", { class: "fill" });
  fill.style.width = `${100 * score}%`;
  return element("li", { class: isBest ? "best" : "" }, String(digit), element("span", { class: "track" }, fill), element("span", { class: "value" }, percent(score)));
}

/** Maps side by side, all on one scale. */
export function strip(maps) {
  const [side, count] = [maps[0].length, maps.length];
  const across = Math.min(count, 8);
  const down = Math.ceil(count / across);
  const size = { width: across * (side + 1) - 1, height: down * (side + 1) - 1 };
  const canvas = element("canvas", { ...size, role: "img", "aria-label": `${count} maps of ${side} by ${side}` });
  canvas.style.width = `min(100%, ${across * (count > 8 ? 5 : 6.5)}rem)`;
  const context = canvas.getContext("2d");
  const all = maps.flat(2);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const stops = ["--heat-0", "--heat-1", "--heat-2", "--heat-3"].map((name) => colour(name).match(/[\d.]+/g).map(Number));
  maps.forEach((rows, i) => {
    const image = context.createImageData(side, side);
    rows.flat().forEach((value, at) => image.data.set(blend(stops, (value - low) / (high - low || 1)), 4 * at));
    context.putImageData(image, (i % across) * (side + 1), Math.floor(i / across) * (side + 1));
  });
  return canvas;
}

function blend(stops, share) {
  const place = share * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2);
  return [...[0, 1, 2].map((i) => stops[below][i] + (place - below) * (stops[below + 1][i] - stops[below][i])), 255];
}
