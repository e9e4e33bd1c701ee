// Whether a device is there, over all brokers.
import type { StateData } from "../contract";
import type { Presence } from "../protocol";
import type { PresenceNotice } from "./notices";

/** How often a device reports its health, until two reports have shown it. */
const HEALTH_MS = 60_000;
const SHORTEST_MS = 5000;
const LONGEST_MS = 3_600_000;
const INTERVALS = 3;

/** Follows the states of one device, and notices its silence. */
export class PresenceWatch {
  readonly #source: string;
  presence: Presence = "unknown";
  /** Epoch, `bdseq`, and whether that connection is over. */
  #newest: [number, number, number] = [0, -1, 0];
  #start = "";
  #heardMs = 0;
  #report: { boot: string; monoms: number } | null = null;
  #intervals: number[] = [];

  constructor(source: string) {
    this.#source = source;
  }

  /** Take in a state of the epoch with this rank. An older one says nothing, whichever broker has kept it. */
  state(rank: number, data: StateData): PresenceNotice[] {
    const isOnline = data.state === "online";
    const [epoch, bdseq, over] = this.#newest;
    if ((rank - epoch || data.bdseq - bdseq || Number(!isOnline) - over) <= 0) return [];
    const restarted = isOnline && this.#start !== "" && data.boot_nonce !== this.#start;
    this.#newest = [rank, data.bdseq, Number(!isOnline)];
    if (isOnline) this.#start = data.boot_nonce;
    return this.#become(data.state, restarted);
  }

  /** The rank of the epoch that the newest state is of; 0 before the first. */
  get rank(): number {
    return this.#newest[0];
  }

  /** Note that the device itself has just spoken. */
  alive(nowMs: number): PresenceNotice[] {
    this.#heardMs = nowMs;
    return this.presence === "silent" ? this.#become("online") : [];
  }

  /** Note a health report, from which the interval is learnt. */
  health(boot: string, monoms: number): void {
    if (this.#report !== null && this.#report.boot === boot && monoms > this.#report.monoms) {
      this.#intervals.push(monoms - this.#report.monoms);
      if (this.#intervals.length > 5) this.#intervals.shift();
    }
    this.#report = { boot, monoms };
  }

  /** Notice silence. `listeningSinceMs`: since when some broker has been connected; null if none is. */
  tick(nowMs: number, listeningSinceMs: number | null): PresenceNotice[] {
    if (this.presence !== "online" || listeningSinceMs === null) return [];
    const longest = INTERVALS * Math.min(LONGEST_MS, Math.max(SHORTEST_MS, median(this.#intervals) ?? HEALTH_MS));
    return nowMs - Math.max(this.#heardMs, listeningSinceMs) > longest ? this.#become("silent") : [];
  }

  #become(presence: Presence, restarted = false): PresenceNotice[] {
    const before = this.presence;
    this.presence = presence;
    if (presence === before && !restarted) return [];
    return [{ kind: "presence-changed", source: this.#source, presence, before, restarted }];
  }
}

/** The median; null of nothing. */
export function median(numbers: Iterable<number>): number | null {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return null;
  return sorted.length % 2 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
