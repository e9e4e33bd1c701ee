// The contract's rules for a subscriber, put together: fed with what brokers bring, it returns what has happened.
import type { ResultData } from "../contract";
import { Device } from "./device";
import type { Notice } from "./notices";
import { read, refused } from "./reader";
import type { Replay } from "./replays";

export const MOST_DEVICES = 20_000;

/** The memory of a subscriber, one for all brokers. Nothing that it is fed makes it throw, and its memory is bounded by
 * the number of devices. */
export class Consumer {
  readonly #root: string;
  readonly devices = new Map<string, Device>();
  readonly #up = new Set<string>();
  #listeningSinceMs: number | null = null;

  constructor(root: string) {
    this.#root = root;
  }

  /** Note that the connection to a broker stands, or is lost: while none stands, silence is ours. */
  connection(broker: string, up: boolean, nowMs: number): void {
    if (up) this.#up.add(broker);
    else this.#up.delete(broker);
    this.#listeningSinceMs = this.#up.size === 0 ? null : (this.#listeningSinceMs ?? nowMs);
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
    return got.kind === "picture" ? device.see(got, broker) : device.hear(got);
  }

  /** What has become true by waiting. Call it twice a second or so. */
  tick(nowMs: number): Notice[] {
    const told: Notice[] = [];
    for (const device of this.devices.values()) told.push(...device.tick(nowMs, this.#listeningSinceMs));
    return told;
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
