// Everything over time in a panel: the buttons above the drawings, and the line that moves across them.

import { moment } from "./timeline.js";
import { across, at, clock } from "./time.js";
import { follow, zoom } from "./waveform.js";

const UNPLAYABLE = "Your browser cannot play this format; the service could read it.";
const GONE = "The page was loaded anew and does not have the sound any more. Choose the same file again to see and hear it.";

/** part: gives the panel's elements by name. */
export function tracks(part, store, player) {
  const [play, line, frame, readout] = ["play", "playhead", "tracks", "readout"].map(part);
  play.addEventListener("click", () => player.toggle());
  part("zoom-in").addEventListener("click", () => zoom(store, 0.5, store.playhead_s || undefined));
  part("zoom-out").addEventListener("click", () => zoom(store, 2));
  part("zoom-all").addEventListener("click", () => zoom(store, Infinity));

  store.on("view answer sound drawable", () => {
    const { view, answer, sound } = store;
    const hasTime = view !== null;
    part("result").hidden = !hasTime && !answer && store.model?.input.media === "audio";
    part("over-time").hidden = !hasTime;
    part("waveform").hidden = sound === null && !(answer?.audio && hasTime);
    part("waveform").classList.toggle("bare", !store.drawable); // the ruler alone
    part("listing").hidden = !answer?.segments.length || store.model.task.kind === "regression";
    part("silent-legend").hidden = !answer?.segments.some(({ silent }) => silent);
    if (!hasTime) return;
    const shown = (view.end_s - view.start_s) / store.length_s;
    part("zoom-in").disabled = view.end_s - view.start_s < 0.04;
    part("zoom-out").disabled = part("zoom-all").disabled = shown > 0.999;
  });

  let hovered_s = null;
  const say = () => {
    const time_s = hovered_s ?? store.playhead_s;
    part("time").textContent = `${clock(store.playhead_s, 1)} / ${clock(store.length_s, 1)}`;
    readout.textContent = store.answer?.segments.length ? `At ${clock(time_s, 1)}: ${moment(store.answer, time_s)}` : "";
  };
  const place = () => {
    if (!store.view) return;
    const x = across(store.playhead_s, store.view, frame.clientWidth);
    line.hidden = x < 0 || x > frame.clientWidth;
    line.style.transform = `translateX(${x}px)`;
  };
  frame.addEventListener("pointermove", (event) => {
    if (!store.view) return;
    hovered_s = at(event.clientX - frame.getBoundingClientRect().left, store.view, frame.clientWidth);
    say();
  });
  frame.addEventListener("pointerleave", () => {
    hovered_s = null;
    say();
  });
  store.on("playhead_s", () => {
    if (store.playing && store.view) follow(store);
  });
  store.on("playhead_s view answer sound", () => {
    say();
    place();
  });
  new ResizeObserver(place).observe(frame);

  store.on("file playing playable", () => {
    play.setAttribute("aria-label", store.playing ? "Pause" : "Play");
    play.dataset.playing = store.playing;
    play.disabled = !store.playable;
    part("unplayable").hidden = store.playable;
    part("unplayable").textContent = store.isHere ? UNPLAYABLE : GONE;
  });
}
