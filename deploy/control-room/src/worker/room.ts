// The worker without its surroundings: the brokers, the rules, the orders, and what the page is told of them.
import { answer } from "../centre/answers";
import { Consumer } from "../centre/consumer";
import { LEVEL } from "../centre/form";
import { type Alarm, isOpen, type Notice } from "../centre/notices";
import { type Ending, type Order, Orders, type Wanted } from "../centre/orders";
import type { Replay } from "../centre/replays";
import type { ResultData } from "../contract";
import type { Ask, Settings, Tell } from "../protocol";
import { Broker, type Line, type LineEvents, type Session } from "./broker";
import { type Clock, TrueTime } from "./clock";
import { Enrolment } from "./enrolment";
import { Gone } from "./gone";
import { hex } from "../octets";
import { FailureError, type Keys } from "./keys";
import { Look } from "./look";
import { Pictures } from "./pictures";
import { Recordings } from "./recordings";
import { Shown } from "./shown";
import { LIFE_S, Signer } from "./signer";
import { Watchers } from "./watchers";

/** The open alarms first, since brokers send them first. */
const SPOKEN = ["alarms", "state", "alarm/+", "event/+", "security/+", "result/+", "health", "meta", "evidence", "snapshot/+"];
const SURVEY_MS = 500;
const LINKS_MS = 1000;
const BATCH_MS = 50;
/** In a flood alarms don't wait longer than this, and the page is not asked to draw each of them. */
const ALARMS_MS = 10;
const PATIENCE_MS = 60_000;
/** How long to wait for the other brokers after the first one before saying that no call waits. */
const OTHERS_MS = 3000;
/** If ticks are further apart than this, the PC or this page was asleep. */
const ASLEEP_MS = 1500;
const REPLAY_MS = 3_600_000;

export interface Surroundings {
  clock: Clock;
  keys: Keys;
  tell(tell: Tell): void;
  connect(url: string, session: Session, events: LineEvents): Line;
  /** Sees everything that happens, before the page is told. */
  onNotice?(notice: Notice): void;
}

