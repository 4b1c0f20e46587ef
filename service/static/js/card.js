// The card of a model, on a page of its own and in a window over the others.

import { card, inWords } from "./api.js";
import { element } from "./dom.js";

/** Puts the card of the model called `name` into `place`; its section of limits can be led to by `#limits`. */
export async function showCard(place, name) {
  place.replaceChildren(element("p", { class: "quiet" }, "Fetching the card …"));
  try {
    place.replaceChildren(...(await card(name)));
  } catch (problem) {
    const { title, advice } = inWords(problem);
    place.replaceChildren(element("h1", {}, title), element("p", {}, advice));
    return;
  }
  for (const heading of place.querySelectorAll("h2")) {
    if (/limit/i.test(heading.textContent)) heading.id = "limits";
  }
  for (const table of place.querySelectorAll("table")) {
    const frame = element("div", { class: "wide", role: "region", "aria-label": "Table", tabIndex: 0 });
    table.replaceWith(frame);
    frame.append(table);
  }
}
