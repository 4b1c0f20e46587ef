// Sound as numbers. Everything that takes long happens elsewhere or in slices, so that the page never stands still.

import { extremes } from "./wav/extremes.js";

const PEAK_SAMPLES = 128; // of one pair of least and greatest
const SLICE = 1 << 18; // samples handled before others may have their turn

/**
 * The sound in a file, mixed to one channel at about `rate` Hz:
 *   sampleRate, length (in samples), duration_s
 *   samples: Float32Array from -1 to 1, and `first`, the number of the first of them; here they are all there
 *   peaks: least and greatest of every `step` samples, one after the other
 * Null if the browser cannot decode the file; the service may know more formats. Of long files see wav/sound.js.
 */
export async function readSound(file, rate) {
  const context = new OfflineAudioContext(1, 1, Math.min(Math.max(rate, 8000), 48000));
  let buffer;
  try {
    buffer = await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    return null;
  }
  const samples = await mixed(buffer);
  const { sampleRate, length, duration: duration_s } = buffer;
  return { sampleRate, length, duration_s, samples, first: 0, peaks: await peaksOf(samples), step: PEAK_SAMPLES };
}

async function mixed(buffer) {
  const first = buffer.getChannelData(0);
  if (buffer.numberOfChannels === 1) return first;
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, index) => buffer.getChannelData(index));
  const samples = new Float32Array(first.length);
  for (let start = 0; start < samples.length; start += SLICE) {
    const end = Math.min(start + SLICE, samples.length);
    for (const channel of channels) {
      for (let i = start; i < end; i += 1) samples[i] += channel[i] / channels.length;
    }
    await turn();
  }
  return samples;
}

async function peaksOf(samples) {
  const peaks = new Float32Array(2 * Math.ceil(samples.length / PEAK_SAMPLES));
  for (let start = 0; start < samples.length; start += SLICE) {
    const end = Math.min(start + SLICE, samples.length);
    for (let from = start; from < end; from += PEAK_SAMPLES) {
      const [least, greatest] = extremes(samples, from, Math.min(from + PEAK_SAMPLES, end));
      peaks[(2 * from) / PEAK_SAMPLES] = least;
      peaks[(2 * from) / PEAK_SAMPLES + 1] = greatest;
    }
    await turn();
  }
  return peaks;
}

/** Least and greatest sample between two sample numbers, from the peaks where these are fine enough; null beyond. */
export function between({ length, samples, first, peaks, step }, from, to) {
  const start = Math.max(0, Math.floor(from));
  const end = Math.min(length, Math.max(start + 1, Math.ceil(to)));
  if (start >= end) return null;
  const isThere = start >= first && end <= first + samples.length;
  if (isThere && end - start < 4 * step) return extremes(samples, start - first, end - first);
  const [left, right] = [2 * Math.floor(start / step), Math.min(2 * Math.ceil(end / step), peaks.length)];
  return left < right ? extremes(peaks, left, right) : null;
}

/** 16 bit mono samples as a WAV file. samples: from -1 to 1. */
export function wavFile(samples, sampleRate, name) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (offset, letters) => [...letters].forEach((c, i) => view.setUint8(offset + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  const words = new Int16Array(view.buffer, 44); // every browser's machine has the low byte first
  for (let i = 0; i < samples.length; i += 1) words[i] = Math.round(Math.min(Math.max(samples[i], -1), 1) * 32767);
  return new File([view], name, { type: "audio/wav" });
}

/** Lets the browser draw and answer before the rest. */
function turn() {
  return globalThis.scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));
}
