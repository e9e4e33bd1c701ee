// When to ask a device for a replay of what is missing, and of what.
import type { ResultData } from "../contract";
import type { RecordNotice } from "./notices";
import type { Range } from "./ranges";
import { HOLE_AFTER_MS, type Record } from "./record";

/** Holes that are closer to each other are asked for together: a device replays so many messages in a second. */
const APART = 50;
const TRIES = 3;
const AGAIN_MS = 10_000;
/** A device that does not let us ask may get another key set, or another version. */
const REFUSED_MS = 3_600_000;

/** Ask the device for a replay of `first` to `last`, inclusive. */
export interface Replay {
  source: string;
  first: number;
  last: number;
}

/** Asks for the holes in the record of one device: one replay at a time, until nothing is missing. */
export class Replays {
  readonly #source: string;
  #asked: Replay | null = null;
  #notBeforeMs = 0;
  /** The first number of the last successful replay, and how many there were. */
  #tried = { first: 0, times: 0 };

  constructor(source: string) {
    this.#source = source;
  }

  /** What to ask for now, if anything. Then call `answered`, whatever came of it. */
  due(record: Record, nowMs: number): Replay | null {
    if (this.#asked !== null || nowMs < this.#notBeforeMs) return null;
    const holes = record.holes;
    if (holes[0] === undefined) return null;
    let [first, last] = holes[0];
    for (const [begin, end] of holes.slice(1)) {
      if (begin - last > APART) break;
      last = end;
    }
    this.#asked = { source: this.#source, first, last };
    return this.#asked;
  }

  /** Take in the final result of a replay; null if there will be none. Return what is lost for good. */
  answered(asked: Replay, result: ResultData | null, record: Record, nowMs: number): RecordNotice[] {
    if (asked !== this.#asked) return [];
    this.#asked = null;
    if (result === null || result.status !== "succeeded") {
      this.#notBeforeMs = nowMs + (result?.status === "rejected" ? REFUSED_MS : AGAIN_MS);
      return [];
    }
    // What was replayed may still be on its way, by another broker for example.
    this.#notBeforeMs = nowMs + HOLE_AFTER_MS;
    const lost: RecordNotice[] = [];
    for (const [first, last] of missing(result.output)) {
      lost.push(...record.lose(Math.max(first, asked.first), Math.min(last, asked.last), "missing"));
    }
    this.#tried = { first: asked.first, times: this.#tried.first === asked.first ? this.#tried.times + 1 : 1 };
    if (this.#tried.times >= TRIES) lost.push(...record.lose(asked.first, asked.last, "not-sent"));
    return lost;
  }
}

/** The ranges that a result calls missing; nothing that is not of the contract's form. */
function missing(output: object): Range[] {
  const ranges: unknown = "missing" in output ? output.missing : null;
  if (!Array.isArray(ranges)) return [];
  return ranges.filter((each): each is Range => Array.isArray(each) && each.length === 2 && each.every(Number.isSafeInteger));
}
