// What is true of one broker: whether it hears us and we hear it, and what it was told of this page.
import type { LinkState, LinkView, LinkWhy } from "../protocol";
import { saysOnline } from "./watchers";

export const ECHO_MS = 2000;
export const DEAF_MS = 5000;
/** A connection that brings nothing at all for so long is given up. */
const DEAD_MS = 15_000;
/** How long after our echo stopped coming back we reconnect to a broker that has returned it on this page before. */
const RESET_MS = 10_000;
/** After this many connections in a row without an echo, another one would change nothing. */
const MOST_IN_VAIN = 3;
const REPEAT_MS = 60_000;
/** Once no list of open alarms has come for this long, the broker has sent all that it retained: MQTT does not mark the end. */
const QUIET_MS = 300;

/** What a connection needs to know: made anew for each broker, from the same settings. */
export interface Session {
  prefix: string;
  /** `names` are those under which the broker knows this login's pages, the first to try first: a broker that uses the
   * name as client id lets only one page use each at a time. */
  login: { name: string; names: readonly string[]; password: string } | null;
  will: { topic: string; payload: string };
  filters: string[];
}

export interface LineEvents {
  /** A further try is no news: it is down until it is open. */
  state(state: "open" | "down" | "refused", why: LinkWhy): void;
  message(topic: string, payload: Uint8Array, retain: boolean): void;
}

/** A connection to a broker that comes back by itself. */
export interface Line {
  /** Send without waiting; nothing while there is no connection, as a signature does not keep. */
  publish(topic: string, payload: string, how: { qos?: 0 | 1; retain?: boolean; expiryS?: number }): void;
  /** Hear these topics too, with QoS 0, and those of the last call no longer. */
  watch(topics: readonly string[]): void;
  /** How long nothing has come, not even an answer to a ping. */
  readonly silentMs: number;
  /** Give up the connection and make another. */
  reset(): void;
  end(): void;
}

export interface Topics {
  state: string;
  echo: string;
}

export class Broker {
  readonly name: string;
  readonly #url: string;
  readonly #topics: Topics;
  readonly #line: Line;
  readonly #random: string;
  #state: LinkState = "connecting";
  #sinceMs: number;
  #why: LinkWhy = "";
  #echoMs: number | null = null;
  #number = 0;
  readonly #sent = new Map<string, number>();
  #echoSentMs = -Infinity;
  /** When the last echo came, or the connection began to stand. */
  #echoHeardMs = 0;
  /** Whether an echo has come on this connection. */
  #isProven = false;
  /** Whether one has come back on any connection to this broker. */
  #hasEchoed = false;
  /** How many connections in a row were given up because none came back. */
  #inVain = 0;
  #deafSinceMs = 0;
  /** Since when everything from this broker has to be checked again: the connection is new, or the PC was asleep. */
  #checkMs = 0;
  /** Whether an echo sent since then has come back. */
  #isChecked = false;
  /** When its last retained list of open alarms came. */
  #listMs = -Infinity;
  /** What was last said on this connection of whether we watch; null before. */
  #said: boolean | null = null;
  #saidMs = 0;
  /** When another page of this login last took the place of this one. */
  #takenMs: number | null = null;

