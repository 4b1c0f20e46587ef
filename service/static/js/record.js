// The microphone as a WAV file: the samples themselves, without a codec in between.

import { wavFile } from "./audio.js";

const LONGEST_S = 300;

/** Why there is no recording, to be shown as it is. */
export class NoMicrophone extends Error {}

/**
 * Starts recording. onLevel: called with the loudest sample, 0 to 1, and the seconds so far; onLongest: after five
 * minutes. Returns a function that stops and gives the File. Throws `NoMicrophone`.
 */
export async function record(onLevel, onLongest) {
  if (!navigator.mediaDevices) {
    throw new NoMicrophone("Browsers record only on https:// or localhost. Open this page there.");
  }
  const stream = await microphone();
  const context = new AudioContext();
  await context.audioWorklet.addModule("static/js/record-worklet.js");
  const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  const pieces = [];
  let count = 0;
  node.port.onmessage = ({ data }) => {
    pieces.push(data);
    count += data.length;
    const seconds = count / context.sampleRate;
    onLevel(Math.max(...data.map(Math.abs)), seconds);
    if (seconds >= LONGEST_S) onLongest();
  };
  context.createMediaStreamSource(stream).connect(node);

  return async () => {
    for (const track of stream.getTracks()) track.stop();
    node.port.onmessage = null;
    await context.close();
    const samples = new Float32Array(count);
    let place = 0;
    for (const piece of pieces) {
      samples.set(piece, place);
      place += piece.length;
    }
    return wavFile(samples, context.sampleRate, "recording.wav");
  };
}

async function microphone() {
  // What helps in a call is not what came to the microphone.
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    if (error.name === "NotAllowedError") {
      throw new NoMicrophone("The microphone is not allowed for this page. Allow it in the browser's address bar.");
    }
    throw new NoMicrophone("There is no microphone that can be used.");
  }
}
