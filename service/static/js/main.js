// The page `/`: a visitor's file in, what the model makes of it out; two of them side by side if asked.

import "./shell.js";
import * as api from "./api.js";
import { words } from "./answer.js";
import { showCard } from "./card.js";
import { chooser } from "./chooser.js";
import { showComparison } from "./compare.js";
import { element } from "./dom.js";
import { remembered } from "./jobs.js";
import { cancel } from "./later.js";
import { tell } from "./notice.js";
import { Panel } from "./panel.js";

const $ = (id) => document.querySelector(`#${id}`);

let offer = { models: [] };
let first = null;
let second = null;
let inside = null;
let early = []; // files that came before the models were known

async function start() {
  tell($("trouble"), null);
  try {
    offer = await api.offer();
  } catch (problem) {
    tell($("trouble"), problem, { again: start });
    return;
  }
  choices($("model"), offer.models);
  $("model").hidden = offer.models.length === 1;
  describe();
  if (early.length) open(early);
  resume();
}

/** Goes on with the jobs that were at work when the page was left, if they have not been replaced already. */
function resume() {
  const left = first ? [] : remembered().filter(({ model }) => named(model)).slice(0, 2);
  for (const { job } of remembered()) {
    if (!left.some((one) => one.job === job)) cancel(job);
  }
  if (!left.length) return;
  use(named(left[0].model));
  open(left.slice(0, 1));
  if (left.length > 1) compare(left[1], named(left[1].model));
}

function named(name) {
  return offer.models.find((model) => model.name === name);
}

function choices(select, offered) {
  select.replaceChildren(...offered.map(({ name }) => element("option", { value: name }, name)));
}

function chosen() {
  return named($("model").value) ?? offer.models[0];
}

const DOES = { multi_label: "hears any of", regression: "estimates" };
const TAKES = { audio: "a sound", image: "a picture", video: "a video", volume: "a volume (.npy)" };

function describe() {
  const { name, task, input } = chosen();
  const shown = task.labels.slice(0, 10).map(words).join(", ");
  const more = task.labels.length > 10 ? ` and ${task.labels.length - 10} more` : "";
  $("model-name").textContent = offer.models.length === 1 ? name : "";
  $("model-says").textContent = `${DOES[task.kind] ?? "tells apart"}: ${shown}${more}.`;
  $("takes").textContent = TAKES[input.media];
  for (const extra of document.querySelectorAll(".for-audio")) extra.hidden = input.media !== "audio";
  for (const link of document.querySelectorAll("a[data-card]")) link.href = `card?model=${encodeURIComponent(name)}${link.dataset.card}`;
}

/** Shows one file, or two to compare. */
function open(files) {
  if (!offer.models.length) {
    early = files;
    return;
  }
  if (!first) {
    first = new Panel(offer, use);
    first.store.on("answer", refresh);
    first.store.on("answer", lookInside);
    $("panels").append(first.element);
    first.element.querySelector('[data-part="compare-file"]').addEventListener("click", () => $("other-file").click());
    first.element.querySelector('[data-part="compare-model"]').addEventListener("click", compareModel);
    document.body.classList.add("has-result");
    $("first").textContent = "";
  }
  lookInside();
  const others = offer.models.filter(({ input }) => input.media === chosen().input.media);
  first.element.querySelector('[data-part="compare-model"]').hidden = others.length < 2 || !(files[0] instanceof Blob);
  first.open(files[0], chosen());
  if (files.length > 1) compare(files[1], chosen());
  warnOfDrain();
}

/** Fetches that part of the page when there is something to look into; again if there was no network then. */
function lookInside() {
  inside ??= import("./inspect/main.js").then(
    (module) => module.inside($("inside"), first),
    () => (inside = null),
  );
}

/** Goes over to another model with the file at hand. */
function use(model) {
  $("model").value = model.name;
  $("model").dispatchEvent(new Event("change"));
}

function compareModel() {
  const other = offer.models.find((model) => model !== first.store.model && model.input.media === first.store.model.input.media);
  compare(first.store.file, other);
}

function compare(file, model) {
  second?.player.close();
  second?.element.remove();
  second = new Panel(offer, (other) => second.open(second.store.file, other));
  const part = (name) => second.element.querySelector(`[data-part="${name}"]`);
  part("compare").hidden = true;
  part("second").hidden = false;
  choices(part("second-model"), offer.models);
  part("second-model").value = model.name;
  part("second-model").addEventListener("change", (event) => {
    second.open(second.store.file, named(event.target.value));
  });
  part("close").addEventListener("click", () => {
    second.player.close();
    second.element.remove();
    second = null;
    $("panels").classList.remove("two");
    refresh();
  });
  $("panels").append(second.element);
  $("panels").classList.add("two");
  second.store.on("answer", refresh);
  second.open(file, model);
}

function refresh() {
  showComparison($("comparison"), first.store, second?.store ?? null);
}

async function warnOfDrain() {
  const isReady = await api.ready();
  $("drain").hidden = isReady;
}

$("model").addEventListener("change", () => {
  describe();
  if (first) open([first.store.file]);
});
$("other-file").addEventListener("change", (event) => {
  if (event.target.files.length) compare(event.target.files[0], first.store.model);
  event.target.value = "";
});
for (const link of document.querySelectorAll("a[data-card]")) {
  link.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    $("card-window").showModal();
    await showCard($("card"), chosen().name);
    if (link.dataset.card) $("card").querySelector(link.dataset.card)?.scrollIntoView();
    else $("card-window").scrollTo(0, 0);
  });
}
/** The section of that name is there once there is something to look into. */
function wantInside() {
  const isEarly = $("inside").hidden && location.hash === "#inside";
  if (isEarly) $("first").textContent = "To look inside, give it a sound first: choose one, record, or try the example.";
}
addEventListener("hashchange", wantInside);
for (const link of document.querySelectorAll('a[href$="#inside"]')) link.addEventListener("click", () => setTimeout(wantInside));
wantInside();
$("card-close").addEventListener("click", () => $("card-window").close());

chooser($("chooser"), open);
start();
