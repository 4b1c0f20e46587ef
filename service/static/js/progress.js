// How far a job is, in words and as a bar.

import { clock } from "./time.js";

const STAY = "Keep this page open until it has arrived.";
const GO = "You may leave this page and come back to it in this tab.";

const STAGES = {
  sending: "This is a long one. It is on its way to the service.",
  waiting: "The service has it. Others come first.",
  listening: "The service is listening.",
  away: "The service does not answer just now. It has kept the file and goes on when it is back.",
};

/** Shows what `later.answerLater` tells in `place`. length_s: of the file, null if that is not known. */
export function showProgress(place, { stage, share, heard_s }, num_bytes, length_s) {
  const part = (name) => place.querySelector(`[data-part="${name}"]`);
  place.hidden = false;
  if (part("stage").textContent !== STAGES[stage]) part("stage").textContent = STAGES[stage]; // said aloud, so once
  const far = facts({ stage, share, heard_s }, num_bytes, length_s);
  part("how-far").textContent = `${far && `${far}. `}${stage === "sending" ? STAY : GO}`;
  const done = { sending: share, listening: length_s && Math.min(heard_s / length_s, 1) }[stage];
  if (typeof done === "number") part("bar").value = done;
  else part("bar").removeAttribute("value");
}

function facts({ stage, share, heard_s }, num_bytes, length_s) {
  if (stage === "sending") return `${Math.round(100 * share)} % of ${Math.max(1, Math.round(num_bytes / 1e6))} MB`;
  if (stage === "listening") return `${clock(heard_s)} ${length_s ? `of ${clock(length_s)}` : "so far"}`;
  return "";
}
