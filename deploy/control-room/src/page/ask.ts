// The page's side of the worker.
import type { Ask } from "../protocol";

let worker: Worker | null = null;

/** @param started The worker that all asks go to from now on. */
export function askOf(started: Worker): void {
  worker = started;
}

export function ask(what: Ask): void {
  worker?.postMessage(what);
}

let tickets = 0;
/** A number for an order or a signature, by which its answer is known. */
export function nextTicket(): number {
  tickets += 1;
  return tickets;
}
