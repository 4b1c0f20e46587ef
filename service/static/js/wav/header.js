// WAV files of any length, of which only the first few kilobytes and what is asked for are ever read.

const MOST_BEFORE = 1 << 20; // bytes of other chunks in front of the samples
const KINDS = { 1: "int", 3: "float" };
const EXTENSIBLE = 0xfffe;

/**
 * Where the samples of `file` are: {kind, bytes (of a sample), channels, sampleRate, start (byte), length (samples of
 * each channel), duration_s, format (the `fmt ` chunk)}. Null for what is no WAV of integers or floats.
 */
export async function header(file) {
  const view = new DataView(await file.slice(0, MOST_BEFORE).arrayBuffer());
  const id = (at) => String.fromCharCode(...new Uint8Array(view.buffer, at, 4));
  if (view.byteLength < 12 || !["RIFF", "RF64"].includes(id(0)) || id(8) !== "WAVE") return null;
  let [format, large] = [null, null];
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const [name, size, body] = [id(at), view.getUint32(at + 4, true), at + 8];
    if (name === "data") return format && described(format, body, (large !== null && size === 0xffffffff) ? large : size, file.size);
    if (body + size > view.byteLength) return null;
    if (name === "fmt " && size >= 16) format = new DataView(view.buffer, body, size);
    if (name === "ds64" && size >= 16) large = Number(view.getBigUint64(body + 8, true));
    at = body + size + (size % 2);
  }
  return null;
}

function described(format, start, size, fileSize) {
  const [tag, channels] = [format.getUint16(0, true), format.getUint16(2, true)];
  const kind = KINDS[tag === EXTENSIBLE && format.byteLength >= 26 ? format.getUint16(24, true) : tag];
  const [sampleRate, bytes] = [format.getUint32(4, true), format.getUint16(14, true) / 8];
  const isKnown = { int: [1, 2, 3, 4], float: [4, 8] }[kind]?.includes(bytes);
  if (!isKnown || !channels || !sampleRate) return null;
  const there = Math.min(size, fileSize - start); // files cut short, and streams that do not know their length
  const length = Math.floor(there / (bytes * channels));
  return { kind, bytes, channels, sampleRate, start, length, duration_s: length / sampleRate, format };
}

/** The samples from one number to another as a WAV file of its own, unchanged: the browser copies nothing until it is sent. */
export function cut(file, wav, from, to) {
  const each = wav.bytes * wav.channels;
  const size = (to - from) * each;
  const head = new DataView(new ArrayBuffer(28 + wav.format.byteLength));
  const text = (at, letters) => [...letters].forEach((letter, i) => head.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  head.setUint32(4, head.byteLength - 8 + size, true);
  text(8, "WAVEfmt ");
  head.setUint32(16, wav.format.byteLength, true);
  new Uint8Array(head.buffer).set(new Uint8Array(wav.format.buffer, wav.format.byteOffset, wav.format.byteLength), 20);
  text(head.byteLength - 8, "data");
  head.setUint32(head.byteLength - 4, size, true);
  const samples = file.slice(wav.start + from * each, wav.start + to * each);
  return new File([head, samples], file.name, { type: "audio/wav" });
}
