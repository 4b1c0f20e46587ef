// What an answer means: which tag leads when, what is silent, and how to say a score.

/** 0.7037 as "70 %"; what is not quite nothing or everything says so. */
export function percent(score) {
  if (score > 0 && score < 0.01) return "< 1 %";
  if (score < 1 && score > 0.99) return "> 99 %";
  return `${Math.round(100 * score)} %`;
}

/** "joyful_activation" as people write it. */
export function words(label) {
  return label.replaceAll("_", " ");
}

/** A prediction's score, or a regression's value with its unit. */
export function said(prediction) {
  if ("score" in prediction) return percent(prediction.score);
  return `${Number(prediction.value.toPrecision(4))} ${prediction.unit}`.trim();
}

/** How long what was sent lasts, null for a picture. */
export function duration(answer) {
  return (answer.audio ?? answer.video)?.duration_s ?? null;
}

/** Drawings ask the same of an answer sixty times a second: `make` is called once for each. */
function once(make) {
  const made = new WeakMap();
  return (answer) => {
    if (!made.has(answer)) made.set(answer, make(answer));
    return made.get(answer);
  };
}

/**
 * Windows overlap, a moment can belong to one only: to that whose middle is nearest. Gives each window its
 * `{start_s, end_s, middle_s, segment}` in time order.
 */
export const cells = once((answer) => {
  const { segments } = answer;
  const length_s = duration(answer);
  const middles = segments.map(({ start_s, end_s }) => (start_s + Math.min(end_s, length_s)) / 2);
  return segments.map((segment, i) => ({
    segment,
    middle_s: middles[i],
    start_s: i === 0 ? 0 : (middles[i - 1] + middles[i]) / 2,
    end_s: i === segments.length - 1 ? length_s : (middles[i] + middles[i + 1]) / 2,
  }));
});

/** The parts `{start_s, end_s}` of which every sample lies in a silent window. */
export const silences = once((answer) => {
  const parts = [];
  for (const { start_s, end_s: beyond_s, silent } of answer.segments) {
    if (!silent) continue;
    const end_s = Math.min(beyond_s, duration(answer));
    const last = parts.at(-1);
    if (last && start_s <= last.end_s) last.end_s = end_s;
    else parts.push({ start_s, end_s });
  }
  return parts;
});

/** Whether the model decides for the best label of one window, by the rule that it has for whole files. */
export function decided(task, best) {
  if (task.kind === "multi_label") return best.score >= (task.thresholds[task.labels.indexOf(best.label)] ?? 0.5);
  return best.score >= task.unknown_below;
}

/**
 * What leads when: neighbouring windows that say the same as one part, `{start_s, end_s, best, sure, score}`, the score
 * being their mean; `best` is null for silence.
 */
export function runs(answer, task) {
  const quiet = silences(answer);
  const parts = quiet.map((part) => ({ ...part, best: null, sure: false, scores: [] }));
  for (const { start_s, end_s, segment } of cells(answer)) {
    const [best] = segment.predictions;
    if (!best) continue;
    const part = { start_s, end_s, best, sure: decided(task, best), scores: [best.score] };
    for (const silence of quiet) {
      if (silence.start_s <= part.start_s) part.start_s = Math.max(part.start_s, Math.min(silence.end_s, part.end_s));
      else part.end_s = Math.min(part.end_s, silence.start_s);
      if (silence.end_s >= part.end_s) break;
    }
    if (part.end_s > part.start_s) parts.push(part);
  }
  parts.sort((a, b) => a.start_s - b.start_s);
  return joined(parts).map(({ scores, ...part }) => ({ ...part, score: scores.reduce((a, b) => a + b, 0) / scores.length }));
}

function joined(parts) {
  const found = [];
  for (const part of parts) {
    const last = found.at(-1);
    if (last?.best && part.best && last.best.label === part.best.label && last.sure === part.sure) {
      last.end_s = part.end_s;
      last.scores.push(...part.scores);
    } else {
      found.push(part);
    }
  }
  return found;
}

/** What the percentages of a task mean, in a sentence or two. */
export function meaning(task) {
  if (task.kind === "regression") return "";
  const measured = task.temperature !== 1;
  if (task.kind === "multi_label") {
    return measured
      ? "Each is judged by itself, so they do not add up to 100 %. Calibrated on the model's own kind of data."
      : "Each is judged by itself, so they do not add up to 100 %. Not calibrated: read them as an order.";
  }
  const limit = task.unknown_below ? ` Below ${percent(task.unknown_below)} it says that it is not sure.` : "";
  return measured
    ? `Calibrated: of files like those the model was tested on, about 70 in 100 that get 70 % are that.${limit}`
    : `Not calibrated: read them as an order rather than as chances.${limit}`;
}
