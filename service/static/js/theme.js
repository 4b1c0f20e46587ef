// Loaded before the first paint, so that who chose a theme never sees the other one flash.
try {
  document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "";
} catch {
  // Nothing may be kept here: the system's theme it is.
}
