// Loaded before the first paint, so that who chose a theme never sees the other one flash.
(() => {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
})();
