// A made-up piece for visitors without a file at hand: plucked chords, a pause, then a beat with a bass.

import { wavFile } from "./audio.js";

const RATE = 22050;
const LENGTH_S = 24;
const CHORDS = [[0, 4, 7, 12], [-3, 0, 4, 9], [-7, -3, 0, 5], [-5, -1, 2, 7]]; // half tones from C

/** The piece as a WAV file. */
export function example() {
  const samples = new Float32Array(RATE * LENGTH_S);
  for (let bar = 0; bar < 4; bar += 1) {
    CHORDS[bar].forEach((tone, i) => {
      pluck(samples, 2.25 * bar + 0.12 * i, 261.6 * 2 ** (tone / 12), 2.6);
      pluck(samples, 2.25 * bar + 1.1 + 0.12 * i, 261.6 * 2 ** (tone / 12), 1.4);
    });
  }
  for (let beat = 0; beat < 20; beat += 1) {
    const start_s = 14 + 0.48 * beat;
    kick(samples, start_s);
    hiss(samples, start_s + 0.24);
    for (const part of [0, 0.24]) saw(samples, start_s + part, 55 * 2 ** (CHORDS[(beat >> 2) % 4][0] / 12), 0.2);
  }
  return wavFile(samples, RATE, "example.wav");
}

/** Adds `wave(seconds)` from start_s on for length_s. */
function add(samples, start_s, length_s, wave) {
  const first = Math.round(start_s * RATE);
  const count = Math.min(Math.round(length_s * RATE), samples.length - first);
  for (let i = 0; i < count; i += 1) samples[first + i] += wave(i / RATE);
}

function pluck(samples, start_s, hz, length_s) {
  add(samples, start_s, length_s, (t) => {
    let sum = 0;
    for (let n = 1; n <= 6; n += 1) sum += (Math.exp(-t * (1.5 + n)) / n) * Math.sin(2 * Math.PI * hz * n * t);
    return 0.16 * sum * Math.min(1, 200 * t);
  });
}

function kick(samples, start_s) {
  add(samples, start_s, 0.3, (t) => 0.6 * Math.exp(-12 * t) * Math.sin(2 * Math.PI * (50 * t + 6 * (1 - Math.exp(-30 * t)))));
}

function hiss(samples, start_s) {
  add(samples, start_s, 0.08, (t) => 0.18 * Math.exp(-60 * t) * (2 * Math.random() - 1));
}

function saw(samples, start_s, hz, length_s) {
  add(samples, start_s, length_s, (t) => 0.22 * (2 * ((hz * t) % 1) - 1) * Math.min(1, 100 * t, 100 * (length_s - t)));
}
