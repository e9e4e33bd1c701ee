// The page's clock: the worker's, which never jumps, so that no age depends on the PC's clock.
import { signal } from "@preact/signals";

let offsetMs = performance.timeOrigin;

/** The worker has said what time it has. */
export function setClock(workerNowMs: number): void {
  offsetMs = workerNowMs - performance.now();
  second.value = Math.floor(now() / 1000);
}

/** Now, in ms of the worker's clock. */
export function now(): number {
  return performance.now() + offsetMs;
}

// Less is how late a message of the worker is read, and that Date.now() has whole milliseconds.
const CLOCK_SET_MS = 1000;
let wallAheadMs = Date.now() - now();

/** The wall clock of this PC at a moment of the worker's clock: the same at each call, unless somebody sets the PC's clock. */
export function wall(ms: number): number {
  const aheadMs = Date.now() - now();
  if (Math.abs(aheadMs - wallAheadMs) >= CLOCK_SET_MS) wallAheadMs = aheadMs;
  return ms + wallAheadMs;
}

/** Changes once a second: what counts up reads it. */
export const second = signal(Math.floor(now() / 1000));

setInterval(() => {
  second.value = Math.floor(now() / 1000);
}, 250);
