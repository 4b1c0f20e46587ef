// The sound of a WAV file too long to be held: its peaks are drawn while they are found, and of the samples there are
// those in view.

const MOST_PEAKS = 1 << 20; // pairs of least and greatest: eight megabytes
const LEAST_STEP = 128;
const MOST_SAMPLES = 1 << 23;

/**
 * As `audio.readSound`, for a `file` with `wav` of `header`. onChange: called whenever there is more to draw. What is
 * asked for besides:
 *   look(view, samplesEach): told before each drawing, fetches the samples that it will want
 *   close(): reads no more
 */
export function longSound(file, wav, onChange) {
  const step = 2 ** Math.max(Math.ceil(Math.log2(wav.length / MOST_PEAKS)), Math.log2(LEAST_STEP));
  const all = new Float32Array(2 * Math.ceil(wav.length / step));
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  let asked = { from: 0, to: 0 };

  const look = ({ start_s, end_s }, samplesEach) => {
    if (samplesEach >= 4 * step) return;
    const [start, end] = [Math.floor(start_s * wav.sampleRate), Math.ceil(end_s * wav.sampleRate) + 1];
    if ((start >= asked.from && Math.min(end, wav.length) <= asked.to) || end - start > MOST_SAMPLES) return;
    const beside = Math.min(end - start, (MOST_SAMPLES - (end - start)) >> 1); // for the next step to a side
    asked = { from: Math.max(start - beside, 0), to: Math.min(end + beside, wav.length) };
    worker.postMessage(asked);
  };
  const { sampleRate, length, duration_s } = wav;
  const samples = new Float32Array(0);
  const sound = { sampleRate, length, duration_s, samples, first: 0, peaks: all.subarray(0, 0), step, look, close: () => worker.terminate() };
  worker.addEventListener("message", ({ data }) => {
    if (data.peaks) {
      const filled = sound.peaks.length;
      all.set(data.peaks, filled);
      sound.peaks = all.subarray(0, filled + data.peaks.length);
    } else {
      Object.assign(sound, { samples: data.samples, first: data.from });
    }
    onChange();
  });
  worker.postMessage({ file, wav: { ...wav, format: null }, step });
  return sound;
}
