// What is known of one device.
import type { AlarmData, AlarmsData, ResultData, StateData } from "../contract";
import type { Lamps, Presence } from "../protocol";
import { Alarms, MOST_OPEN } from "./alarms";
import { KeptLists, type Listening } from "./kept_lists";
import type { Alarm, Message, NewPicture, Notice } from "./notices";
import { compare, Numbers, type Order } from "./order";
import type { Absence } from "./outages";
import { PresenceWatch } from "./presence";
import type { Range } from "./ranges";
import { refused } from "./reader";
import { Record } from "./record";
import { type Replay, Replays } from "./replays";

const REBIRTH_AFTER_MS = 5000;
const REBIRTH_AGAIN_MS = 600_000;
/** Between two lists further apart nothing is asked for: the device would replay for longer than people wait. */
const MOST_BETWEEN = 1000;

export class Device {
  readonly source: string;
  readonly #numbers = new Numbers();
  readonly #presence: PresenceWatch;
  readonly #alarms: Alarms;
  readonly #lists = new KeptLists();
  #record: Record | null = null;
  /** The numbers between a list that a broker had kept and a newer one: what is missing there may be a close. */
  #between: Record | null = null;
  #betweenTop = 0;
  /** The highest number at the first list with open alarms that a broker had kept. */
  #keptTop: number | null = null;
  #replays: Replays;
  /** Of which record the last replay is. */
  #asked: Record | null = null;
  /** The machine's boot, as the newest fresh message has it, and when it began. */
  #boot = { order: { epoch: 0, seq: -1 }, id: "", beganMs: 0 };
  #rank = 0;
  /** When to ask for a rebirth, unless it has told its state by then. */
  #rebirthMs: number | null = null;

  constructor(source: string) {
    this.source = source;
    this.#presence = new PresenceWatch(source);
    this.#alarms = new Alarms(source);
    this.#replays = new Replays(source);
  }

  get presence(): Presence {
    return this.#presence.presence;
  }

  /** How it seems; null if its going is not told. `up` has since when each broker that is connected has been. */
  absence(nowMs: number, listeningSinceMs: number, up: ReadonlyMap<string, number>): Absence | null {
    return this.#presence.absence(nowMs, listeningSinceMs, up);
  }

  /** The newest one; an ack or a command echoes it. */
  get nonce(): string | null {
    return this.#numbers.nonce;
  }

  /** The alarms that are not closed, the ones that the device has lost included. */
  get openAlarms(): Alarm[] {
    return this.#alarms.open;
  }

  /** What its lamps show for its alarms, if it is not out of service, or in test mode. */
  get lamps(): Lamps {
    return this.#alarms.lamps();
  }

  /** The boot of its newest fresh message; empty before the first. */
  get bootid(): string {
    return this.#boot.id;
  }

  /** When this alarm raises itself again unless an ack comes before. Null if no person has it, and while nothing fresh was
   * heard of the boot that its newest message is of. */
  raisesAgainMs({ data, bootid }: Alarm): number | null {
    const dueMs = data.raises_again_monoms;
    return typeof dueMs !== "number" || bootid !== this.#boot.id ? null : this.#boot.beganMs + dueMs;
  }

  /** What is missing from its record, as far as it is not lost for good. */
  get holes(): Range[] {
    return this.#records.flatMap((record) => record.holes);
  }

  /** Forget an alarm that the device has lost: a person has found out what became of it. */
  settle(alarmId: string): Notice[] {
    return this.#alarms.settle(alarmId);
  }

  /** Take in a picture. */
  see(picture: NewPicture, broker: string): Notice[] {
    const isNew = this.#numbers.isNew(`snapshot/${picture.pictureId}`);
    return [isNew ? picture : { kind: "duplicate", source: this.source, id: picture.pictureId, broker, message: null }];
  }

