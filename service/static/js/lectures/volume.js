// A volume of three planes and two filters, as in the demonstration of cs231n.

import { element } from "../dom.js";
import { asker, choice, grid, ringed, short } from "./common.js";

const plane = (text) => text.split(" ").map((row) => [...row].map(Number));
const VOLUME = ["11021 21020 22122 02212 21002", "12102 20002 02010 12012 10201", "20001 00010 11021 00021 01122"].map(plane);
const FILTERS = [
  [[[-1, 0, 0], [-1, -1, 1], [0, 1, -1]], [[-1, 0, -1], [1, -1, 0], [0, 1, -1]], [[0, -1, -1], [1, 1, -1], [-1, -1, -1]]],
  [[[0, 1, 1], [1, 1, -1], [-1, 1, -1]], [[1, -1, 0], [1, 1, 1], [-1, 1, 0]], [[0, 1, -1], [0, 1, 1], [1, 0, 0]]],
];
const BIAS = [1, 0];
const STRIDE = 2;

export function volume(section) {
  const ask = asker(section);
  let filter = 0;
  let chosen = [0, 0];
  let output = null;
  const [inputs, weights, answers] = Array.from({ length: 3 }, () => element("div", { class: "grids" }));
  const said = element("p", { class: "said", role: "status" });
  const draw = () => {
    const [row, column] = chosen.map((place) => STRIDE * place);
    const isIn = (i, j) => i >= row && i < row + 3 && j >= column && j < column + 3;
    const isRing = (i, j) => i === 0 || j === 0 || i === 6 || j === 6;
    const padded = VOLUME.map((rows) => ringed(rows, 1));
    inputs.replaceChildren(...padded.map((rows, i) => grid(`Plane ${i}`, rows, { tight: true, lit: isIn, isZero: isRing })));
    weights.replaceChildren(...FILTERS[filter].map((rows, i) => grid(`Filter ${filter}, plane ${i}`, rows, { tight: true })));
    const focused = answers.contains(document.activeElement);
    answers.replaceChildren(grid(`Answer of filter ${filter}: point at a number`, output[filter], { choose: pick, chosen }));
    if (focused) answers.querySelector('[aria-pressed="true"]').focus();
    const sums = FILTERS[filter].map((rows, p) =>
      rows.reduce((sum, line, i) => sum + line.reduce((part, weight, j) => part + weight * padded[p][row + i][column + j], 0), 0),
    );
    said.textContent = `planes ${sums.map(short).join(" + ")}, bias ${BIAS[filter]}: ${short(output[filter][chosen[0]][chosen[1]])}`;
  };
  function pick(i, j) {
    if (chosen[0] === i && chosen[1] === j) return;
    chosen = [i, j];
    draw();
  }
  section.append(
    element("div", { class: "controls" }, choice("Filter", { 0: "Filter 0", 1: "Filter 1" }, "0", (value) => {
      filter = Number(value);
      if (output) draw();
    })),
    inputs,
    weights,
    answers,
    said,
  );
  ask([["convolution", { input: VOLUME, filters: FILTERS, bias: BIAS, stride: String(STRIDE), padding: 1 }]], (answer) => {
    ({ output } = answer);
    draw();
  });
}
