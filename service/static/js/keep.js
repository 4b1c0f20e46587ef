// What the browser keeps for this page. Who forbids it can use the page all the same.

/** The text kept under `name`, "" without one. kind: "localStorage", or "sessionStorage" for as long as the tab. */
export function kept(kind, name) {
  try {
    return window[kind].getItem(name) ?? "";
  } catch {
    return "";
  }
}

export function keep(kind, name, text) {
  try {
    window[kind].setItem(name, text);
  } catch {
    // It holds until the page is left.
  }
}
