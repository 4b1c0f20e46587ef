// The answer for the whole file: what it is, or that the model is not sure, and a bar for each class.

import { meaning, percent, said, words } from "./answer.js";
import { element } from "./dom.js";

const FEW = 5;

/** Fills the places `title`, `bars` and, for side tasks, `aside` with the answer in `store` whenever there is another. */
export function scores(title, bars, aside, store) {
  store.on("answer", () => {
    const { answer, model } = store;
    for (const place of [title, bars, aside]) place.replaceChildren();
    if (!answer) return;
    const sides = Object.entries(answer.side ?? {}).map(([name, predictions]) =>
      task(words(name), model.side_tasks[name], predictions, answer.side_labels?.[name] ?? [], false),
    );
    const [verdict, line] = inWords(answer, model.task);
    title.append(element("h3", {}, verdict), element("p", { class: "quiet" }, line));
    if (answer.predictions.length) {
      bars.append(task("All scores", model.task, answer.predictions, answer.labels, true));
      aside.append(...sides);
    }
    for (const warning of answer.warnings) bars.append(element("p", { class: "quiet" }, `Note: ${warning}`));
  });
}

function inWords({ predictions, labels, segments }, { kind, unknown_below }) {
  const [best] = predictions;
  if (!best) return ["Silence", segments.length ? "There is nothing loud enough to judge." : "There is nothing to judge."];
  if (kind === "regression") return [said(best), words(best.label)];
  if (kind === "multi_label") {
    const least = `The strongest is ${words(best.label)} with ${percent(best.score)}.`;
    return labels.length ? [labels.map(words).join(", "), least] : ["Not sure", `No tag is strong enough. ${least}`];
  }
  if (labels.length) return [words(best.label), `${percent(best.score)} sure`];
  return ["Not sure", `${words(best.label)} leads with ${percent(best.score)}; from ${percent(unknown_below)} on the model decides.`];
}

function task(title, spec, predictions, labels, coloured) {
  const heading = element("h4", {}, title);
  const list = element("ul", { class: "bars" });
  const rows = predictions.map((one) => row(one, spec, labels.includes(one.label), coloured));
  list.append(...rows.slice(0, FEW));
  const block = element("section", { class: "task" }, heading, list);
  if (rows.length > FEW) block.append(rest(list, rows.slice(FEW)));
  const told = predictions.length ? meaning(spec) : "";
  if (told) block.append(element("p", { class: "quiet" }, told));
  return block;
}

function rest(list, rows) {
  const button = element("button", { type: "button", class: "link" }, `Show ${rows.length} more`);
  button.addEventListener("click", () => {
    list.append(...rows);
    button.remove();
  });
  return button;
}

function row(prediction, spec, isDecided, coloured) {
  const name = element("span", { class: "name" }, words(prediction.label));
  if (isDecided) name.append(element("span", { class: "tick", title: "the model decides for this" }, " ✓"));
  const value = element("span", { class: "value" }, said(prediction));
  const item = element("li", {}, name, value);
  if ("score" in prediction) {
    const full = element("span", { class: "fill" });
    full.style.width = `${100 * prediction.score}%`;
    full.style.background = coloured ? `var(--class-${spec.labels.indexOf(prediction.label) % 10})` : "var(--wave)";
    item.append(element("span", { class: "track", "aria-hidden": "true" }, full));
  }
  return item;
}
