// The alarms of one device, as the centre must see them.
import type { AlarmData, Envelope } from "../contract";
import type { Lamps } from "../protocol";
import { said } from "./form";
import { lampsFor } from "./lamps";
import { type Alarm, type AlarmNotice, type DeviceLoss, isOpen, isSelfTest } from "./notices";
import { compare, hashed, type Order } from "./order";

/** How long the message of a close may come after the list in which the alarm is missing. */
const LOST_AFTER_MS = 5000;
/** The same where only a replay can still bring it. */
const UNHEARD_AFTER_MS = 15_000;
export const MOST_OPEN = 500;
const MOST_CLOSED = 200;

/** Of the message that tells of an alarm. */
type Said = Pick<Envelope<string, unknown>, "epoch" | "bootid">;

interface Entry {
  alarm: Alarm;
  order: Order;
  /** Whether it came live. */
  isHeard: boolean;
  /** False while only an older list has it: it may have been closed. */
  isTold: boolean;
}

/** What is remembered of an alarm that is closed: nothing that was said before may open it again. */
interface Closed {
  order: Order;
  /** Whether any of it came live. */
  isHeard: boolean;
  presses: number;
  /** The hash of its last word. */
  word: number;
}

/** Every open alarm of one device, and by what to know the last that were closed. */
export class Alarms {
  readonly #source: string;
  /** Those that are not closed; the one that was heard of last comes last. */
  readonly #open = new Map<string, Entry>();
  /** The one that was heard of last comes last. */
  readonly #closed = new Map<string, Closed>();
  /** Open ones that the device no longer seems to know: when they count as lost, and why. */
  readonly #missing = new Map<string, { dueMs: number; why: DeviceLoss }>();
  #listed: Order = { epoch: 0, seq: -1 };
  /** Whether a broker had kept the newest list. */
  #isKept = false;
  /** The alarms in the newest list. */
  #there = new Set<string>();
  /** The rank of the newest epoch. */
  #rank = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Those that are not closed, including those that the device has lost, but not those that were not reported yet. */
  get open(): Alarm[] {
    return [...this.#open.values()].filter((entry) => entry.isTold).map((entry) => entry.alarm);
  }

  /** What the kiosk's lamps show for its alarms. */
  lamps(): Lamps {
    const shown = this.open.filter((alarm) => alarm.lost === null && !alarm.data.silent && !isSelfTest(alarm));
    return lampsFor(shown.map((alarm) => alarm.data.stage));
  }

  /** Whether one is missing that may have been closed while nobody listened here. */
  get mayBeClosed(): boolean {
    return [...this.#missing].some(([alarmId, { why }]) => why !== "epoch" && !this.#open.get(alarmId)!.isHeard);
  }

  /** Whether this alarm can be remembered: so many open ones at a time come from no kiosk. */
  hasRoom(alarmId: string): boolean {
    return this.#open.has(alarmId) || this.#closed.has(alarmId) || this.#open.size < MOST_OPEN;
  }

  /** Drop an alarm to make room for another, so that each button's newest one is known: of the button with the most, the oldest
   * unassigned one after its first. Null if no button has more than two, so nothing can be dropped. */
  crowdOut(): Alarm | null {
    const counts = new Map<string, number>();
    for (const { alarm: { data: { input } } } of this.#open.values()) counts.set(input, (counts.get(input) ?? 0) + 1);
    const [most, count] = [...counts].reduce((one, other) => (other[1] > one[1] ? other : one));
    let passed = 0;
    for (const [alarmId, { alarm }] of this.#open) {
      if (alarm.data.input !== most || ++passed === 1 || alarm.data.held_by) continue;
      if (passed === count) return null;
      this.#forget(alarmId);
      return alarm;
    }
    return null;
  }

  /** Take in a message of an alarm. */
  tell(data: AlarmData, envelope: Said, order: Order, nowMs: number): AlarmNotice[] {
    const isDoubtful = this.#open.get(data.alarm_id)?.isTold === false && this.#isOutdated(data.alarm_id, order);
    const told = this.#apply(data, envelope, order, nowMs, !data.historical, !isDoubtful);
    this.#miss(data.alarm_id, nowMs);
    return told;
  }

  /** Take in a list of the open alarms. One that is missing from it is lost, unless its close still comes. Nothing is reported
   * from a list that is not the newest: it shows what may have been closed since. */
  tellOpen(listed: AlarmData[], envelope: Said, order: Order, nowMs: number, retain: boolean, isNewest = true): AlarmNotice[] {
    if (isNewest) {
      if (compare(order, this.#listed) <= 0) return [];
      [this.#listed, this.#isKept] = [order, retain];
      this.#there = new Set(listed.map((data) => data.alarm_id));
    }
    const told: AlarmNotice[] = [];
    for (const data of listed) {
      if (this.hasRoom(data.alarm_id)) told.push(...this.#apply(data, envelope, order, nowMs, !retain, isNewest));
    }
    for (const alarmId of this.#open.keys()) this.#miss(alarmId, nowMs);
    return told;
  }

  /** The device has lost its memory: what it does not tell of soon, it does not know any more. */
  newEpoch(rank: number, nowMs: number): void {
    this.#rank = rank;
    for (const alarmId of this.#open.keys()) this.#miss(alarmId, nowMs);
  }

  /** The alarms that count as lost now. `knowsAll`: everything that the device sent in this epoch since the oldest list has
   * arrived, so a close would have too. */
  tick(nowMs: number, knowsAll: boolean): AlarmNotice[] {
    const lost: AlarmNotice[] = [];
    for (const [alarmId, { dueMs, why }] of this.#missing) {
      if (nowMs < dueMs) continue;
      this.#missing.delete(alarmId);
      const entry = this.#open.get(alarmId)!;
      const isSure = why === "unheard" && knowsAll && entry.order.epoch === this.#listed.epoch;
      entry.alarm = { ...entry.alarm, lost: isSure ? "vanished" : why, changedMs: nowMs };
      entry.isTold = true;
      lost.push({ kind: "alarm-lost", alarm: entry.alarm });
    }
    return lost;
  }

  /** Forget a lost alarm: a person has found out what became of it. */
  settle(alarmId: string): AlarmNotice[] {
    const entry = this.#open.get(alarmId);
    if (entry === undefined || entry.alarm.lost === null) return [];
    this.#forget(alarmId);
    return [{ kind: "alarm-forgotten", alarm: entry.alarm }];
  }

  #forget(alarmId: string): void {
    this.#open.delete(alarmId);
    this.#missing.delete(alarmId);
  }

  #apply(data: AlarmData, envelope: Said, order: Order, nowMs: number, isHeard: boolean, isTold: boolean): AlarmNotice[] {
    const { alarm_id: id, press_count: presses } = data;
    const [entry, closed] = [this.#open.get(id), this.#closed.get(id)];
    const known = entry ?? closed;
    if (known !== undefined && compare(order, known.order) <= 0) return [];
    const alarm: Alarm = { source: this.#source, data, epoch: envelope.epoch ?? "", bootid: envelope.bootid, seq: order.seq, changedMs: nowMs, lost: null };
    const last = entry?.isTold ? entry.alarm : null;
    const before = closed === undefined ? (last?.data.stage ?? null) : "closed";
    isTold ||= last !== null;
    isHeard ||= known?.isHeard === true;
    this.#open.delete(id);
    this.#closed.delete(id);
    this.#missing.delete(id);
    if (isOpen(alarm)) {
      this.#open.set(id, { alarm, order, isHeard, isTold });
      if (!isTold) return [];
      if (closed !== undefined) return [{ kind: "alarm-reopened", alarm, pressesAtClose: closed.presses }];
      if (last !== null && last.lost === null && said(last.data) === said(data)) return [];
    } else {
      const word = hashed(said(data));
      this.#closed.set(id, { order, isHeard, presses, word });
      if (this.#closed.size > MOST_CLOSED) for (const oldest of this.#closed.keys()) { this.#closed.delete(oldest); break; }
      if (word === closed?.word) return [];
    }
    return [{ kind: "alarm-changed", alarm, before }];
  }

  /** Begin to miss an open alarm that the newest epoch, or its newest list, does not know. */
  #miss(alarmId: string, nowMs: number): void {
    const entry = this.#open.get(alarmId);
    if (entry === undefined || entry.alarm.lost !== null) return;
    const isOld = entry.order.epoch < this.#rank;
    const isMissing = this.#isOutdated(alarmId, entry.order) && !isSelfTest(entry.alarm);
    if (!(isOld || isMissing) || this.#missing.has(alarmId)) return;
    let why: DeviceLoss = isOld ? "epoch" : "vanished";
    let afterMs = isOld || entry.isHeard ? LOST_AFTER_MS : UNHEARD_AFTER_MS;
    if (!entry.isTold) [why, afterMs] = ["unheard", UNHEARD_AFTER_MS];
    // The list that had it turns out to be the older of two that brokers had kept.
    else if (!isOld && !entry.isHeard && this.#isKept) [why, afterMs] = ["unheard", 0];
    this.#missing.set(alarmId, { dueMs: nowMs + afterMs, why });
  }

  /** Whether a message about an open alarm is older than the newest list, which no longer has it. */
  #isOutdated(alarmId: string, order: Order): boolean {
    return compare(order, this.#listed) < 0 && !this.#there.has(alarmId);
  }
}
