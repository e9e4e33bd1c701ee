// The connection to one broker, through mqtt.js: it is tried until it stands, and then comes back by itself.
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import type { LinkWhy } from "../protocol";
import { hex } from "../octets";
import type { Line, LineEvents, Session } from "./broker";

const CONNECT_WITHIN_MS = 10_000;
const KEEPALIVE_S = 10;
/** A login that was refused may be let in when the broker has got its new list. */
const REFUSED_AGAIN_MS = 10_000;
/** Under another name of the login there is nothing to wait for. */
const UNDER_ANOTHER_NAME_MS = 100;
const LASTED_MS = 60_000;
const TAKEN_OVER = 0x8e;
/** Some brokers take no more in one packet. */
const MOST_FILTERS = 8;
/** What devices retain at brokers. With a device's key anybody can leave any number of other messages there, and each page that
 * is opened would get them all before anything new. */
const KEPT = /\/(?:alarms|state|meta)$/;
/** Bad user name or password, not authorized, bad client identifier, banned. */
const LOGIN_REFUSED = [0x85, 0x86, 0x87, 0x8a];

export class MqttLine implements Line {
  readonly #url: string;
  readonly #session: Session;
  readonly #events: LineEvents;
  readonly #more: IClientOptions;
  #client: MqttClient | null = null;
  #isSubscribed = false;
  #watched: readonly string[] = [];
  #heardMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Which of the login's names it uses. */
  #name: string;
  /** How many of the names others took from us, without a lasting connection in between. */
  #taken = 0;
  #openedMs = 0;
  #isOver = false;

  /** `more` are options for the connection, as `rejectUnauthorized`. */
  constructor(url: string, session: Session, events: LineEvents, more: IClientOptions = {}) {
    this.#url = url;
    this.#session = session;
    this.#events = events;
    this.#more = more;
    this.#name = session.login?.names[0] ?? "";
    this.#connect();
  }

  publish(topic: string, payload: string, { qos = 1, retain = false, expiryS }: { qos?: 0 | 1; retain?: boolean; expiryS?: number }): void {
    if (this.#client === null || !this.#client.connected || !this.#isSubscribed) return;
    const properties = expiryS === undefined ? {} : { properties: { messageExpiryInterval: expiryS } };
    this.#client.publish(topic, payload, { qos, retain, ...properties });
  }

  watch(topics: readonly string[]): void {
    const [client, before] = [this.#client, this.#watched];
    this.#watched = topics;
    if (client === null || !this.#isSubscribed) return;
    for (const topic of before) if (!topics.includes(topic)) client.unsubscribe(topic);
    for (const topic of topics) if (!before.includes(topic)) client.subscribe(topic, { qos: 0 });
  }

  get silentMs(): number {
    return performance.now() - this.#heardMs;
  }

  reset(): void {
    this.#lose("no-answer");
  }

  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    client?.end(false);
  }

  /** A new client for each connection: what was not sent on the last one is not true any more. */
  #connect(): void {
    const { login, will, prefix } = this.#session;
    const client = mqtt.connect(this.#url, {
      manualConnect: true,
      protocolVersion: 5,
      clean: true,
      clientId: `${prefix}${hex(crypto.getRandomValues(new Uint8Array(6)))}`,
      ...(login === null ? {} : { username: this.#name, password: login.password }),
      will: { topic: will.topic, payload: will.payload as unknown as Buffer, qos: 1, retain: true },
      // Clearly above what the broker accepts: when Mosquitto drops a message for our limit, its in-flight slot is lost for good.
      properties: { maximumPacketSize: 1024 * 1024 },
      keepalive: KEEPALIVE_S,
      // Our echo every two seconds would put off the pings for ever, and with them the broker's only other sign of life.
      reschedulePings: false,
      connectTimeout: CONNECT_WITHIN_MS,
      reconnectPeriod: 0,
      resubscribe: false,
      timerVariant: "native", // of this worker, which no browser slows down
      ...this.#more,
    });
    this.#client = client;
    this.#isSubscribed = false;
    let why: LinkWhy = "no-connection";
    const isOurs = (): boolean => client === this.#client;
    client.on("packetreceive", () => (this.#heardMs = performance.now()));
    client.on("message", (topic, payload, packet) => {
      if (isOurs()) this.#events.message(topic, payload, packet.retain);
    });
    client.on("connect", () => {
      if (isOurs()) void this.#subscribe(client);
    });
    client.on("disconnect", ({ reasonCode }) => {
      if (reasonCode === TAKEN_OVER) why = "taken-over";
    });
    client.on("error", (error) => {
      if ("code" in error && typeof error.code === "number" && LOGIN_REFUSED.includes(error.code)) why = "refused";
    });
    client.on("close", () => {
      if (isOurs()) this.#lose(why);
    });
    client.connect();
  }

  async #subscribe(client: MqttClient): Promise<void> {
    const { filters } = this.#session;
    try {
      for (let from = 0; from < filters.length; from += MOST_FILTERS) {
        const some = filters.slice(from, from + MOST_FILTERS);
        await client.subscribeAsync(Object.fromEntries(some.map((filter) => [filter, { qos: 1 as const, rh: KEPT.test(filter) ? 0 : 2 }])));
      }
    } catch {
      if (client === this.#client) this.#lose("subscription-refused");
      return;
    }
    if (client !== this.#client) return;
    this.#isSubscribed = true;
    this.#openedMs = performance.now();
    for (const topic of this.#watched) client.subscribe(topic, { qos: 0 });
    this.#events.state("open", "");
  }

  #lose(why: LinkWhy): void {
    const client = this.#client;
    this.#client = null;
    client?.end(true);
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    const { login } = this.#session;
    if (why === "refused" && login !== null && this.#name !== login.name) {
      // This broker may know only the login itself, and let it be used many times at once.
      this.#name = login.name;
      return this.#connect();
    }
    const isRefused = why === "refused" || why === "subscription-refused";
    this.#events.state(isRefused ? "refused" : "down", why);
    let pauseMs = isRefused ? REFUSED_AGAIN_MS : 1000 + 4000 * Math.random();
    if (why === "taken-over" && login !== null) {
      this.#taken = performance.now() - this.#openedMs > LASTED_MS ? 1 : this.#taken + 1;
      this.#name = login.names[(login.names.indexOf(this.#name) + 1) % login.names.length]!;
      // When every name is in use, each page that connects disconnects another one: slow that down.
      if (this.#taken < login.names.length) pauseMs = UNDER_ANOTHER_NAME_MS;
    }
    this.#timer = setTimeout(() => this.#connect(), pauseMs);
  }
}
