// A drawn digit through LeNet-5, with its feature maps; and the same digit with its pixels in another order.

import { percent } from "../answer.js";
import { element } from "../dom.js";
import { onTheme } from "../shell.js";
import { asker, choice } from "./common.js";
import { best, scoreRows, strip } from "./maps.js";
import { pad, sampleButtons } from "./pad.js";

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
      const first = best(answer.scores);
      scores.replaceChildren(...scoreRows(answer.scores));
      said.textContent = isShuffled
        ? `With its pixels moved: ${first}, ${percent(answer.scores[first])}. Nothing was lost, but neighbours are not neighbours any more.`
        : `This is a ${first}, says LeNet-5, with ${percent(answer.scores[first])}.`;
      draw();
    });
  }
  onTheme(draw);
  const clear = element("button", { type: "button", class: "button small" }, "Clear");
  clear.addEventListener("click", drawing.clear);
  const samples = sampleButtons((digit) => {
    drawing.sample(digit);
    compute();
  });
  section.append(
    element("div", { class: "drawing" }, element("div", { class: "maps" }, canvas, element("div", { class: "controls" }, clear)), element("div", { class: "maps" }, said, scores)),
    element("div", { class: "controls" }, samples),
    element("div", { class: "controls" }, choice("Pixels", { plain: "Pixels in order", shuffled: "Pixels shuffled" }, "plain", (value) => {
      isShuffled = value === "shuffled";
      compute();
    })),
    maps,
  );
  drawing.sample(3);
  compute();
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
