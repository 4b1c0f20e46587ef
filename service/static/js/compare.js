// The scores of two panels in one table.

import { percent, words } from "./answer.js";
import { element } from "./dom.js";

/** Fills `place` if both stores have an answer, and hides it if not. second: null while nothing is compared. */
export function showComparison(place, first, second) {
  const isReady = first.answer?.predictions.length && second?.answer?.predictions.length && share(first.model.task, second.model.task);
  place.hidden = !isReady;
  const frame = { class: "wide", role: "region", "aria-label": "Scores side by side", tabIndex: 0 };
  place.replaceChildren(...(isReady ? [heading(first, second), element("div", frame, table(first, second))] : []));
}

/** Whether there is a class that both tasks give scores to. */
function share(one, other) {
  return one.kind !== "regression" && other.kind !== "regression" && one.labels.some((label) => other.labels.includes(label));
}

function heading(first, second) {
  const [a, b] = [first.answer.predictions[0], second.answer.predictions[0]];
  const text = a.label === b.label ? `Both hear ${words(a.label)} first.` : "They do not agree on the first place.";
  return element("div", {}, element("h2", { id: "comparison-title" }, "Side by side"), element("p", { class: "quiet" }, text));
}

function table(first, second) {
  const scores = [first, second].map(({ answer }) => new Map(answer.predictions.map(({ label, score }) => [label, score])));
  const labels = [...new Set(scores.flatMap((row) => [...row.keys()]))];
  const names = [first, second].map(({ file, model }) => [element("bdi", {}, file.name), `, ${model.name}`]);
  const head = element("tr", {}, ...[["Class"], ...names, ["Difference"]].map((parts) => element("th", { scope: "col" }, ...parts)));
  const rows = labels.map((label) => {
    const [a, b] = scores.map((row) => row.get(label));
    const known = a !== undefined && b !== undefined;
    const cells = [a, b].map((score) => (score === undefined ? "–" : percent(score)));
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, words(label)),
      ...cells.map((text) => element("td", {}, text)),
      element("td", {}, known ? signed(b - a) : "–"),
    );
  });
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

function signed(difference) {
  const points = Math.round(100 * difference);
  return `${points > 0 ? "+" : points < 0 ? "−" : "±"}${Math.abs(points)} points`;
}