  constructor(name: string, url: string, topics: Topics, random: string, nowMs: number, connect: (events: LineEvents) => Line, heard: {
    /** Hears when the connection begins or ceases to work. */
    changed(broker: Broker): void;
    message(broker: string, topic: string, payload: Uint8Array, retain: boolean): void;
  }, clock: () => number) {
    this.name = name;
    this.#url = url;
    this.#topics = topics;
    this.#random = random;
    this.#sinceMs = nowMs;
    this.#line = connect({
      state: (state, why) => {
        const before = this.#state;
        if (why === "taken-over") this.#takenMs = clock();
        this.#become(state, why, clock());
        if (state === "open") {
          this.#isProven = false;
          this.#said = null;
          this.#echoMs = null;
          this.#echoSentMs = -Infinity;
          this.#echoHeardMs = clock();
          this.#sent.clear();
          this.check(clock());
        }
        if (this.#state !== before) heard.changed(this);
      },
      message: (topic, payload, retain) => {
        if (topic === this.#topics.echo) {
          if (this.#hearEcho(payload, clock())) heard.changed(this);
        } else if (topic === this.#topics.state) {
          if (this.#isDenied(payload, clock())) heard.changed(this);
        } else {
          if (retain && topic.endsWith("/up/alarms")) this.#listMs = clock();
          heard.message(name, topic, payload, retain);
        }
      },
    });
  }

  get view(): LinkView {
    return { name: this.name, url: this.#url, state: this.#state, sinceMs: this.#sinceMs, why: this.#why, echoMs: this.#echoMs, takenMs: this.#takenMs };
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether this broker has just brought back what we sent it. */
  isFresh(nowMs: number): boolean {
    return this.#state === "open" && this.#isProven && nowMs - this.#echoHeardMs < DEAF_MS;
  }

  /** Check again that it has sent all that it has, starting with an echo now. */
  check(nowMs: number): void {
    [this.#checkMs, this.#isChecked, this.#echoSentMs] = [nowMs, false, -Infinity];
  }

  /** Whether all its open alarms have come, as far as we can tell. */
  hasRead(nowMs: number): boolean {
    return this.#state === "open" && this.#isChecked && nowMs - Math.max(this.#checkMs, this.#listMs) >= QUIET_MS;
  }

  send(topic: string, payload: string, expiryS: number): void {
    this.#line.publish(topic, payload, { expiryS });
  }

  /** Hear these topics too, and those of the last call no longer. */
  watch(topics: readonly string[]): void {
    this.#line.watch(topics);
  }

  /** Do what is due; return whether the state has changed. `watches`: whether a person does. */
  tick(nowMs: number, watches: boolean, saying: (online: boolean) => string): boolean {
    if (this.#state !== "open" && this.#state !== "deaf") return false;
    const wasOpen = this.#state === "open";
    if (nowMs - this.#echoSentMs >= ECHO_MS) this.#sendEcho(nowMs);
    if (wasOpen && nowMs - this.#echoHeardMs >= DEAF_MS) {
      this.#become("deaf", "no-echo", nowMs);
      this.#deafSinceMs = nowMs;
    }
    if (this.#state === "deaf" && this.#line.silentMs > DEAD_MS) this.#line.reset();
    else if (this.#isStuck(nowMs)) {
      this.#inVain++;
      this.#line.reset();
    }
    this.say(nowMs, watches, saying);
    return wasOpen !== (this.#state === "open");
  }

  /** Say whether we watch, if it is not what was said last, or was said long ago. Never true where no echo comes. */
  say(nowMs: number, watches: boolean, saying: (online: boolean) => string): void {
    if (this.#state !== "deaf" && !this.isFresh(nowMs)) return;
    const online = watches && this.isFresh(nowMs);
    if (this.#said === online && !(online && nowMs - this.#saidMs >= REPEAT_MS)) return;
    this.#said = online;
    this.#saidMs = nowMs;
    this.#line.publish(this.#topics.state, saying(online), { retain: true });
  }

  end(): void {
    this.#line.end();
  }

  /** Whether the broker delivers nothing to us although the connection is up: alarms would not come either. */
  #isStuck(nowMs: number): boolean {
    return this.#state === "deaf" && this.#hasEchoed && this.#inVain < MOST_IN_VAIN && nowMs - this.#deafSinceMs >= RESET_MS;
  }

  #sendEcho(nowMs: number): void {
    this.#echoSentMs = nowMs;
    const payload = `${this.#random}-${++this.#number}`;
    this.#sent.set(payload, nowMs);
    if (this.#sent.size > 10) for (const oldest of this.#sent.keys()) { this.#sent.delete(oldest); break; }
    this.#line.publish(this.#topics.echo, payload, { qos: 1 }); // like alarms: with 0 it would come back even when they can't
  }

  #hearEcho(payload: Uint8Array, nowMs: number): boolean {
    const said = payload.length <= 64 ? new TextDecoder().decode(payload) : "";
    const sentMs = this.#sent.get(said);
    if (sentMs === undefined) return false; // that of another page, or of a time when we had given up
    this.#sent.delete(said);
    // One that took longer than that proves nothing of now.
    if (nowMs - sentMs >= DEAF_MS) return false;
    const wasFresh = this.isFresh(nowMs);
    this.#echoHeardMs = nowMs;
    this.#echoMs = nowMs - sentMs;
    this.#isProven = this.#hasEchoed = true;
    this.#inVain = 0;
    if (sentMs >= this.#checkMs) this.#isChecked = true;
    if (this.#state === "deaf") {
      this.#become("open", "", nowMs);
      this.check(nowMs);
    }
    return !wasFresh;
  }

  /** Whether somebody says of us that we do not watch, while we do: then it has to be said again. */
  #isDenied(payload: Uint8Array, nowMs: number): boolean {
    if (this.#said !== true || !this.isFresh(nowMs) || saysOnline(payload) !== false) return false;
    this.#said = null;
    return true;
  }

  #become(state: LinkState, why: LinkWhy, nowMs: number): void {
    // However often it is tried again, an outage began when we last heard from it: hours ago, if the PC was asleep.
    const wasOpen = this.#state === "open";
    if (wasOpen !== (state === "open")) this.#sinceMs = wasOpen && nowMs - this.#echoHeardMs >= DEAF_MS ? this.#echoHeardMs : nowMs;
    this.#state = state;
    this.#why = why;
  }
}
