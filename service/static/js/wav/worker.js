// Beside the page: reads a long WAV file piece by piece. It is told {file, wav, step} first and tells {peaks}, least and
// greatest of every `step` samples in the order of the file; and {from, samples} for each {from, to} that it is asked.

import { extremes } from "./extremes.js";
import { samples } from "./samples.js";

const PIECE = 1 << 20; // samples of each channel

let source = null;

addEventListener("message", async ({ data }) => {
  if (data.file) {
    source = data;
    await peaks(data);
  } else {
    const found = await samples(source.file, source.wav, data.from, data.to).catch(() => null);
    if (found) postMessage({ from: data.from, samples: found }, [found.buffer]);
  }
});

async function peaks({ file, wav, step }) {
  const piece = Math.max(Math.floor(PIECE / step), 1) * step;
  for (let from = 0; from < wav.length; from += piece) {
    const part = await samples(file, wav, from, Math.min(from + piece, wav.length)).catch(() => null);
    if (!part) break; // the file has been moved or changed meanwhile
    const found = new Float32Array(2 * Math.ceil(part.length / step));
    for (let i = 0; i < found.length; i += 2) {
      [found[i], found[i + 1]] = extremes(part, (i / 2) * step, Math.min((i / 2 + 1) * step, part.length));
    }
    postMessage({ peaks: found }, [found.buffer]);
  }
}
