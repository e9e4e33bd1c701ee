// Loss that can be seen: the holes in the numbers of what a device may never lose in silence.
import type { LossReason, RecordNotice } from "./notices";
import { type Range, Ranges } from "./ranges";

/** A number up to `recorddone` that has not come so long after that is lost. */
export const HOLE_AFTER_MS = 4000;
const STEP_MS = 50;
const MOST_RANGES = 1000;

/** The record of one device and epoch, from the number `base` on. */
export class Record {
  readonly #source: string;
  readonly #base: number;
  readonly #seen = new Ranges();
  /** The numbers that came, and those that are not waited for any more. */
  readonly #settled = new Ranges();
  readonly #holes = new Ranges();
  /** The highest `recorddone` of each short step of time, and when that step ended. */
  #done: { atMs: number; number: number }[] = [];

  constructor(source: string, base: number) {
    this.#source = source;
    this.#base = base;
    this.#settled.add(0, base);
  }

  /** Note a number that came. */
  hear(number: number): RecordNotice[] {
    if (number <= this.#base) return [];
    const wasHole = this.#holes.has(number);
    this.#seen.add(number, number);
    this.#settled.add(number, number);
    this.#holes.remove(number, number);
    const filled: RecordNotice[] = wasHole ? [{ kind: "hole-filled", source: this.#source, number }] : [];
    return [...filled, ...this.#bounded()];
  }

  has(number: number): boolean {
    return this.#seen.has(number);
  }

  /** Whether every number up to `top` has arrived. */
  isWhole(top: number): boolean {
    return this.#seen.gaps(this.#base + 1, top).length === 0;
  }

  /** Note that the device calls everything up to `done` delivered. */
  hearDone(done: number, nowMs: number): void {
    const last = this.#done.at(-1);
    if (last !== undefined && done <= last.number) return;
    if (last !== undefined && nowMs < last.atMs) last.number = done;
    else this.#done.push({ atMs: nowMs + STEP_MS, number: done });
  }

  /** The holes that are due. */
  tick(nowMs: number): RecordNotice[] {
    let due = 0;
    while (this.#done[0] !== undefined && this.#done[0].atMs + HOLE_AFTER_MS <= nowMs) due = this.#done.shift()!.number;
    if (due === 0) return [];
    const found: RecordNotice[] = [];
    for (const gap of this.#settled.gaps(this.#base + 1, due)) {
      for (const [first, last] of this.#holes.gaps(...gap)) {
        this.#holes.add(first, last);
        found.push({ kind: "hole-found", source: this.#source, first, last });
      }
    }
    return found;
  }

  /** Give up the holes in `first` to `last`. */
  lose(first: number, last: number, why: LossReason): RecordNotice[] {
    const lost = this.#holes.within(first, last);
    for (const each of lost) {
      this.#settled.add(...each);
      this.#holes.remove(...each);
    }
    return lost.map(([from, to]) => ({ kind: "record-lost", source: this.#source, first: from, last: to, why }));
  }

  /** Wait for none of `first` to `last`: the device has passed over them. */
  skip(first: number, last: number): RecordNotice[] {
    if (first < 1 || Math.max(first, this.#base + 1) > last) return [];
    this.#settled.add(Math.max(first, this.#base + 1), last);
    this.#holes.remove(first, last);
    return [{ kind: "record-skipped", source: this.#source, first, last }];
  }

  /** The holes that were told and are not settled, lowest first. */
  get holes(): Range[] {
    return this.#holes.all();
  }

  #bounded(): RecordNotice[] {
    const lost: RecordNotice[] = [];
    while (this.#settled.size > MOST_RANGES) {
      const [low, high] = this.#settled.all();
      const [first, last] = [low![1] + 1, high![0] - 1];
      this.#settled.add(first, last);
      this.#holes.remove(first, last);
      lost.push({ kind: "record-lost", source: this.#source, first, last, why: "crowded-out" });
    }
    if (this.#seen.size > MOST_RANGES) this.#seen.remove(...this.#seen.all()[0]!);
    return lost;
  }
}
