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
  return checked(response);
}

/** The response; throws the problem in it, if it is one. */
async function checked(response) {
  if (response.ok) return response;
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json");
  const body = isProblem ? await response.json() : { status: response.status, code: "unknown" };
  throw new Problem(body, Number(response.headers.get("retry-after") ?? 0));
}

/**
 * As `ask` with a body, by the only way in which browsers say how much of it has gone. onSent: called with the share.
 */
async function send(path, body, signal, onSent) {
  const request = new XMLHttpRequest();
  request.open("POST", path);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  if (key) request.setRequestHeader("X-API-Key", key);
  request.upload.onprogress = ({ loaded, total }) => onSent(loaded / total);
  const abort = () => request.abort();
  signal.addEventListener("abort", abort);
  try {
    await new Promise((resolve, reject) => {
      request.onload = resolve;
      request.onerror = () => reject(new Problem({}));
      request.onabort = () => reject(signal.reason);
      signal.throwIfAborted();
      request.send(body);
    });
  } finally {
    signal.removeEventListener("abort", abort);
  }
  const headers = ["content-type", "retry-after"].map((name) => [name, request.getResponseHeader(name)]);
  return checked(new Response(request.response, { status: request.status, headers: headers.filter(([, value]) => value) }));
}

/** What is served: `models` that answer, the default one first, and the `limits` and `job_limits` of a file. */
export async function offer() {
  return (await ask("v1/models")).json();
}

/** For every label, and for every window too. */
function everything(model) {
  const count = Math.max(...[model.task, ...Object.values(model.side_tasks)].map((task) => task.labels.length));
  return new URLSearchParams({ segments: true, top_k: count, model: model.name });
}

/** The answer of `model` for `file`. */
export async function classify(file, model, signal) {
  const headers = { "Content-Type": "application/octet-stream" };
  return (await ask(`classify?${everything(model)}`, { method: "POST", body: file, headers, signal })).json();
}

/** A new job that has the same answer later. onSent: called with the share of the file that has gone. */
export async function submit(file, model, signal, onSent) {
  return (await send(`v1/jobs?${everything(model)}`, file, signal, onSent)).json();
}

/** How a job stands. */
export async function job(id, signal) {
  return (await ask(`v1/jobs/${id}`, { signal })).json();
}

/** Cancels a job, or forgets it if it has ended. Without an answer the service forgets it after a day. */
export async function remove(id) {
  await ask(`v1/jobs/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
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
  audio_too_large: ["This recording is too long", "It is longer than this service takes. Cut out a part of it."],
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
  cancelled: ["Cancelled", "The service no longer works on this file."],
  job_not_found: ["The service no longer knows this file", "It was cancelled or forgotten on the way. Send it again."],
  file_unreadable: ["The browser cannot read this file", "It may be a folder, or have been moved or changed. Choose a file again."],
  file_gone: ["The page does not have this file any more", "It was loaded anew meanwhile. Choose the file again."],
  jobs_unavailable: ["Long files cannot be taken just now", "The service has no place to keep them. Try again later, or a shorter part."],
  storage_full: ["Long files cannot be taken just now", "The service has no room left for them. Try again later, or a shorter part."],
  card_not_found: ["This model has no card", "Ask whoever trained it."],
  not_inspectable: ["This model cannot be looked into", "Its file does not name its layers: whoever runs the service can export it anew."],
  internal_error: ["Something went wrong on our side", "Try again. If it keeps happening, tell the operator the number below."],
  offline: ["You are offline", "Check your connection, then try again."],
  no_answer: ["The service does not answer", "It may be restarting, or the file may be larger than it takes. Try again in a moment."],
};

/** What a person is told: a title and what to do. */
export function inWords(problem) {
  const code = problem.code === "no_answer" && !navigator.onLine ? "offline" : problem.code;
  const [title, advice] = WORDS[code] ?? ["The service refused this", "Its reason is below."];
  return { title, advice };
}

/** Whether the same request may go well later. */
export function mayPass(problem) {
  return [0, 408, 429].includes(problem.status) || problem.status >= 500;
}
