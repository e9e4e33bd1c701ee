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

/** The wall clock of this PC at a moment of the worker's clock. */
export function wall(ms: number): number {
  return Date.now() - (now() - ms);
}

/** Changes once a second: what counts up reads it. */
export const second = signal(Math.floor(now() / 1000));

setInterval(() => {
  second.value = Math.floor(now() / 1000);
}, 250);
