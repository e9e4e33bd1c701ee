// Acks and commands: signed, sent to every broker, and repeated until the device has said what became of them.
import type { ResultData } from "../contract";
import type { OrderError } from "../protocol";

const PAUSES_MS = [1000, 2000, 4000];
const LONGEST_PAUSE_MS = 10_000;
/** How long to wait for a first nonce: it saves a refusal if the device's clock is not set. */
const NONCE_WITHIN_MS = 1000;
const FINAL: ResultData["status"][] = ["succeeded", "failed", "timed-out"];
/** Refusals that signing again with the newest nonce puts right. */
const SIGN_AGAIN = ["clock-unsynced", "nonce-expired", "wrong-boot-nonce", "counters-unknown", "replayed"];
const DIGESTS = 64;

/** The final result, or why there is none. */
export type Ending = ResultData | OrderError;

export interface Wanted {
  source: string;
  name: string;
  args: Record<string, unknown>;
  /** When to give up; null: never. */
  deadlineMs: number | null;
  /** Hears of each try and each answer that is not final. */
  onTry?: (tries: number, answer: ResultData | null) => void;
  onEnd?: (ending: Ending) => void;
}

/** One ack or command that is under way. */
export class Order {
  readonly wanted: Wanted;
  readonly cmdId: string;
  tries = 0;
  sentMs = 0;
  dueMs = 0;
  answer: ResultData | null = null;
  /** The one that was echoed last. */
  nonce: string | null = null;
  isOver = false;
  /** The SHA-256 of what was sent: a device that does not know the key answers by it. */
  #digests: string[] = [];

  constructor(wanted: Wanted, cmdId: string) {
    this.wanted = wanted;
    this.cmdId = cmdId;
  }

  /** Note what was sent. */
  sent(digest: string): void {
    this.#digests.push(digest);
    if (this.#digests.length > DIGESTS) this.#digests.shift();
  }

  isAnsweredBy(result: ResultData): boolean {
    const digest = "sha256" in result.output ? result.output.sha256 : null;
    return result.command_id === this.cmdId || (typeof digest === "string" && this.#digests.includes(digest));
  }
}

/** Every order that is under way. */
export class Orders {
  readonly #send: (order: Order) => void;
  readonly #nonceOf: (source: string) => string | null;
  readonly #newId: () => string;
  readonly #orders = new Map<string, Order>();

  /** `send` signs an order with its nonce and sends it to every broker that is connected, and must not wait; `nonceOf`
   * knows a device's nonce; `newId` makes a name that nobody else has. */
  constructor(send: (order: Order) => void, nonceOf: (source: string) => string | null, newId: () => string) {
    this.#send = send;
    this.#nonceOf = nonceOf;
    this.#newId = newId;
  }

  get size(): number {
    return this.#orders.size;
  }

  /** Begin an order. */
  give(wanted: Wanted, nowMs: number): Order {
    const order = new Order(wanted, this.#newId());
    this.#orders.set(order.cmdId, order);
    order.dueMs = nowMs + NONCE_WITHIN_MS;
    if (this.#nonceOf(wanted.source) !== null) this.#try(order, nowMs);
    return order;
  }

  /** Take in a result of a device. */
  hear(source: string, result: ResultData, nowMs: number): void {
    const order = this.#orders.get(result.command_id) ?? [...this.#orders.values()].find((each) => each.isAnsweredBy(result));
    if (order === undefined || order.wanted.source !== source) return;
    const signsAgain = result.status === "rejected" && SIGN_AGAIN.includes(result.code);
    if (FINAL.includes(result.status) || (result.status === "rejected" && !signsAgain)) {
      this.end(order, result);
      return;
    }
    order.answer = result;
    order.wanted.onTry?.(order.tries, result);
    if (signsAgain && this.#nonceOf(source) !== order.nonce) this.#try(order, nowMs);
  }

  /** Repeat at once what a device (null: any) has to do and was sent before: it is back, or we are. */
  hurry(nowMs: number, source: string | null = null): void {
    for (const order of this.#orders.values()) {
      if (order.tries > 0 && (source === null || source === order.wanted.source)) this.#try(order, nowMs);
    }
  }

  /** Give up the acks of an alarm that is closed, but those that close it: their result is still of use. */
  abandon(source: string, alarmId: string): void {
    for (const order of [...this.#orders.values()]) {
      const { name, args } = order.wanted;
      const isOfIt = name === "ack" && order.wanted.source === source && args["alarm_id"] === alarmId;
      if (isOfIt && args["action"] !== "closed") this.end(order, "abandoned");
    }
  }

  /** Repeat what is due, and give up what has had its time. */
  tick(nowMs: number): void {
    for (const order of [...this.#orders.values()]) {
      const { deadlineMs, source } = order.wanted;
      if (deadlineMs !== null && nowMs >= deadlineMs) this.end(order, order.answer ?? "no-answer");
      else if (nowMs >= order.dueMs || (order.tries === 0 && this.#nonceOf(source) !== null)) this.#try(order, nowMs);
    }
  }

  /** Give up everything. */
  close(): void {
    for (const order of [...this.#orders.values()]) this.end(order, "abandoned");
  }

  /** End an order. */
  end(order: Order, ending: Ending): void {
    if (!this.#orders.delete(order.cmdId)) return;
    order.isOver = true;
    order.wanted.onEnd?.(ending);
  }

  #try(order: Order, nowMs: number): void {
    order.dueMs = nowMs + (PAUSES_MS[order.tries] ?? LONGEST_PAUSE_MS);
    order.tries++;
    order.sentMs = nowMs;
    order.nonce = this.#nonceOf(order.wanted.source);
    order.wanted.onTry?.(order.tries, order.answer);
    this.#send(order);
  }
}
