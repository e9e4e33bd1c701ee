// Whether a device is there, over all brokers.
import type { StateData } from "../contract";
import type { Presence } from "../protocol";
import type { PresenceNotice } from "./notices";
import { type Absence, CERTAIN, PERHAPS } from "./outages";

/** How often a device reports its health, until two reports have shown it. */
const HEALTH_MS = 75_000;
const SHORTEST_MS = 5000;
const LONGEST_MS = 3_600_000;
/** A device that has said nothing for so many intervals of its health is silent. One report may be lost; with an interval of 75 s,
 * and time for looking around, it is told gone within three minutes. */
const INTERVALS = 2.31;
/** No device is told gone earlier, however often it reports. */
const CERTAIN_MS = 60_000;
/** A device that is lost or shut down may start anew in this time. */
const OVER_MS = 120_000;

/** Follows the states of one device, and notices its silence. */
export class PresenceWatch {
  readonly #source: string;
  presence: Presence = "unknown";
  /** Epoch, `bdseq`, and whether that connection is over. */
  #newest: [number, number, number] = [0, -1, 0];
  #start = "";
  #heardMs = -Infinity;
  /** When each broker last brought a word of it, as far as that was lately. */
  readonly #heardBy = new Map<string, number>();
  #becameMs = -Infinity;
  #report: { boot: string; monoms: number } | null = null;
  #intervals: number[] = [];

  constructor(source: string) {
    this.#source = source;
  }

  /** Take in a state of the epoch with this rank. An older one says nothing, whichever broker has kept it. */
  state(rank: number, data: StateData, nowMs: number): PresenceNotice[] {
    const isOnline = data.state === "online";
    const [epoch, bdseq, over] = this.#newest;
    if ((rank - epoch || data.bdseq - bdseq || Number(!isOnline) - over) <= 0) return [];
    const restarted = isOnline && this.#start !== "" && data.boot_nonce !== this.#start;
    [this.#newest, this.#becameMs] = [[rank, data.bdseq, Number(!isOnline)], nowMs];
    if (isOnline) this.#start = data.boot_nonce;
    return this.#become(data.state, restarted);
  }

  /** The rank of the epoch that the newest state is of; 0 before the first. */
  get rank(): number {
    return this.#newest[0];
  }

  /** Note that the device itself has just spoken. */
  alive(nowMs: number, broker: string): PresenceNotice[] {
    this.#heardMs = nowMs;
    this.#heardBy.set(broker, nowMs);
    if (this.#heardBy.size > 1) {
      for (const [each, heardMs] of this.#heardBy) if (heardMs < nowMs - 2 * this.#healthMs) this.#heardBy.delete(each);
    }
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
    const isSilent = nowMs - Math.max(this.#heardMs, listeningSinceMs) > INTERVALS * this.#healthMs;
    return isSilent ? this.#become("silent") : [];
  }

  /** How it seems; null if its going is not told, as of one that was shut down before we listened: it may be out of use for
   * years. `up` has since when each broker that is connected has been. */
  absence(nowMs: number, listeningSinceMs: number, up: ReadonlyMap<string, number>): Absence | null {
    if (this.#heardMs === -Infinity && (this.presence === "unknown" || this.presence === "offline")) return null;
    const by = [...this.#heardBy.keys()];
    const since = by.flatMap((broker) => up.get(broker) ?? []);
    const quietMs = nowMs - Math.max(this.#heardMs, listeningSinceMs, since.length > 0 ? Math.min(...since) : -Infinity);
    const degree = (CERTAIN * quietMs) / Math.max(CERTAIN_MS, INTERVALS * this.#healthMs);
    if ((this.presence === "lost" || this.presence === "offline") && this.#becameMs >= this.#heardMs) {
      const overMs = nowMs - Math.max(this.#becameMs, listeningSinceMs);
      return { degree: Math.max(degree, PERHAPS + ((CERTAIN - PERHAPS) * overMs) / OVER_MS), heardMs: this.#heardMs, unheard: [] };
    }
    return { degree, heardMs: this.#heardMs, unheard: since.length > 0 ? [] : by.sort() };
  }

  /** How often it reports its health. */
  get #healthMs(): number {
    return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, median(this.#intervals) ?? HEALTH_MS));
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
