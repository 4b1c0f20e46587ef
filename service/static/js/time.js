// Times in words and on an axis.

/** 75.25 as "1:15", with `digits` behind the second "1:15.3"; an hour and more as "1:02:03". */
export function clock(seconds, digits = 0) {
  const scale = 10 ** digits;
  const units = Math.floor(Math.max(seconds, 0) * scale + 1e-6);
  const whole = Math.floor(units / scale);
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  if (whole >= 3600) parts.unshift(Math.floor(whole / 3600));
  const text = parts.map((part, place) => (place ? String(part).padStart(2, "0") : part)).join(":");
  return digits ? `${text}.${String(units % scale).padStart(digits, "0")}` : text;
}

const STEPS_S = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/** Round times within the view, `{start_s, end_s}`, at least `gap` pixels apart on `width`; and their decimals. */
export function ticks(view, width, gap = 80) {
  const least_s = ((view.end_s - view.start_s) * gap) / width;
  const step_s = STEPS_S.find((step) => step >= least_s) ?? STEPS_S.at(-1);
  const times = [];
  for (let n = Math.ceil(view.start_s / step_s); n * step_s <= view.end_s; n += 1) times.push(n * step_s);
  return { times, digits: Math.max(0, Math.ceil(-Math.log10(step_s) - 1e-9)) };
}

/** Where a time lies in a drawing `width` wide. */
export function across(time_s, view, width) {
  return ((time_s - view.start_s) / (view.end_s - view.start_s)) * width;
}

/** Which time lies there. */
export function at(x, view, width) {
  return view.start_s + (x / width) * (view.end_s - view.start_s);
}
