// What is known of one device besides its alarms: what it says of itself, and when.
import type { Device } from "../centre/device";
import { isSelfTest, type Message } from "../centre/notices";
import { compare, type Order } from "../centre/order";
import type { HealthData, MetaData, StateData } from "../contract";
import type { DeviceView, Lamps } from "../protocol";
import { Clips } from "./clips";
import { Troubles } from "./troubles";

const MOST_PAST = 60;
const MOST_LOSSES = 500;
const MIB = 1024 * 1024;

export class Seen {
  readonly source: string;
  sinceMs: number;
  /** As of its newest fresh message when the page was last told. */
  bootid = "";
  /** What its lamps showed when the page last got its alarms. */
  lamps: Lamps | null = null;
  /** What is lost of its record for good. */
  readonly losses: { first: number; last: number }[] = [];
  readonly troubles = new Troubles();
  readonly clips = new Clips();
  readonly #brokers = new Map<string, StateData["state"]>();
  #lastHeardMs: number;
  #state: StateData | null = null;
  #meta: MetaData | null = null;
  #metaOrder: Order | null = null;
  #health: HealthData | null = null;
  #healthOrder: Order | null = null;
  #certificateEndsMs: number | null = null;
  readonly #past: DeviceView["past"] = [];
  #isInService = true;
  #serviceOrder: Order | null = null;
  #timeq: DeviceView["timeq"] = null;

  constructor(source: string, nowMs: number) {
    this.source = source;
    this.sinceMs = nowMs;
    this.#lastHeardMs = nowMs;
  }

  /** Note what holds of a message whether it is new or comes again; return whether the device itself has just spoken. */
  hear({ what, broker, retain, envelope: { data, timeq } }: Message, nowMs: number): boolean {
    if (what === "state") this.#brokers.set(broker, data["state"] as StateData["state"]);
    if (retain || (what === "state" && data["state"] === "lost")) return false;
    this.#lastHeardMs = nowMs;
    this.#timeq = timeq;
    return true;
  }

  /** Take in a message that is new. */
  learn(message: Message, order: Order, nowMs: number): void {
    const { what, retain, envelope: { data, type } } = message;
    this.troubles.hear(message, order);
    const newer = (than: Order | null): boolean => than === null || compare(order, than) > 0;
    if (what === "state") this.#learnState(data as unknown as StateData);
    if (what === "meta" && newer(this.#metaOrder)) [this.#meta, this.#metaOrder] = [data as unknown as MetaData, order];
    let service = type.startsWith("edge.event.out-of-service.") ? false : type.startsWith("edge.event.in-service.") ? true : null;
    if (what === "health" && newer(this.#healthOrder)) {
      const health = data as unknown as HealthData;
      [this.#health, this.#healthOrder] = [health, order];
      this.#certificateEndsMs = timeOf(data["certificate_ends"]);
      if (!retain) this.#curve(health, nowMs);
      service = !Object.hasOwn(health.parts, "service") || health.parts["service"]!.state === "ok";
    }
    if (service !== null && newer(this.#serviceOrder)) [this.#isInService, this.#serviceOrder] = [service, order];
  }

  lose(first: number, last: number): void {
    this.losses.push({ first, last });
    if (this.losses.length > MOST_LOSSES) this.losses.shift();
  }

  view(device: Device): DeviceView {
    return {
      source: this.source,
      presence: device.presence,
      sinceMs: this.sinceMs,
      brokers: Object.fromEntries(this.#brokers),
      lastHeardMs: this.#lastHeardMs,
      meta: this.#meta,
      health: this.#health,
      past: this.#past,
      troubles: this.troubles.active,
      isInService: this.#isInService,
      openAlarms: device.openAlarms.filter((alarm) => !isSelfTest(alarm)).length,
      certificateEndsMs: this.#certificateEndsMs,
      version: this.#state?.agent_version ?? "",
      timeq: this.#timeq,
    };
  }

  #learnState(data: StateData): void {
    const before = this.#state;
    const isNewer = before === null || before.epoch !== data.epoch || data.bdseq >= before.bdseq;
    if (isNewer && (data.state === "online" || before === null)) this.#state = data;
  }

  #curve(health: HealthData, nowMs: number): void {
    this.#past.push({
      atMs: nowMs,
      cpuC: health.temperature_c ?? null,
      memoryMiB: health.memory_bytes / MIB,
      diskFreeMiB: health.disk_free_bytes / MIB,
      waiting: Object.values(health.outbox).reduce((sum, each) => sum + each, 0),
    });
    if (this.#past.length > MOST_PAST) this.#past.shift();
  }
}

/** A time of the contract in ms since 1970; null where there is none, or something else. */
function timeOf(said: unknown): number | null {
  const ms = typeof said === "string" ? Date.parse(said) : NaN;
  return Number.isNaN(ms) ? null : ms;
}