  /** Take in a message. */
  hear(message: Message, listening: Listening): Notice[] {
    const { envelope, heardMs, what } = message;
    const isWill = what === "state" && envelope.data["state"] === "lost";
    // A will is the broker's word, and may be of an epoch that is long over.
    const live = !message.retain && !isWill;
    const told: Notice[] = live ? [...this.#presence.alive(heardMs, message.broker)] : [];
    const nonce = envelope.nonce ?? null;
    const madeMs = envelope.timeq === "synced" ? Date.parse(envelope.time) : NaN;
    const order = this.#numbers.place(envelope.epoch ?? "", envelope.seq, nonce, live, madeMs);
    told.push(...this.#renew(heardMs, live));
    const isNewest = order !== null && order.epoch === this.#rank;
    if (isNewest && typeof envelope.record === "number") told.push(...(this.#between?.hear(envelope.record) ?? []));
    const isReplayed = envelope.data["historical"] === true && isNewest && this.#has(envelope.record);
    const isNew = this.#numbers.isNew(envelope.id) && !isReplayed;
    if (isNew) told.push({ kind: "new-message", message, order });
    else told.push({ kind: "duplicate", source: this.source, id: envelope.id, broker: message.broker, message });
    if (isNewest && !isWill) told.push(...this.#count(message, isNew));
    const isKeptList = order !== null && message.retain && what === "alarms";
    if (!isNew) return isKeptList ? [...told, ...this.#compare(this.#lists.take(message, listening, false), heardMs)] : told;
    if (order === null) return told;
    const isOwnTime = live && isNewest && envelope.data["historical"] !== true;
    if (isOwnTime && compare(order, this.#boot.order) > 0) this.#boot = { order, id: envelope.bootid, beganMs: heardMs - envelope.monoms };
    this.#numbers.hearNonce(order, nonce);
    if (isKeptList) return [...told, ...this.#compare(this.#lists.take(message, listening, true), heardMs)];
    return [...told, ...this.#understand(message, order)];
  }

  /** What has become true by waiting. */
  tick(nowMs: number, listeningSinceMs: number | null): Notice[] {
    const knowsAll = this.#betweenTop > 0 && this.#between?.isWhole(this.#betweenTop) === true;
    const told: Notice[] = [...this.#alarms.tick(nowMs, knowsAll), ...this.#presence.tick(nowMs, listeningSinceMs)];
    for (const record of this.#records) told.push(...record.tick(nowMs));
    return told;
  }

  /** What the retained lists say, once they have waited long enough for those of other brokers. */
  decide(nowMs: number): Notice[] {
    return this.#compare(this.#lists.due(nowMs), nowMs);
  }

  /** Whether a retained list still waits for those of the other brokers. */
  get isUndecided(): boolean {
    return this.#lists.isWaiting;
  }

  /** Whether it has to be told `rebirth`: it speaks, and has not said its state. Seldom true twice. */
  wantsRebirth(nowMs: number): boolean {
    if (this.#rebirthMs === null || nowMs < this.#rebirthMs) return false;
    this.#rebirthMs = nowMs + REBIRTH_AGAIN_MS;
    return this.#presence.rank !== this.#rank;
  }

  /** The replay that it has to be asked for now, if any. */
  replay(nowMs: number): Replay | null {
    if (this.presence !== "online") return null;
    for (const record of this.#records) {
      const due = this.#replays.due(record, nowMs);
      if (due === null) continue;
      this.#asked = record;
      return due;
    }
    return null;
  }

  /** Take in what came of a replay. */
  replayed(asked: Replay, result: ResultData | null, nowMs: number): Notice[] {
    return this.#asked === null ? [] : this.#replays.answered(asked, result, this.#asked, nowMs);
  }

  get #records(): Record[] {
    return [this.#between, this.#record].filter((record) => record !== null);
  }

  #has(number: number | null | undefined): boolean {
    return typeof number === "number" && this.#record !== null && this.#record.has(number);
  }

  /** Start again when the device has lost its memory. */
  #renew(nowMs: number, live: boolean): Notice[] {
    const before = this.#rank;
    this.#rank = this.#numbers.newestRank();
    if (live && this.#presence.rank !== this.#rank && this.#rebirthMs === null) this.#rebirthMs = nowMs + REBIRTH_AFTER_MS;
    if (before === 0 || this.#rank === before) return [];
    this.#rebirthMs = nowMs + REBIRTH_AFTER_MS;
    const told: Notice[] = [{ kind: "epoch-changed", source: this.source, epoch: this.#numbers.epoch }];
    this.#alarms.newEpoch(this.#rank, nowMs);
    for (const [first, last] of this.holes) told.push({ kind: "record-lost", source: this.source, first, last, why: "epoch" });
    [this.#between, this.#betweenTop, this.#keptTop, this.#replays] = [null, 0, null, new Replays(this.source)];
    // What we follow from its beginning can have no number that we missed.
    if (this.#record !== null) this.#record = new Record(this.source, 0);
    return told;
  }

  /** Follow the numbers of the record, also by a repetition: the first time a broker may have kept it. */
  #count(message: Message, isNew: boolean): Notice[] {
    const { record, recorddone, data } = message.envelope;
    const [number, done] = [record ?? null, recorddone ?? 0];
    if (this.#record === null) {
      // From the first fresh word on: what a broker has retained, or comes late, is older than that.
      if (message.retain || data["historical"] === true) return [];
      this.#record = new Record(this.source, Math.max(0, number === null ? done : Math.min(done, number - 1)));
    }
    const told: Notice[] = number === null ? [] : this.#record.hear(number);
    this.#record.hearDone(done, message.heardMs);
    if (isNew && message.what === "security" && data["kind"] === "record-skipped") {
      const detail = data["detail"] as { [field: string]: unknown };
      told.push(...this.#record.skip(count(detail["first"]), count(detail["last"])));
    }
    return told;
  }

  #understand(message: Message, order: Order): Notice[] {
    const { envelope, heardMs } = message;
    const { data } = envelope;
    if (message.what === "alarm") {
      const alarm = data as unknown as AlarmData;
      const told: Notice[] = [];
      if (alarm.stage !== "closed" && !this.#alarms.hasRoom(alarm.alarm_id)) {
        told.push(refused(message.broker, message.topic, `more than ${MOST_OPEN} open alarms of one device`));
        const left = this.#alarms.crowdOut();
        if (left === null) return told;
        told.push({ kind: "alarm-forgotten", alarm: left });
      }
      return [...told, ...this.#alarms.tell(alarm, envelope, order, heardMs)];
    }
    if (message.what === "alarms") return this.#list(message, order, heardMs, true);
    if (message.what === "state") return this.#presence.state(order.epoch, data as unknown as StateData, heardMs);
    if (envelope.type.startsWith("edge.health.") && !message.retain) this.#presence.health(envelope.bootid, envelope.monoms);
    return [];
  }

  /** Take in retained lists: only the newest says what is open. */
  #compare(lists: Message[], nowMs: number): Notice[] {
    const found = lists.flatMap((message) => {
      const order = this.#numbers.order(message.envelope.epoch ?? "", message.envelope.seq);
      return order === null ? [] : [{ message, order }];
    });
    found.sort((one, other) => compare(one.order, other.order));
    return found.flatMap(({ message, order }, at) => {
      const told = this.#list(message, order, nowMs, at === found.length - 1);
      return told.map((notice) => (notice.kind === "alarm-changed" ? { ...notice, by: message } : notice));
    });
  }

  #list(message: Message, order: Order, nowMs: number, isNewest: boolean): Notice[] {
    const { open } = message.envelope.data as unknown as AlarmsData;
    const told = this.#alarms.tellOpen(open, message.envelope, order, nowMs, message.retain, isNewest);
    if (order.epoch === this.#rank) this.#lookBetween(message, open.length > 0);
    return told;
  }

  /** Have a close asked for that was told before we listened: an old list of one broker has the alarm, a newer one of
   * another has not, and if the device has told of a close, its number is between those of the two lists. */
  #lookBetween({ envelope, retain, heardMs }: Message, hasOpen: boolean): void {
    const top = envelope.recordtop ?? 0;
    if (retain && hasOpen) this.#keptTop ??= top;
    if (this.#keptTop === null || !this.#alarms.mayBeClosed) return;
    if (top - this.#keptTop <= MOST_BETWEEN) this.#between ??= new Record(this.source, this.#keptTop);
    if (this.#between === null) return;
    this.#betweenTop = Math.max(this.#betweenTop, top);
    this.#between.hearDone(top, heardMs);
  }
}

/** A whole number from a security event's detail; 0 where there is none. */
const count = (value: unknown): number => (Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0);
