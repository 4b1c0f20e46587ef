// A shifted sound has a shifted answer; pooling makes the answer forgive the shift.

import { element } from "../dom.js";
import { asker, bars, slider } from "./common.js";

const LENGTH = 20;
const CLICK = [5, 7, 2];
const TAPS = [-1, 1];

export function shift(section) {
  const ask = asker(section);
  let moved = 0;
  const rows = ["The signal", "The filter −1, 1 answers", "The largest of four"].map((label) => bars(label, "bars low"));
  const said = element("p", { class: "said", role: "status" });
  const made = (by) => Array.from({ length: LENGTH }, (_, i) => CLICK[i - 4 - by] ?? 0);
  const compute = () => {
    const convolve = (signal) => ["convolution", { input: [signal], filters: [[TAPS]] }];
    return ask([convolve(made(0)), convolve(made(moved))], (still, shifted) => {
      const [before, after] = [still.output[0], shifted.output[0]];
      const same = after.every((value, i) => value === (before[i - moved] ?? 0));
      ask([["pooling", { input: [[...after, 0]], kind: "max", window: 4 }]], ({ output }) => {
        rows[0][1]({ values: made(moved), slots: LENGTH, name: "--muted", range: [-7, 7] });
        rows[1][1]({ values: after, slots: LENGTH, first: 0.5, range: [-7, 7] });
        rows[2][1]({ values: output[0], slots: LENGTH / 4, range: [-7, 7] });
        said.textContent = `Moved by ${moved}: the answers are ${same ? "the same, moved by as much" : "other ones"}.`;
      });
    });
  };
  section.append(
    element("div", { class: "controls" }, slider("Move the click by", { min: 0, max: 11, value: 0 }, (value) => {
      moved = value;
      compute();
    })),
    ...rows.map(([canvas]) => canvas),
    said,
  );
  compute();
}