export class Room {
  readonly #around: Surroundings;
  readonly #time: TrueTime;
  readonly #signer: Signer;
  readonly #orders: Orders;
  readonly #enrolment: Enrolment;
  readonly #recordings: Recordings;
  readonly #tickets = new Map<number, Order>();
  #settings: Settings | null = null;
  #consumer!: Consumer;
  #pictures!: Pictures;
  #shown!: Shown;
  #watchers!: Watchers;
  #gone!: Gone;
  #brokers: Broker[] = [];
  #look: Look | null = null;
  #hasBegun = false;
  #surveyedMs = 0;
  #linksToldMs = 0;
  #isChecking = false;
  /** Since when some broker is open; null while none is. */
  #listeningMs: number | null = null;
  /** When it last ticked, by the clock that may stop during sleep, and by the PC's. */
  #ticked: { nowMs: number; wallMs: number } | null = null;
  #toldMs = 0;
  #unreadable = { count: 0, last: "" };
  /** How many of them the page knows of: whoever sends garbage must not keep it busy. */
  #unreadableTold = 0;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#time = new TrueTime(around.clock);
    this.#signer = new Signer(around.keys, this.#time);
    this.#orders = new Orders(
      (order) => void this.#send(order),
      (source) => this.#consumer.devices.get(source)?.nonce ?? null,
      () => `cmd-${random(8)}`,
    );
    this.#forget("edge/v1");
    this.#recordings = new Recordings(around.tell);
    this.#enrolment = new Enrolment(around.clock, around.keys, this.#time, around.tell);
  }

  /** Everything that is known of devices. */
  get consumer(): Consumer {
    return this.#consumer;
  }

  /** Whether the kiosks are told that somebody watches, at one broker at least. */
  get isWatching(): boolean {
    const nowMs = this.#around.clock.nowMs();
    return this.#wantsToWatch && this.#brokers.some((broker) => broker.isFresh(nowMs));
  }

  /** Do what the page asks. */
  async ask(ask: Ask): Promise<void> {
    try {
      await this.#ask(ask);
    } catch (error) {
      const failure = error instanceof FailureError ? error.failure : "other";
      this.#around.tell({ tell: "error", failure, detail: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Do what is due. Call it ten times a second. */
  tick(): void {
    const nowMs = this.#around.clock.nowMs();
    if (this.#wasAsleep(nowMs)) for (const broker of this.#brokers) broker.check(nowMs);
    for (const broker of this.#brokers) {
      if (broker.tick(nowMs, this.#wantsToWatch, this.#saying)) this.#linked(broker);
    }
    this.#orders.tick(nowMs);
    if (this.#consumer.isUndecided) this.#take(this.#consumer.decide(nowMs));
    this.#enrolment.tick(nowMs);
    this.#look?.tick();
    if (nowMs - this.#surveyedMs >= SURVEY_MS) {
      this.#surveyedMs = nowMs;
      this.#take(this.#consumer.tick(nowMs));
      this.#shown.tick();
      if (this.#around.keys.view !== null) this.#askDevices(nowMs);
    }
    this.#flush();
    if (nowMs - this.#linksToldMs >= LINKS_MS || this.#checks(nowMs) !== this.#isChecking) this.#tellLinks();
  }

  /** End the shift and every connection. */
  close(): void {
    this.#end();
    this.#orders.close();
    for (const broker of this.#brokers) broker.end();
    this.#brokers = [];
  }

  async #ask(ask: Ask): Promise<void> {
    const { keys, tell } = this.#around;
    switch (ask.ask) {
      case "open":
        return this.#open(ask.settings, ask.login, ask.seat);
      case "begin":
        if (keys.view === null) throw new FailureError("no-key");
        this.#hasBegun = true;
        return this.#sayAll();
      case "end":
        return this.#end();
      case "log-out":
        this.close();
        this.#settings = null;
        this.#recordings.logIn(null);
        this.#forget("edge/v1");
        return this.#tellLinks();
      case "order":
        return this.#order(ask.ticket, ask.source, ask.name, ask.args);
      case "cancel": {
        const order = this.#tickets.get(ask.ticket);
        if (order !== undefined) this.#orders.end(order, "cancelled");
        return;
      }
      case "settle": {
        const device = this.#consumer.devices.get(ask.source);
        if (device !== undefined) this.#take(device.settle(this.#shown.alarmIdOf(ask.alarmId)));
        return this.#flush(true);
      }
      case "make-key":
        // A page that asks before it has heard of its key must not lose it: kiosks know that one.
        if (keys.view === null) await keys.make(ask.role, ask.issuer);
        return tell({ tell: "key", key: keys.view });
      case "import-key":
        // The page waits for it, whatever becomes of it.
        return keys.import(ask.jwk, ask.isSure).finally(() => this.#tellKeys());
      case "answer-key":
        if (ask.isTaken) this.#end();
        return keys.answer(ask.isTaken).finally(() => this.#tellKeys());
      case "forget-key":
        this.#end();
        await keys.forget();
        return tell({ tell: "key", key: null });
      case "sign":
        return tell({ tell: "signed", ticket: ask.ticket, token: await keys.sign(ask.payload) });
      case "picture":
        return this.#tellPicture(ask.id);
      case "look":
        return this.#begin(ask.source, ask.camera, ask.by, ask.reason);
      case "look-away":
        return this.#lookAway();
      case "recording":
        return void this.#recordings.fetch(ask);
      case "enrolment":
        return this.#enrolment.watch(ask.registrar, ask.isLookedAt);
      case "decide":
        return void this.#enrolment.decide(ask.key, ask.replaces, ask.isApproval, ask.reason);
    }
  }

  #open(settings: Settings, login: { name: string; password: string }, seat: string): void {
    if (!LEVEL.test(seat)) throw new FailureError("bad-seat", seat);
    this.close();
    this.#settings = settings;
    this.#recordings.logIn(login);
    this.#forget(settings.root, settings.brokers.map(({ name }) => name), settings.exercises_ring);
    const host = `${settings.root}/host/${seat}`;
    const topics = { state: `${host}/state`, echo: `${host}/echo` };
    const session: Session = {
      prefix: "control-room-",
      login: login.name === "" ? null : { ...login, names: namesOf(login.name, seat) },
      will: { topic: topics.state, payload: this.#saying(false) },
      filters: [topics.echo, ...SPOKEN.map((each) => `${settings.root}/+/+/+/up/${each}`), `${settings.root}/host/+/state`],
    };
    const { clock, connect } = this.#around;
    this.#brokers = settings.brokers.map(
      ({ name, url }) =>
        new Broker(name, url, topics, random(6), clock.nowMs(), (events) => connect(url, session, events), {
          changed: (broker) => this.#linked(broker),
          message: (broker, topic, payload, retain) => this.#hear(broker, topic, payload, retain),
        }, () => clock.nowMs()),
    );
    this.#tellLinks();
  }

  /** Begin with nothing heard. */
  #forget(root: string, brokers: readonly string[] = [], exercisesRing = false): void {
    this.#consumer = new Consumer(root, brokers);
    this.#pictures = new Pictures();
    this.#shown = new Shown(this.#consumer, this.#pictures, this.#time, exercisesRing);
    this.#watchers = new Watchers(root);
    this.#gone = new Gone();
  }

  #end(): void {
    this.#lookAway();
    this.#hasBegun = false;
    this.#sayAll();
  }

  get #wantsToWatch(): boolean {
    return this.#hasBegun && this.#around.keys.view !== null;
  }

  readonly #saying = (online: boolean): string => JSON.stringify({ online, time: new Date(this.#time.trueMs).toISOString() });

  #sayAll(): void {
    const nowMs = this.#around.clock.nowMs();
    for (const broker of this.#brokers) broker.say(nowMs, this.#wantsToWatch, this.#saying);
    this.#tellLinks();
  }

  /** A connection has begun to stand, or has ceased to. */
  #linked(broker: Broker): void {
    const nowMs = this.#around.clock.nowMs();
    this.#consumer.connection(broker.name, broker.isOpen, nowMs);
    if (broker.isOpen) {
      this.#orders.hurry(nowMs);
      broker.tick(nowMs, this.#wantsToWatch, this.#saying);
    }
    this.#tellLinks();
  }

  #hear(broker: string, topic: string, payload: Uint8Array, retain: boolean): void {
    const nowMs = this.#around.clock.nowMs();
    if (this.#watchers.hear(broker, topic, payload, retain, nowMs)) return;
    this.#take(this.#consumer.hear(broker, topic, payload, retain, nowMs));
    if (this.#shown.hasAlarms && nowMs - this.#toldMs >= ALARMS_MS) this.#flush();
  }

  #tellPicture(id: string): void {
    const jpeg = this.#pictures.get(id);
    const blob = jpeg === null ? null : new Blob([jpeg as Uint8Array<ArrayBuffer>], { type: "image/jpeg" });
    this.#around.tell({ tell: "picture", id, jpeg: blob });
  }

  #take(notices: Notice[]): void {
    const nowMs = this.#around.clock.nowMs();
    for (const notice of notices) {
      if (notice.kind === "picture") {
        const isTaken = this.#pictures.keep(notice.source, notice.pictureId, notice.jpeg);
        if (isTaken && this.#pictures.wasMissed(notice.pictureId)) this.#tellPicture(notice.pictureId);
      }
      if (notice.kind === "live-picture") this.#look?.see(notice.source, notice.camera, notice.jpeg);
      if (notice.kind === "unreadable") this.#unreadable = { count: this.#unreadable.count + 1, last: `${notice.topic}: ${notice.reason}` };
      this.#gone.take(notice, nowMs);
      this.#around.onNotice?.(notice);
    }
    if (this.#shown.wouldHide(notices)) this.#flush(true);
    this.#shown.take(notices, nowMs);
    for (const notice of notices) this.#act(notice, nowMs);
  }

  /** Do for the orders what follows from a notice. */
  #act(notice: Notice, nowMs: number): void {
    if (notice.kind === "new-message") {
      const { what, envelope, source, retain } = notice.message;
      if (what === "result") this.#orders.hear(source, envelope.data as unknown as ResultData, nowMs);
      if (what === "security") this.#look?.hear(notice.message);
      if (what === "state" && envelope.data["state"] === "online" && !retain) this.#orders.hurry(nowMs, source);
    } else if (notice.kind === "alarm-changed" && !isOpen(notice.alarm)) {
      this.#orders.abandon(notice.alarm.source, notice.alarm.data.alarm_id);
    }
    if (this.isWatching) answer(notice, this.#ackByItself);
  }

  readonly #ackByItself = (alarm: Alarm, args: Record<string, unknown>, onEnd?: (ending: Ending) => void): void => {
    const said = { alarm_id: alarm.data.alarm_id, ...args };
    this.#give({ source: alarm.source, name: "ack", args: said, deadlineMs: PATIENCE_MS, ...(onEnd && { onEnd }) });
  };

  #askDevices(nowMs: number): void {
    for (const source of this.#consumer.rebirths(nowMs)) {
      this.#give({ source, name: "rebirth", args: {}, deadlineMs: PATIENCE_MS });
    }
    for (const replay of this.#consumer.replays(nowMs)) this.#replay(replay);
  }

  #replay(replay: Replay): void {
    const { source, first, last } = replay;
    const onEnd = (ending: Ending): void => {
      const result = typeof ending === "object" ? ending : null;
      this.#take(this.#consumer.replayed(replay, result, this.#around.clock.nowMs()));
    };
    this.#give({ source, name: "replay", args: { first, last }, deadlineMs: REPLAY_MS, onEnd });
  }

  /** Begin an order; its `deadlineMs` counts from now. */
  #give(wanted: Wanted): Order {
    const nowMs = this.#around.clock.nowMs();
    return this.#orders.give({ ...wanted, deadlineMs: wanted.deadlineMs === null ? null : nowMs + wanted.deadlineMs }, nowMs);
  }

  #order(ticket: number, source: string, name: string, args: Record<string, unknown>): void {
    const { tell } = this.#around;
    if (!this.#consumer.devices.has(source)) {
      return tell({ tell: "order", ticket, tries: 0, result: null, error: "no-device", isFinal: true });
    }
    if (name === "ack") args = { ...args, alarm_id: this.#shown.alarmIdOf(String(args["alarm_id"])) };
    let tries = 0;
    const order = this.#give({
      source,
      name,
      args,
      deadlineMs: null,
      onTry: (times, result) => {
        tries = times;
        tell({ tell: "order", ticket, tries, result, error: null, isFinal: false });
      },
      onEnd: (ending) => {
        this.#tickets.delete(ticket);
        const [result, error] = typeof ending === "object" ? [ending, null] : [null, ending];
        this.#flush(true); // the page sees what the device says of the alarm no later than the result
        tell({ tell: "order", ticket, tries, result, error, isFinal: true });
      },
    });
    this.#tickets.set(ticket, order);
  }

  #begin(source: string, camera: string, by: string, reason: string): void {
    this.#lookAway();
    const topic = `${this.#settings?.root}/${source.slice("/edge/".length)}/up/live/${camera}`;
    for (const broker of this.#brokers) broker.watch([topic]);
    this.#look = new Look(source, { camera, by, reason }, {
      nowMs: () => this.#around.clock.nowMs(),
      give: (wanted) => this.#give(wanted),
      tell: (view, jpeg) => {
        this.#around.tell({ tell: "look", view, jpeg: jpeg === null ? null : new Blob([jpeg.slice()], { type: "image/jpeg" }) });
        if (view.state === "ended") for (const broker of this.#brokers) broker.watch([]);
      },
    });
  }

  #lookAway(): void {
    this.#look?.stop();
    this.#look = null;
  }

  /** Sign an order and send it to every broker. */
  async #send(order: Order): Promise<void> {
    const token = await this.#signer.sign(order);
    if (token === null) return this.#orders.end(order, "no-key");
    if (order.isOver) return;
    const { source, name, args } = order.wanted;
    const level = name === "ack" ? `ack/${String(args["alarm_id"])}` : `command/${name}`;
    const topic = `${this.#settings?.root}/${source.slice("/edge/".length)}/down/${level}`;
    for (const broker of this.#brokers) broker.send(topic, token, LIFE_S);
  }

  #tellKeys(): void {
    const { keys, tell } = this.#around;
    tell({ tell: "offered", key: keys.offered });
    tell({ tell: "key", key: keys.view });
  }

  #wasAsleep(nowMs: number): boolean {
    const [before, wallMs] = [this.#ticked, this.#around.clock.wallMs()];
    this.#ticked = { nowMs, wallMs };
    return before !== null && Math.max(nowMs - before.nowMs, wallMs - before.wallMs) > ASLEEP_MS;
  }

  /** Whether a call may be waiting that has not arrived yet. False while no broker is open: then the page says that it knows nothing. */
  #checks(nowMs: number): boolean {
    const open = this.#brokers.filter((broker) => broker.isOpen);
    this.#listeningMs = open.length === 0 ? null : (this.#listeningMs ?? nowMs);
    if (this.#listeningMs === null) return false;
    const waitsForOthers = open.length < this.#brokers.length && nowMs - this.#listeningMs < OTHERS_MS;
    return waitsForOthers || this.#consumer.isUndecided || this.#shown.hasAlarms || !open.every((broker) => broker.hasRead(nowMs));
  }

  #tellLinks(): void {
    const nowMs = this.#around.clock.nowMs();
    this.#linksToldMs = nowMs;
    this.#isChecking = this.#checks(nowMs);
    const links = this.#brokers.map((broker) => broker.view);
    const watchers = this.#watchers.names(nowMs);
    this.#around.tell({ tell: "links", links, isWatching: this.isWatching, isChecking: this.#isChecking, watchers, nowMs, clockWrongByMs: this.#time.wrongByMs });
  }

  #flush(isDue = false): void {
    const nowMs = this.#around.clock.nowMs();
    const waitMs = isDue ? 0 : this.#shown.hasAlarms ? ALARMS_MS : BATCH_MS;
    if (nowMs - this.#toldMs < waitMs) return;
    const { tell } = this.#around;
    if (this.#shown.hasAny) {
      this.#toldMs = nowMs;
      do tell(this.#shown.changed());
      while (this.#shown.hasAlarms); // all of them must be out before the answer that follows
    }
    const outages = this.#gone.changed(nowMs);
    if (outages !== null) tell({ tell: "outages", outages });
    if (this.#unreadable.count > this.#unreadableTold) {
      this.#unreadableTold = this.#unreadable.count;
      tell({ tell: "unreadable", ...this.#unreadable });
    }
  }
}

const random = (octets: number): string => hex(crypto.getRandomValues(new Uint8Array(octets)));

/** A login's pages have nine names at a broker; this one starts with that of its seat. */
function namesOf(login: string, seat: string): string[] {
  const names = [login, ...[2, 3, 4, 5, 6, 7, 8, 9].map((page) => `${login}-${page}`)];
  const first = Math.max(names.indexOf(seat), 0);
  return [...names.slice(first), ...names.slice(0, first)];
}
