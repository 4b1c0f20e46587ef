// A digit with its pixels in order and shuffled, before networks that each learned one of the two.

import { element } from "../dom.js";
import { onTheme } from "../shell.js";
import { asker, slider } from "./common.js";
import { best, scoreRows, strip } from "./maps.js";
import { pad, sampleButtons } from "./pad.js";

const KINDS = { perceptron: "Perceptron", convolutional: "Convolutional network" };
const PIXELS = { ordered: "pixels in order", shuffled: "pixels shuffled" };
const FARTHEST = 6; // pixels

export function neighbours(section) {
  const ask = asker(section);
  let moved = 0;
  let pictures = [];
  const answers = element("div", { class: "four" });
  const shown = element("div", { class: "pictures" });
  const said = element("p", { role: "status" });
  const [canvas, drawing] = pad(() => compute());
  const draw = () => {
    shown.replaceChildren(
      ...Object.values(PIXELS).map((text, i) => element("figure", {}, strip([pictures[i]]), element("figcaption", { class: "quiet" }, text))),
    );
  };
  function compute() {
    const pixels = drawing.pixels();
    if (!pixels) return;
    const digit = pixels.map((row) => [...Array(moved).fill(0), ...row.slice(0, 28 - moved)]);
    ask([["neighbours", { pixels: digit }]], ({ shuffled, networks }) => {
      pictures = [digit, shuffled];
      draw();
      answers.replaceChildren(...networks.map(answer));
      said.textContent = inWords(networks);
    });
  }
  onTheme(() => pictures.length && draw());
  const clear = element("button", { type: "button", class: "button small" }, "Clear");
  clear.addEventListener("click", drawing.clear);
  section.querySelector("table").before(
    element("div", { class: "drawing" }, element("div", { class: "maps" }, canvas, element("div", { class: "controls" }, clear)), element("div", { class: "maps" }, said, shown)),
    element("div", { class: "controls" }, sampleButtons((digit) => {
      drawing.sample(digit);
      compute();
    })),
    element("div", { class: "controls" }, slider("Move the digit to the right by", { min: 0, max: FARTHEST, value: 0 }, (value) => {
      moved = value;
      compute();
    })),
    answers,
  );
  drawing.sample(3);
  compute();
}

function answer({ kind, pixels, scores }) {
  const name = `${KINDS[kind]}, ${PIXELS[pixels]}`;
  return element(
    "section",
    {},
    element("h3", {}, KINDS[kind]),
    element("p", { class: "quiet" }, `learned and gets ${PIXELS[pixels]}`),
    element("ol", { class: "digit-scores", "aria-label": `Scores: ${name}` }, ...scoreRows(scores)),
  );
}

function inWords(networks) {
  const of = (kind) => networks.filter((network) => network.kind === kind).map(({ scores }) => best(scores));
  const parts = Object.entries(KINDS).map(([kind, name]) => {
    const [ordered, shuffled] = of(kind);
    return `The ${name.toLowerCase()} reads ${ordered} in order and ${shuffled} shuffled.`;
  });
  return parts.join(" ");
}
