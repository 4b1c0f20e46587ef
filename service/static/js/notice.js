// A refusal, told where the answer would have been.

import { inWords, mayPass, useKey } from "./api.js";
import { element } from "./dom.js";

const AGAIN = ["cancelled", "job_not_found"]; // what only the visitor can begin anew

/**
 * Shows `problem` in `place`; null clears it. again: asks once more. other: a served model that takes this kind of
 * file, if the present one does not; `change` goes over to it. Without `again` there is no way to ask once more.
 */
export function tell(place, problem, { again = null, other, change } = {}) {
  place.replaceChildren();
  place.hidden = problem === null;
  place.classList.toggle("mild", problem?.code === "cancelled");
  if (problem === null) return;
  const { title, advice } = inWords(problem);
  place.append(element("h3", {}, title), element("p", {}, advice));
  if (other) {
    const button = element("button", { type: "button", class: "button" }, `Use the model “${other.name}”`);
    button.addEventListener("click", () => change(other));
    place.append(element("p", {}, `Another model here takes such files.`), button);
  }
  if (problem.code === "unauthorized") place.append(keyForm(again));
  else if (again && (mayPass(problem) || AGAIN.includes(problem.code))) place.append(retry(again, problem.retryAfter_s));
  if (problem.detail) {
    const number = problem.requestId ? ` (request ${problem.requestId})` : "";
    place.append(element("p", { class: "quiet" }, `The service says: ${problem.detail}${number}`));
  }
}

function retry(again, wait_s) {
  const button = element("button", { type: "button", class: "button" }, "Try again");
  button.addEventListener("click", again);
  if (wait_s > 0) {
    button.disabled = true;
    setTimeout(() => (button.disabled = false), 1000 * Math.min(wait_s, 30));
  }
  return button;
}

function keyForm(again) {
  const input = element("input", { type: "password", required: true, autocomplete: "off" });
  const form = element(
    "form",
    { class: "row" },
    element("label", {}, "API key ", input),
    element("button", { class: "button main" }, "Use it"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    useKey(input.value);
    again();
  });
  return form;
}
