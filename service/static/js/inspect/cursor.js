// Where the visitor points, shared by all drawings of a look inside.

/**
 * at: null, or {time_s, field_s, layer}: a moment, and how much sound around it the value there depends on.
 * filter: which of the first layer's is chosen, null for none; `response` is the sound as it passes it, once known.
 */
export class Cursor extends EventTarget {
  at = null;
  filter = null;
  response = null;

  set(changes) {
    Object.assign(this, changes);
    this.dispatchEvent(new Event("change"));
  }

  on(listener) {
    this.addEventListener("change", listener);
  }
}

/** The span of sound that a value of `layer` at `time_s` depends on, `{start_s, end_s}`; the whole file at most. */
export function field(layer, time_s, input, length_s) {
  const half_s = Math.min(layer.receptive_field[0], input.window) / input.sample_rate / 2;
  return { start_s: Math.max(0, time_s - half_s), end_s: Math.min(length_s, time_s + half_s) };
}

/** 0.0342 as "34 ms", 1.914 as "1.91 s". */
export function span(seconds) {
  return seconds < 1 ? `${Number((1000 * seconds).toPrecision(3))} ms` : `${seconds.toFixed(2)} s`;
}
