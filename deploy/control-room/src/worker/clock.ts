// What time it is: by the PC's clock, unless the devices whose clocks are set agree that it is wrong.
import { median } from "../centre/presence";

/** A PC that differs by less is right enough. */
const WRONG_BY_MS = 30_000;
const JUMP_MS = 1000;
const MOST_DEVICES = 200;
const AGAIN_MS = 2000;

/** The time as this program has it. */
export interface Clock {
  /** Never falls, and never jumps. (ms) */
  nowMs(): number;
  /** What the PC takes for the time, in ms since 1970. */
  wallMs(): number;
}

export class TrueTime {
  readonly #clock: Clock;
  /** By device, how far its clock is ahead of `nowMs`. */
  readonly #ahead = new Map<string, number>();
  #median: number | null = null;
  #madeMs = -Infinity;
  #wallAheadMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wallAheadMs = clock.wallMs() - clock.nowMs();
  }

  /** Note the time of a message that a device with a set clock has just sent. */
  hear(source: string, time: string, nowMs: number): void {
    const saidMs = Date.parse(time);
    if (Number.isNaN(saidMs)) return;
    this.#ahead.delete(source);
    this.#ahead.set(source, saidMs - nowMs);
    if (this.#ahead.size > MOST_DEVICES) for (const oldest of this.#ahead.keys()) { this.#ahead.delete(oldest); break; }
  }

  /** What to add to a time of `nowMs` to have the true one. */
  get offsetMs(): number {
    const { nowMs, wallMs } = { nowMs: this.#clock.nowMs(), wallMs: this.#clock.wallMs() };
    const wallAheadMs = wallMs - nowMs;
    if (Math.abs(wallAheadMs - this.#wallAheadMs) > JUMP_MS) {
      // Somebody has set the PC's clock, or it was asleep: what was compared before says nothing now.
      this.#ahead.clear();
      this.#median = null;
    }
    this.#wallAheadMs = wallAheadMs;
    if (this.#median === null || nowMs - this.#madeMs >= AGAIN_MS) {
      this.#median = median(this.#ahead.values());
      this.#madeMs = nowMs;
    }
    const aheadMs = this.#median;
    return aheadMs !== null && Math.abs(aheadMs - wallAheadMs) > WRONG_BY_MS ? aheadMs : wallAheadMs;
  }

  /** How far the PC's clock is ahead of the devices', if that is so much that a person has to know. */
  get wrongByMs(): number | null {
    const wrongByMs = Math.round(this.#clock.wallMs() - this.trueMs);
    return Math.abs(wrongByMs) > WRONG_BY_MS ? wrongByMs : null;
  }

  /** The true time, in ms since 1970. */
  get trueMs(): number {
    return this.#clock.nowMs() + this.offsetMs;
  }
}
