// A sound as one filter of the first layer passes it, to see and to hear.

import { wavFile } from "../audio.js";

const LOUDEST = 0.7;

/**
 * The response of `taps`, at the sound's own rate, to every sample of `sound`: {samples, sampleRate, gain_db, file}. The
 * loudest sample is brought to 0.7; `gain_db` says by how much.
 *
 * The browser filters beside the page, so that nothing stands still. A network's filter is not flipped before it
 * slides, the browser's is: so it gets it backwards.
 */
export async function response(sound, taps) {
  const { samples, sampleRate } = sound;
  const context = new OfflineAudioContext(1, samples.length + taps.length, sampleRate);
  const [heard, filter] = [context.createBufferSource(), context.createConvolver()];
  heard.buffer = context.createBuffer(1, samples.length, sampleRate);
  heard.buffer.copyToChannel(samples, 0);
  const impulse = context.createBuffer(1, taps.length, sampleRate);
  impulse.copyToChannel(Float32Array.from(taps).reverse(), 0);
  filter.normalize = false;
  filter.buffer = impulse;
  heard.connect(filter).connect(context.destination);
  heard.start();
  const made = (await context.startRendering()).getChannelData(0);
  const delay = Math.floor(taps.length / 2);
  const passed = made.slice(delay, delay + samples.length);
  let most = 0;
  for (const value of passed) most = Math.max(most, Math.abs(value));
  const gain = most > 0 ? LOUDEST / most : 1;
  for (let i = 0; i < passed.length; i += 1) passed[i] *= gain;
  return { samples: passed, sampleRate, gain_db: 20 * Math.log10(gain), file: wavFile(passed, sampleRate, "filtered.wav") };
}

/** The largest magnitude in each of `count` equal parts of the response, from 0 to 1. */
export function envelope({ samples }, count) {
  const found = new Float32Array(count);
  const each = samples.length / count;
  for (let i = 0; i < samples.length; i += 1) {
    const place = Math.min(Math.floor(i / each), count - 1);
    found[place] = Math.max(found[place], Math.abs(samples[i]) / LOUDEST);
  }
  return found;
}
