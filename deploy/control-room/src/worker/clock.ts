// What time it is: by the PC's clock, unless most devices whose clocks are set agree that it is wrong.
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
  /** Where most devices agree, how far they are ahead of `nowMs`. One alone may be wrong, or lie. */
  #agreed: number | null = null;
  #madeMs = -Infinity;
  /** Of how many devices. */
  #madeOf = 0;
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
      this.#agreed = null;
    }
    this.#wallAheadMs = wallAheadMs;
    if (this.#ahead.size !== this.#madeOf || nowMs - this.#madeMs >= AGAIN_MS) {
      this.#agreed = agreed([...this.#ahead.values()]);
      this.#madeMs = nowMs;
      this.#madeOf = this.#ahead.size;
    }
    const aheadMs = this.#agreed;
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

/** The median, if at least two and more than half are near it. */
function agreed(aheadMs: number[]): number | null {
  const middle = median(aheadMs.values());
  if (middle === null) return null;
  const near = aheadMs.filter((each) => Math.abs(each - middle) <= WRONG_BY_MS).length;
  return near >= 2 && near > aheadMs.length / 2 ? middle : null;
}
