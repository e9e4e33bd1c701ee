// Which other centres say that they watch, by much the same rules as a kiosk has: "The centre's own state" of the contract.
import { isObject, LEVEL } from "../centre/form";

const MAX_STATE_BYTES = 1024;
/** Twice what a centre has to repeat it in, and a little more. */
const COUNTS_MS = 180_000;
/** What a broker had kept may be the word of a page that is long gone, so it counts once, and until it must have been repeated. */
const KEPT_COUNTS_MS = 90_000;
const MOST = 200;

/** Whether a centre says that it watches; null where this is no state of a centre. */
export function saysOnline(payload: Uint8Array): boolean | null {
  if (payload.length > MAX_STATE_BYTES) return null;
  try {
    const said: unknown = JSON.parse(new TextDecoder().decode(payload));
    return isObject(said) && typeof said["online"] === "boolean" ? said["online"] : null;
  } catch {
    return null;
  }
}

export class Watchers {
  readonly #prefix: string;
  /** By centre and broker, until when it counts. One that says no is remembered too. */
  readonly #untilMs = new Map<string, number>();

  constructor(root: string) {
    this.#prefix = `${root}/host/`;
  }

  /** Take in a message; return whether it was one of a centre. */
  hear(broker: string, topic: string, payload: Uint8Array, retain: boolean, nowMs: number): boolean {
    if (!topic.startsWith(this.#prefix)) return false;
    const [name = "", level] = topic.slice(this.#prefix.length).split("/");
    const key = `${name}/${broker}`;
    const isOnline = payload.length === 0 ? false : saysOnline(payload);
    if (level !== "state" || !LEVEL.test(name) || isOnline === null || (isOnline && retain && this.#untilMs.has(key))) return true;
    this.#untilMs.delete(key);
    this.#untilMs.set(key, isOnline ? nowMs + (retain ? KEPT_COUNTS_MS : COUNTS_MS) : 0);
    if (this.#untilMs.size > MOST) for (const oldest of this.#untilMs.keys()) return this.#untilMs.delete(oldest);
    return true;
  }

  /** Those that watch, at whichever broker. */
  names(nowMs: number): string[] {
    const watching = [...this.#untilMs].filter(([, untilMs]) => nowMs < untilMs).map(([key]) => key.split("/")[0]!);
    return [...new Set(watching)].sort();
  }
}
