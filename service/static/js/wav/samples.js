// Bytes of a WAV file as numbers.

/** Samples `from` to `to` of `file`, whose `wav` is of `header`: its channels mixed to one, from -1 to 1. */
export async function samples(file, wav, from, to) {
  const { bytes, channels, kind, start } = wav;
  const each = bytes * channels;
  const view = new DataView(await file.slice(start + from * each, start + to * each).arrayBuffer());
  const read = READERS[kind][bytes];
  const mixed = new Float32Array(Math.floor(view.byteLength / each));
  for (let i = 0, at = 0; i < mixed.length; i += 1) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel += 1, at += bytes) sum += read(view, at);
    mixed[i] = sum / channels;
  }
  return mixed;
}

const READERS = {
  int: {
    1: (view, at) => (view.getUint8(at) - 128) / 2 ** 7,
    2: (view, at) => view.getInt16(at, true) / 2 ** 15,
    3: (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23,
    4: (view, at) => view.getInt32(at, true) / 2 ** 31,
  },
  float: {
    4: (view, at) => view.getFloat32(at, true),
    8: (view, at) => view.getFloat64(at, true),
  },
};
