// A drawn digit through LeNet-5, with its feature maps; and the same digit with its pixels in another order.

import { percent } from "../answer.js";
import { colour } from "../canvas.js";
import { element } from "../dom.js";
import { onTheme } from "../shell.js";
import { asker, choice } from "./common.js";
import { pad } from "./pad.js";

const ORDER = shuffledOrder(28 * 28);
const TITLES = {
  "features.0.act": "6 filters of 5 × 5, tanh: 28 × 28",
  "features.1.pool": "mean of 2 × 2: 14 × 14",
  "features.2.act": "16 filters over all 6 maps, tanh: 10 × 10",
  "features.3.pool": "mean of 2 × 2: 5 × 5",
};

export function digit(section) {
  const ask = asker(section);
  let isShuffled = false;
  let features = [];
  const scores = element("ol", { class: "digit-scores", "aria-label": "Scores" });
  const maps = element("div", { class: "maps" });
  const said = element("p", { role: "status" });
  const [canvas, drawing] = pad(() => compute());
  const draw = () => {
    if (!current) return;
    maps.replaceChildren(
      element("figure", {}, strip([current]), element("figcaption", { class: "quiet" }, "what the network gets: 28 × 28")),
      ...features.map(({ layer, values }) => element("figure", {}, strip(values), element("figcaption", { class: "quiet" }, TITLES[layer]))),
    );
  };
  let current = null;
  function compute() {
    const pixels = drawing.pixels();
    if (!pixels) return;
    current = isShuffled ? shuffled(pixels) : pixels;
    ask([["digit", { pixels: current }]], (answer) => {
      ({ features } = answer);
      const best = answer.scores.indexOf(Math.max(...answer.scores));
      scores.replaceChildren(...answer.scores.map((score, i) => row(i, score, i === best)));
      said.textContent = isShuffled
        ? `With its pixels moved: ${best}, ${percent(answer.scores[best])}. Nothing was lost, but neighbours are not neighbours any more.`
        : `This is a ${best}, says LeNet-5, with ${percent(answer.scores[best])}.`;
      draw();
    });
  }
  onTheme(draw);
  const clear = element("button", { type: "button", class: "button small" }, "Clear");
  clear.addEventListener("click", drawing.clear);
  const samples = Array.from({ length: 10 }, (_, i) => {
    const button = element("button", { type: "button", class: "button small", "aria-label": `Draw a ${i} for me` }, String(i));
    button.addEventListener("click", () => {
      drawing.sample(i);
      compute();
    });
    return button;
  });
  section.append(
    element("div", { class: "drawing" }, element("div", { class: "maps" }, canvas, element("div", { class: "controls" }, clear)), element("div", { class: "maps" }, said, scores)),
    element("div", { class: "controls" }, element("fieldset", {}, element("span", { class: "quiet" }, "Draw for me"), ...samples)),
    element("div", { class: "controls" }, choice("Pixels", { plain: "Pixels in order", shuffled: "Pixels shuffled" }, "plain", (value) => {
      isShuffled = value === "shuffled";
      compute();
    })),
    maps,
  );
  drawing.sample(3);
  compute();
}

function row(digit, score, isBest) {
  const fill = element("span", { class: "fill" });
  fill.style.width = `${100 * score}%`;
  return element("li", { class: isBest ? "best" : "" }, String(digit), element("span", { class: "track" }, fill), element("span", { class: "value" }, percent(score)));
}

/** Maps side by side, all on one scale. */
function strip(maps) {
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

function shuffled(pixels) {
  const flat = pixels.flat();
  return Array.from({ length: 28 }, (_, y) => Array.from({ length: 28 }, (_, x) => flat[ORDER[28 * y + x]]));
}

/** One order for everybody: a small generator of its own, begun alike each time. */
function shuffledOrder(count) {
  const order = Array.from({ length: count }, (_, i) => i);
  let state = 1;
  for (let i = count - 1; i > 0; i -= 1) {
    state = (state * 48271) % 2147483647;
    const other = state % (i + 1);
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}
