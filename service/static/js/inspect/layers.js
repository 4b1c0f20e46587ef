// All layers as a table, with a box for each whose map is shown.

import { element } from "../dom.js";
import { span } from "./cursor.js";

const MOST = 12;

/** seen: of the answer. again: called with the names of other layers to show. */
export function layerTable(seen, again) {
  const shown = new Set(seen.features.map(({ layer }) => layer));
  const boxes = [];
  const rows = seen.layers.map((layer) => {
    const box = element("input", { type: "checkbox", checked: shown.has(layer.name), disabled: !layer.mapped, value: layer.name, "aria-label": `Show ${layer.name}` });
    boxes.push(box);
    const sees_s = layer.receptive_field && layer.receptive_field[0] / seen.input.sample_rate;
    return element(
      "tr",
      {},
      element("td", {}, box),
      element("th", { scope: "row" }, layer.name),
      element("td", {}, `${layer.kind} ${layer.sizes}`),
      element("td", {}, layer.output_shape.map((size) => size.toLocaleString("en")).join(" × ")),
      element("td", { class: "number" }, layer.parameters ? layer.parameters.toLocaleString("en") : ""),
      element("td", { class: "number" }, sees_s ? span(sees_s) : ""),
    );
  });
  const head = ["Map", "Layer", "Kind", "Output", "Weights", "Sees"].map((title, place) =>
    element("th", { scope: "col", class: place > 3 ? "number" : "" }, title),
  );
  const button = element("button", { type: "button", class: "button small" }, "Show these maps");
  const note = element("p", { class: "quiet", role: "status" });
  button.addEventListener("click", () => {
    const chosen = boxes.filter(({ checked }) => checked).map(({ value }) => value);
    if (!chosen.length || chosen.length > MOST) note.textContent = `Choose 1 to ${MOST} layers.`;
    else again(chosen);
  });
  return element(
    "details",
    {},
    element("summary", {}, `All ${seen.layers.length} layers: sizes, weights, receptive fields; choose others`),
    element("div", { class: "layer-table", tabIndex: 0, role: "region", "aria-label": "Layers" },
      element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows))),
    element("p", { class: "row" }, button, note),
  );
}
