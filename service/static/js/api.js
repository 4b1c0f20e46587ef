// Everything that is asked of the service, and its refusals in plain words.

import { keep, kept } from "./keep.js";

let key = kept("sessionStorage", "api-key");

/** Send this API key from now on, as long as the tab is open. */
export function useKey(text) {
  key = text;
  keep("sessionStorage", "api-key", text);
}

/** A refusal: `code`, `detail` and `requestId` as the service gave them, `status` 0 if there was no answer at all. */
export class Problem extends Error {
  constructor({ status = 0, code = "no_answer", detail = "", request_id: requestId = "" }, retryAfter_s = 0) {
    super(detail);
    Object.assign(this, { status, code, detail, requestId, retryAfter_s });
  }
}

async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(key && { "X-API-Key": key }) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({});
  }
  if (response.ok) return response;
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json");
  const body = isProblem ? await response.json() : { status: response.status, code: "unknown" };
  throw new Problem(body, Number(response.headers.get("retry-after") ?? 0));
}

/** The models that answer, the default one first. */
export async function models() {
  return (await (await ask("v1/models")).json()).models;
}

/** The answer for `file` of the model called `name`: every label, for every window too. */
export async function classify(file, model, signal) {
  const count = Math.max(...[model.task, ...Object.values(model.side_tasks)].map((task) => task.labels.length));
  const query = new URLSearchParams({ segments: true, top_k: count, model: model.name });
  const headers = { "Content-Type": "application/octet-stream" };
  return (await ask(`classify?${query}`, { method: "POST", body: file, headers, signal })).json();
}

/** What the model makes of `file` on the way to its answer. layers: whose maps to give, none for a choice of them. */
export async function inspect(file, model, layers, signal) {
  const query = new URLSearchParams({ model: model.name });
  for (const layer of layers) query.append("layer", layer);
  const headers = { "Content-Type": "application/octet-stream" };
  return (await ask(`v1/inspect?${query}`, { method: "POST", body: file, headers, signal })).json();
}

/** An example of the lectures, computed by the service. */
export async function lecture(name, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return (await ask(`v1/lectures/${name}`, { method: "POST", body: JSON.stringify(body), headers, signal })).json();
}

/** The card of a model as nodes to show. */
export async function card(name) {
  const response = await ask(`v1/models/${encodeURIComponent(name)}/card`, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return [...page.body.childNodes].map((node) => document.adoptNode(node));
}

/** Whether the service wants requests: not while it is about to stop. */
export async function ready() {
  try {
    await ask("readyz");
    return true;
  } catch {
    return false;
  }
}

const WORDS = {
  undecodable_audio: ["This is not a sound we can read", "It may be damaged, or be something else under this name. Try WAV, FLAC, MP3 or Ogg."],
  unsupported_audio: ["This kind of file is not read here", "Convert it to WAV, FLAC, MP3 or Ogg and try again."],
  empty_audio: ["There is no sound in this file", "Choose one that is longer."],
  audio_too_large: ["This recording is too long", "Cut out a part of it, or send it as a job: see the API."],
  non_finite_audio: ["This file is damaged", "It has values that are no numbers. Export it again from where it came."],
  undecodable_visual: ["This is not a picture or video we can read", "It may be damaged, or be something else under this name."],
  unsupported_visual: ["This kind of file is not read by this model", "Choose another file, or another model."],
  empty_visual: ["There is nothing in this file", "Choose another one."],
  visual_too_large: ["This picture or video is too large", "Make it smaller or shorter and try again."],
  non_finite_visual: ["This file is damaged", "It has values that are no numbers. Export it again from where it came."],
  body_too_large: ["This file is too large", "Cut out a part, or convert it to MP3, FLAC or Ogg, which are smaller."],
  file_too_large: ["This file is too large", "Cut out a part, or convert it to MP3, FLAC or Ogg, which are smaller."],
  unsupported_media_type: ["This kind of file is not read by this model", "Choose another file, or another model."],
  unauthorized: ["This service asks who you are", "Enter the API key that its operator gave you."],
  rate_limited: ["You are asking a little too fast", "Wait a moment, then try again."],
  overloaded: ["The service is busy", "Others are being served. Try again in a moment."],
  too_many_connections: ["The service is busy", "Others are being served. Try again in a moment."],
  not_ready: ["The service is starting or about to stop", "Try again in a moment."],
  deadline_exceeded: ["This took too long", "Try again later, or with a shorter file."],
  slow_body: ["The file came too slowly", "Your connection may be poor. Try a smaller file, or again later."],
  unknown_model: ["This model is not here any more", "Reload the page to see which ones are."],
  card_not_found: ["This model has no card", "Ask whoever trained it."],
  not_inspectable: ["This model cannot be looked into", "Its file does not name its layers: whoever runs the service can export it anew."],
  internal_error: ["Something went wrong on our side", "Try again. If it keeps happening, tell the operator the number below."],
  no_answer: ["The service does not answer", "It may be restarting, or the file may be larger than it takes. Try again in a moment."],
};

/** What a person is told: a title and what to do. */
export function inWords(problem) {
  const [title, advice] = WORDS[problem.code] ?? ["The service refused this", "Its reason is below."];
  return { title, advice };
}

/** Whether the same request may go well later. */
export function mayPass(problem) {
  return problem.status === 0 || problem.status === 429 || problem.status >= 500 || problem.status === 408;
}
