// Answers as files: JSON as the service sends it, CSV as `audiocnn classify --segments` writes it, labels for Audacity.

import { cells, duration, percent, runs, said, words } from "./answer.js";

/** What can be downloaded: a name for the button, the end of the file's name, its type, and its text. */
export const FORMATS = [
  ["JSON", "json", "application/json", (answer) => `${JSON.stringify(answer, null, 2)}\n`],
  ["CSV", "csv", "text/csv", csv],
  ["Audacity labels", "txt", "text/plain", audacity],
];

/** Lets the browser save `text` under this name. */
export function save(text, type, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Start, end and tag of each part with the same leading tag, as Audacity imports them; silence has none. */
export function audacity(answer, model) {
  if (model.task.kind === "regression") {
    return cells(answer)
      .flatMap(({ start_s, end_s, segment }) => segment.predictions.slice(0, 1).map((best) => label(start_s, end_s, best, said(best))))
      .join("");
  }
  return runs(answer, model.task)
    .filter(({ best }) => best)
    .map(({ start_s, end_s, best, sure, score }) => label(start_s, end_s, best, `${sure ? "" : "? "}${percent(score)}`))
    .join("");
}

function label(start_s, end_s, { label: name }, text) {
  return `${start_s.toFixed(6)}\t${end_s.toFixed(6)}\t${words(name)} ${text}\n`;
}

/** A row for each window, or one for what has none. */
export function csv(answer, model, file) {
  const tasks = Object.entries({ "": model.task, ...model.side_tasks });
  const columns = tasks.flatMap(([task, { labels, kind }]) =>
    labels.flatMap((_, rank) =>
      (kind === "regression" ? ["label", "value", "unit"] : ["label", "score"]).map((field) => [task, rank, field]),
    ),
  );
  const named = columns.map(([task, rank, field]) => (task ? `${task}_` : "") + field + (rank ? `_${rank + 1}` : ""));
  const rows = (answer.segments.length ? answer.segments : [{ ...answer, start_s: "", end_s: "", silent: "" }]).map((part) => [
    unlikeFormula(file.name),
    duration(answer) ?? "",
    part.start_s,
    part.end_s,
    part.silent,
    ...columns.map(([task, rank, field]) => (task ? part.side?.[task] : part.predictions)?.[rank]?.[field] ?? ""),
  ]);
  const table = [["path", "duration_s", "start_s", "end_s", "silent", ...named], ...rows];
  return table.map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
}

/** No spreadsheet takes a name that starts with a dot for a formula. */
function unlikeFormula(name) {
  return /^[=+\-@\t\r]/.test(name) ? `./${name}` : name;
}

function quoted(cell) {
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
