// The lecture's 3 x 3 picture and 2 x 2 filter.

import { element } from "../dom.js";
import { asker, choice, grid, ringed, short } from "./common.js";

const PICTURE = [[0, 1, 2], [3, 4, 5], [6, 7, 8]];
const FILTER = [[0, 1], [2, 3]];
const WAYS = {
  plain: { text: "As it is", padding: 0, stride: "1", steps: [1, 1] },
  padded: { text: "A ring of zeros", padding: 1, stride: "1", steps: [1, 1] },
  strided: { text: "Strides 3 and 2", padding: 1, stride: "3x2", steps: [3, 2] },
};

export function correlation(section) {
  const ask = asker(section);
  let way = WAYS.plain;
  let chosen = [0, 0];
  let output = null;
  const grids = element("div", { class: "grids" });
  const said = element("p", { class: "said", role: "status" });
  const draw = () => {
    const [row, column] = [chosen[0] * way.steps[0], chosen[1] * way.steps[1]];
    const picture = ringed(PICTURE, way.padding);
    const isIn = (i, j) => i >= row && i < row + 2 && j >= column && j < column + 2;
    const isRing = (i, j) => way.padding > 0 && (i === 0 || j === 0 || i === picture.length - 1 || j === picture.length - 1);
    const focused = grids.contains(document.activeElement);
    grids.replaceChildren(
      grid("Picture", picture, { lit: isIn, isZero: isRing }),
      element("span", { class: "sign" }, "∗"),
      grid("Filter", FILTER),
      element("span", { class: "sign" }, "="),
      grid("Answer: point at a number", output, { choose: (i, j) => pick(i, j), chosen }),
    );
    if (focused) grids.querySelector('[aria-pressed="true"]').focus();
    const products = FILTER.flatMap((weights, i) => weights.map((weight, j) => `${weight}·${picture[row + i][column + j]}`));
    said.textContent = `${products.join(" + ")} = ${short(output[chosen[0]][chosen[1]])}`;
  };
  const pick = (i, j) => {
    if (chosen[0] === i && chosen[1] === j) return;
    chosen = [i, j];
    draw();
  };
  const compute = () =>
    ask([["convolution", { input: [PICTURE], filters: [[FILTER]], stride: way.stride, padding: way.padding }]], (answer) => {
      [output] = answer.output;
      chosen = [0, 0];
      draw();
    });
  section.append(
    element("div", { class: "controls" }, choice("How", Object.fromEntries(Object.entries(WAYS).map(([name, { text }]) => [name, text])), "plain", (name) => {
      way = WAYS[name];
      compute();
    })),
    grids,
    said,
  );
  compute();
}
