// What every page has: the switch between light and dark.

import { keep } from "./keep.js";

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

/** "light" or "dark", whichever is shown now. */
export function theme() {
  return root.dataset.theme || (dark.matches ? "dark" : "light");
}

/** Calls `listener` whenever the colours change. */
export function onTheme(listener) {
  new MutationObserver(listener).observe(root, { attributeFilter: ["data-theme"] });
  dark.addEventListener("change", listener);
}

const button = document.querySelector("#theme");

function label() {
  const other = theme() === "dark" ? "light" : "dark";
  button.setAttribute("aria-label", `Use the ${other} theme`);
}

button.addEventListener("click", () => {
  root.dataset.theme = theme() === "dark" ? "light" : "dark";
  keep("localStorage", "theme", root.dataset.theme);
});
onTheme(label);
label();
