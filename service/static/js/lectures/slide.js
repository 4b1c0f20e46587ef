// A filter slides over a signal, one multiplication and sum at every position.

import { element } from "../dom.js";
import { asker, bars, choice, RESPONSES, short, SIGNAL, slider } from "./common.js";

const FILTERS = {
  rising: { text: "Rising edge", signal: SIGNAL, taps: [-1, 0, 1] },
  mean: { text: "Mean of three", signal: SIGNAL, taps: [0.33, 0.34, 0.33] },
  wave: { text: "A short wave", signal: SIGNAL, taps: [1, 2, -2] },
  silence: { text: "The silence filter", signal: RESPONSES, taps: [1] },
};

export function slide(section) {
  const ask = asker(section);
  let { signal, taps } = FILTERS.rising;
  let position = 0;
  let answer = null;
  const [below, showSignal] = bars("The signal");
  const [above, showOutput] = bars("The filter's answers");
  const [scores, showScores] = bars("The sigmoid of each answer", "bars low");
  const said = element("p", { class: "said", role: "status" });
  const inputs = element("fieldset", { "aria-label": "Filter" });
  const place = slider("Position", { min: 0, max: 9, value: 0 }, (value) => {
    position = value;
    draw();
  });
  const note = element("p", { class: "quiet" });

  const draw = () => {
    if (!answer) return;
    const [output] = answer.output;
    position = Math.min(place.limit(output.length - 1), output.length - 1);
    const covered = signal.slice(position, position + taps.length);
    showSignal({ values: signal, lit: [position, position + taps.length], name: "--muted" });
    const first = (taps.length - 1) / 2;
    showOutput({ values: output, slots: signal.length, first, lit: [first + position, first + position + 1] });
    const isSilence = taps.length === 1;
    scores.hidden = !isSilence;
    if (isSilence) showScores({ values: answer.sigmoid[0], slots: signal.length, lit: [position, position + 1], range: [0, 1] });
    const sum = covered.map((value, i) => `${short(taps[i])}·${short(value)}`).join(" + ");
    said.textContent = isSilence
      ? `σ(${short(output[position])}) = ${short(answer.sigmoid[0][position])}`
      : `${sum} = ${short(output[position])}`;
    note.textContent = isSilence
      ? "The lecture's own answers of the silence filter, as it slides from sound into silence. The sigmoid makes scores of them; one half is passed where the answer passes zero."
      : "The same few weights at every position: that is all a convolution is.";
  };
  const compute = () =>
    ask([["convolution", { input: [signal], filters: [[taps]], sigmoid: taps.length === 1 }]], (made) => {
      answer = made;
      draw();
    });
  const fields = () => {
    inputs.replaceChildren(
      "Filter",
      ...taps.map((tap, i) => {
        const input = element("input", { type: "number", step: 0.5, value: tap, "aria-label": `Weight ${i + 1}` });
        input.addEventListener("input", () => {
          if (!Number.isFinite(input.valueAsNumber)) return;
          taps = taps.with(i, input.valueAsNumber);
          compute();
        });
        return input;
      }),
    );
  };
  const presets = choice("Filters", Object.fromEntries(Object.entries(FILTERS).map(([name, { text }]) => [name, text])), "rising", (name) => {
    ({ signal, taps } = FILTERS[name]);
    fields();
    compute();
  });
  section.append(element("div", { class: "controls" }, presets), element("div", { class: "controls" }, inputs, place), below, above, scores, said, note);
  fields();
  compute();
}
