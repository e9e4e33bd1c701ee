// Which retained list of a device's open alarms is the newest, if several brokers have one.
import type { Message } from "./notices";

/** How long the first list waits for those of the other brokers: a call must ring within a second, connecting included. */
export const DECIDED_AFTER_MS = 500;
const NONE: ReadonlySet<string> = new Set();

/** All brokers that may have a list, and how often every connection was lost. */
export interface Listening {
  brokers: ReadonlySet<string>;
  spell: number;
}

/** The retained lists, held back until every broker has sent its own. */
export class KeptLists {
  /** By broker. */
  #waiting: Map<string, Message> | null = null;
  #brought = NONE;
  #dueMs: number | null = null;
  #spell = 0;

  /** Note a list, also one that another broker has already sent; return those to compare now. */
  take(message: Message, { brokers, spell }: Listening, isNew: boolean): Message[] {
    if (spell !== this.#spell) [this.#spell, this.#brought, this.#dueMs] = [spell, NONE, null];
    const brought = new Set(this.#brought).add(message.broker);
    this.#brought = brought;
    this.#dueMs ??= message.heardMs + DECIDED_AFTER_MS;
    if (isNew) (this.#waiting ??= new Map()).set(message.broker, message);
    if (message.heardMs < this.#dueMs && [...brokers].some((broker) => !brought.has(broker))) return [];
    this.#brought = brokers;
    return this.#taken();
  }

  /** The lists to compare now, although some broker has sent none. */
  due(nowMs: number): Message[] {
    return this.#dueMs !== null && nowMs >= this.#dueMs ? this.#taken() : [];
  }

  /** Whether a list is held back. */
  get isWaiting(): boolean {
    return this.#waiting !== null;
  }

  #taken(): Message[] {
    const taken = this.#waiting?.values() ?? [];
    this.#waiting = null;
    return [...taken];
  }
}
