// The jobs of this tab, kept where a page that is loaded again finds them.

import { keep, kept } from "./keep.js";

const NAME = "jobs";

/** `{name, size, type, lastModified, job, model}` of each file that the service still works on, without its bytes. */
export function remembered() {
  return JSON.parse(kept("sessionStorage", NAME) || "[]");
}

/** job: the id that the service gave. model: its name. */
export function remember({ name, size, type, lastModified }, job, model) {
  save([...remembered(), { name, size, type, lastModified, job, model }]);
}

export function forget(id) {
  save(remembered().filter(({ job }) => job !== id));
}

/** Whether `file` may be the one that `left` was, of those that are remembered. */
export function isSame(file, left) {
  return ["name", "size", "lastModified"].every((member) => file[member] === left[member]);
}

function save(jobs) {
  keep("sessionStorage", NAME, JSON.stringify(jobs));
}
