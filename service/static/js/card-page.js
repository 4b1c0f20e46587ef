// The page `/card`: the card of `?model=NAME`, of the default model without one.

import "./shell.js";
import { offer } from "./api.js";
import { showCard } from "./card.js";

const asked = new URLSearchParams(location.search).get("model");
const name = asked ?? (await offer().catch(() => null))?.models[0].name ?? "";
await showCard(document.querySelector("#card"), name);
if (location.hash) document.querySelector(location.hash)?.scrollIntoView();
