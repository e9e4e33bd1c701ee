// The contract's rules for a subscriber, put together: fed with what brokers bring, it returns what has happened.
import type { ResultData } from "../contract";
import { Device } from "./device";
import type { Notice } from "./notices";
import { type Absence, Outages } from "./outages";
import { read, refused } from "./reader";
import type { Replay } from "./replays";
import { Standing } from "./standing";

export const MOST_DEVICES = 20_000;

/** The memory of a subscriber, one for all brokers. Nothing that it is fed makes it throw, and its memory is bounded by
 * the number of devices. */
export class Consumer {
  readonly #root: string;
  readonly devices = new Map<string, Device>();
  readonly #outages = new Outages();
  readonly #standing = new Map<string, Standing>();
  readonly #listening = new Standing();
  readonly #brokers: ReadonlySet<string>;
  /** How often every connection was lost. */
  #spell = 0;
  readonly #undecided = new Set<Device>();

  /** `brokers` are all that we listen to: a list of open alarms that one of them kept waits for the others' lists, for less
   * than a second. */
  constructor(root: string, brokers: readonly string[] = []) {
    this.#root = root;
    this.#brokers = new Set(brokers);
  }

  /** Note that the connection to a broker stands, or is lost: while none stands, silence is ours. */
  connection(broker: string, up: boolean, nowMs: number): void {
    const standing = this.#standing.get(broker) ?? new Standing();
    this.#standing.set(broker, standing);
    standing.note(up, nowMs);
    if (this.#up.size === 0) this.#spell++;
    this.#listening.note(this.#up.size > 0, nowMs);
  }

  /** The brokers that we are connected to, and since when. */
  get #up(): Map<string, number> {
    return new Map([...this.#standing].flatMap(([broker, { sinceMs }]) => (sinceMs === null ? [] : [[broker, sinceMs]])));
  }

  /** Take in what a broker has brought; return what has happened. `nowMs` must never fall. */
  hear(broker: string, topic: string, payload: Uint8Array, retain: boolean, nowMs: number): Notice[] {
    const got = read(broker, topic, payload, retain, nowMs, this.#root);
    if (got.kind === "unreadable" || got.kind === "live-picture") return [got];
    let device = this.devices.get(got.source);
    if (device === undefined) {
      if (this.devices.size >= MOST_DEVICES) return [refused(broker, topic, `more than ${MOST_DEVICES} devices`)];
      device = new Device(got.source);
      this.devices.set(got.source, device);
    }
    if (got.kind === "picture") return device.see(got, broker);
    const told = device.hear(got, { brokers: this.#brokers, spell: this.#spell });
    if (device.isUndecided) this.#undecided.add(device);
    return told;
  }

  /** What is open according to retained lists. Call it ten times a second: an alarm may wait for it. */
  decide(nowMs: number): Notice[] {
    const told: Notice[] = [];
    for (const device of this.#undecided) {
      told.push(...device.decide(nowMs));
      if (!device.isUndecided) this.#undecided.delete(device);
    }
    return told;
  }

  /** Whether a list of open alarms still waits for those of other brokers. */
  get isUndecided(): boolean {
    return this.#undecided.size > 0;
  }

  /** What has become true by waiting. Call it twice a second or so. */
  tick(nowMs: number): Notice[] {
    const told = this.decide(nowMs);
    const { sinceMs } = this.#listening;
    for (const device of this.devices.values()) told.push(...device.tick(nowMs, sinceMs));
    if (sinceMs === null || !this.#outages.isDue(nowMs)) return told;
    const absences = new Map<string, Absence>();
    const up = this.#up;
    for (const [source, device] of this.devices) {
      const absence = device.absence(nowMs, sinceMs, up);
      if (absence !== null) absences.set(source, absence);
    }
    return [...told, ...this.#outages.survey(nowMs, absences)];
  }

  /** The replays that are due. Order each of them, and tell `replayed` what came of it. */
  replays(nowMs: number): Replay[] {
    return [...this.devices.values()].map((device) => device.replay(nowMs)).filter((replay) => replay !== null);
  }

  /** Take in the final result of a replay, or null if there is none; return what is lost for good. */
  replayed(asked: Replay, result: ResultData | null, nowMs: number): Notice[] {
    return this.devices.get(asked.source)?.replayed(asked, result, nowMs) ?? [];
  }

  /** The devices that have to be told `rebirth` now: they speak, but what they have retained was not heard, as some
   * brokers do not deliver it to a subscription with wildcards. */
  rebirths(nowMs: number): string[] {
    return [...this.devices.values()].filter((device) => device.wantsRebirth(nowMs)).map((device) => device.source);
  }
}
