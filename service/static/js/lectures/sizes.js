// Padding keeps the length, a stride divides it.

import { element } from "../dom.js";
import { asker, bars, SIGNAL, slider } from "./common.js";

const TAPS = [1, 2, 1];

export function sizes(section) {
  const ask = asker(section);
  let [stride, padding] = [1, 0];
  const [below, showSignal] = bars("The signal with its zeros", "bars low");
  const [above, showOutput] = bars("The output", "bars low");
  const said = element("p", { class: "said", role: "status" });
  const compute = () =>
    ask([["convolution", { input: [SIGNAL], filters: [[TAPS]], stride: String(stride), padding }]], ({ output, shape }) => {
      const zeros = Array(padding).fill(0);
      showSignal({ values: [...zeros, ...SIGNAL, ...zeros], slots: SIGNAL.length + 6, first: 3 - padding, name: "--muted" });
      showOutput({ values: output[0], slots: SIGNAL.length + 6, first: 4 - padding });
      const [n, k, p] = [SIGNAL.length, TAPS.length, 2 * padding];
      said.textContent = `⌊(${n} − ${k} + ${p} + ${stride}) / ${stride}⌋ = ${shape[1]} positions of ${n}`;
    });
  section.append(
    element(
      "div",
      { class: "controls" },
      slider("Zeros on each side", { min: 0, max: 3, value: 0 }, (value) => {
        padding = value;
        compute();
      }),
      slider("Stride", { min: 1, max: 4, value: 1 }, (value) => {
        stride = value;
        compute();
      }),
    ),
    below,
    above,
    said,
  );
  compute();
}
