// Pooling: the largest or the mean value of each window.

import { element } from "../dom.js";
import { asker, bars, choice, RESPONSES, slider } from "./common.js";

export function pooling(section) {
  const ask = asker(section);
  let [kind, window] = ["max", 3];
  const [below, showSignal] = bars("Before", "bars low");
  const [above, showOutput] = bars("Pooled", "bars low");
  const said = element("p", { class: "said", role: "status" });
  const compute = () =>
    ask([["pooling", { input: [RESPONSES], kind, window }]], ({ output }) => {
      showSignal({ values: RESPONSES, name: "--muted" });
      showOutput({ values: output[0], slots: RESPONSES.length / window });
      said.textContent = `${RESPONSES.length} values become ${output[0].length}; no weights are learned`;
    });
  section.append(
    element(
      "div",
      { class: "controls" },
      choice("Kind", { max: "Largest", avg: "Mean" }, kind, (value) => {
        kind = value;
        compute();
      }),
      slider("Window", { min: 2, max: 4, value: 3 }, (value) => {
        window = value;
        compute();
      }),
    ),
    below,
    above,
    said,
  );
  compute();
}
