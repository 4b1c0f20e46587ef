// Where a visitor's file comes from: dropped anywhere, chosen, recorded, or our example.

import { drawn, colour } from "./canvas.js";
import { example } from "./example.js";
import { NoMicrophone, record } from "./record.js";
import { clock } from "./time.js";

/** take: called with one file or several, of which two are compared. */
export function chooser(zone, take) {
  const part = (name) => zone.querySelector(`[data-part="${name}"]`);
  const input = part("input");
  const onFiles = (files) => {
    part("said").textContent = files.length > 2 ? `Two can be compared at a time: these are the first two of ${files.length}.` : "";
    take(files);
  };
  part("choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length) onFiles([...input.files]);
    input.value = "";
  });
  part("example").addEventListener("click", () => onFiles([example()]));
  drops(zone, onFiles);
  recorder(part, onFiles);
}

function drops(zone, onFiles) {
  let depth = 0; // elements the pointer is in: each enter has a leave
  const mark = (change) => {
    depth += change;
    zone.classList.toggle("over", depth > 0);
  };
  addEventListener("dragenter", () => mark(1));
  addEventListener("dragleave", () => mark(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    mark(-depth);
    if (event.dataTransfer.files.length) onFiles([...event.dataTransfer.files]);
  });
}

function recorder(part, onFiles) {
  const [button, meter, said] = [part("record"), part("meter"), part("said")];
  let levels = [];
  let stop = null;
  const redraw = drawn(meter, (context, width, height) => {
    context.fillStyle = colour("--bad");
    levels.slice(-Math.floor(width / 5)).forEach((level, i) => {
      const bar = Math.max(2, Math.min(1, level) ** 0.5 * height);
      context.fillRect(5 * i, (height - bar) / 2, 3, bar);
    });
  });
  const show = (isOn) => {
    button.classList.toggle("on", isOn);
    meter.hidden = !isOn;
    button.lastElementChild.textContent = isOn ? "Stop, 0:00" : "Record";
  };

  async function end() {
    const finish = stop;
    stop = null;
    show(false);
    const file = await finish();
    if (file.size > 44) onFiles([file]);
    else said.textContent = "Nothing was recorded. Record a little longer.";
  }

  button.addEventListener("click", async () => {
    if (stop) {
      await end();
      return;
    }
    said.textContent = "";
    levels = [];
    button.disabled = true;
    try {
      stop = await record((level, seconds) => {
        levels.push(level);
        button.lastElementChild.textContent = `Stop, ${clock(seconds)}`;
        redraw();
      }, end);
      show(true);
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error;
      said.textContent = error.message;
    } finally {
      button.disabled = false;
    }
  });
}
