// Files too long to wait for: sent as a job, and asked about until it has ended.

import * as api from "./api.js";
import { forget, remember } from "./jobs.js";

const SOONEST_MS = 300; // between two questions about a job
const LATEST_MS = 2000;
const TOO_MUCH = ["audio_too_large", "visual_too_large", "body_too_large", "file_too_large"];

/** Whether a refusal of `api.classify` says that a job might take the file. */
export function isTooMuch(problem) {
  return TOO_MUCH.includes(problem.code);
}

/**
 * The answer of `model` for `file`, by a job, which is removed at the end and when `signal` is aborted. One that is left
 * behind when the page goes is remembered: then `file` is of `jobs.remembered`. limits: of jobs.
 * tell: called with `{stage, share, heard_s}` as it goes on:
 *   sending    `share` of the file has gone
 *   waiting    for its turn
 *   listening  `heard_s` seconds have been heard
 *   away       the service does not answer; it may come back, and has kept the job
 */
export async function answerLater(file, model, limits, signal, tell) {
  const id = file.job ?? (await sent(file, model, limits, signal, tell));
  try {
    return await outcome(id, signal, tell);
  } finally {
    cancel(id);
  }
}

/** Ends the job with this id, wherever it stands. */
export function cancel(id) {
  forget(id);
  api.remove(id);
}

async function sent(file, model, limits, signal, tell) {
  if (file.size > limits.max_bytes) {
    throw new api.Problem({ code: "body_too_large", status: 413, detail: `at most ${limits.max_bytes} bytes are accepted` });
  }
  const stay = (event) => event.preventDefault(); // half a file is lost with the page
  addEventListener("beforeunload", stay);
  try {
    tell({ stage: "sending", share: 0 });
    const { id } = await api.submit(file, model, signal, (share) => tell({ stage: "sending", share }));
    remember(file, id, model.name);
    return id;
  } finally {
    removeEventListener("beforeunload", stay);
  }
}

async function outcome(id, signal, tell) {
  for (let wait_ms = SOONEST_MS; ; wait_ms = Math.min(1.5 * wait_ms, LATEST_MS)) {
    const job = await standing(id, signal, tell);
    if (job?.state === "done") return job.result;
    if (job?.state === "failed") throw new api.Problem(job.problem);
    if (job?.state === "cancelled") throw new api.Problem({ status: 404, code: "job_not_found" });
    if (job) tell(job.state === "queued" ? { stage: "waiting" } : { stage: "listening", heard_s: job.progress.heard_s });
    await pause(wait_ms, signal);
  }
}

/** The job as the service has it, null while that does not answer. */
async function standing(id, signal, tell) {
  try {
    return await api.job(id, signal);
  } catch (problem) {
    if (!(problem instanceof api.Problem && api.mayPass(problem))) throw problem;
    if (problem.status !== 429) tell({ stage: "away" });
    return null;
  }
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
    signal.addEventListener("abort", resolve, { once: true });
  });
}
