// The alarms of one device, as the centre must see them.
import type { AlarmData } from "../contract";
import type { Lamps } from "../protocol";
import { lampsFor } from "./lamps";
import { type Alarm, type AlarmNotice, type DeviceLoss, isOpen, isSelfTest } from "./notices";
import { compare, type Order } from "./order";

/** How long the message of a close may come after the list in which the alarm is missing. */
const LOST_AFTER_MS = 5000;
/** The same where only a replay can still bring it. */
const UNHEARD_AFTER_MS = 15_000;
export const MOST_OPEN = 500;
const MOST_CLOSED = 200;

interface Entry {
  alarm: Alarm;
  order: Order;
  /** Whether anything but a retained list has told of it. */
  isHeard: boolean;
}

/** Every open alarm of one device, and the last that were closed. */
export class Alarms {
  readonly #source: string;
  /** The one that was heard of last comes last. */
  readonly #entries = new Map<string, Entry>();
  #openCount = 0;
  /** Open ones that the device no longer seems to know: since when, and why. */
  readonly #missing = new Map<string, { sinceMs: number; why: DeviceLoss }>();
  #listed: Order = { epoch: 0, seq: -1 };
  /** The alarms in the newest list. */
  #there = new Set<string>();
  /** The rank of the newest epoch. */
  #rank = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Those that are not closed, the ones that the device has lost included. */
  get open(): Alarm[] {
    return [...this.#entries.values()].map((entry) => entry.alarm).filter(isOpen);
  }

  /** An alarm that is remembered. */
  get(alarmId: string): Alarm | null {
    return this.#entries.get(alarmId)?.alarm ?? null;
  }

  /** What the kiosk's lamps show for its alarms. */
  lamps(): Lamps {
    const shown = this.open.filter((alarm) => alarm.lost === null && !alarm.data.silent && !isSelfTest(alarm));
    return lampsFor(shown.map((alarm) => alarm.data.stage));
  }

  /** Whether one is missing that may have been closed while nobody listened here. */
  get mayBeClosed(): boolean {
    return [...this.#missing.values()].some(({ why }) => why === "unheard");
  }

  /** Whether this alarm can be remembered: so many open ones at a time come from no kiosk. */
  hasRoom(alarmId: string): boolean {
    return this.#entries.has(alarmId) || this.#openCount < MOST_OPEN;
  }

  /** Take in a message of an alarm. */
  tell(data: AlarmData, epoch: string, order: Order, nowMs: number): AlarmNotice[] {
    const told = this.#apply(data, epoch, order, nowMs, true);
    this.#miss(data.alarm_id, nowMs);
    return told;
  }

  /** Take in a list of the open alarms. One that is missing in it is lost, unless its close still comes. */
  tellOpen(listed: AlarmData[], epoch: string, order: Order, nowMs: number, retain: boolean): AlarmNotice[] {
    if (compare(order, this.#listed) <= 0) return [];
    this.#listed = order;
    this.#there = new Set(listed.map((data) => data.alarm_id));
    const told: AlarmNotice[] = [];
    for (const data of listed) {
      if (this.hasRoom(data.alarm_id)) told.push(...this.#apply(data, epoch, order, nowMs, !retain));
    }
    for (const alarmId of this.#entries.keys()) this.#miss(alarmId, nowMs);
    return told;
  }

  /** The device has lost its memory: what it does not tell of soon, it does not know any more. */
  newEpoch(rank: number, nowMs: number): void {
    this.#rank = rank;
    for (const alarmId of this.#entries.keys()) this.#miss(alarmId, nowMs);
  }

  /** The alarms that are lost by now. */
  tick(nowMs: number): AlarmNotice[] {
    const lost: AlarmNotice[] = [];
    for (const [alarmId, { sinceMs, why }] of this.#missing) {
      if (nowMs < sinceMs + (why === "unheard" ? UNHEARD_AFTER_MS : LOST_AFTER_MS)) continue;
      this.#missing.delete(alarmId);
      const entry = this.#entries.get(alarmId)!;
      entry.alarm = { ...entry.alarm, lost: why, changedMs: nowMs };
      lost.push({ kind: "alarm-lost", alarm: entry.alarm });
    }
    return lost;
  }

  /** Forget a lost alarm: a person has found out what became of it. */
  settle(alarmId: string): AlarmNotice[] {
    const entry = this.#entries.get(alarmId);
    if (entry === undefined || entry.alarm.lost === null) return [];
    this.#entries.delete(alarmId);
    this.#openCount -= Number(isOpen(entry.alarm));
    return [{ kind: "alarm-forgotten", alarm: entry.alarm }];
  }

  #apply(data: AlarmData, epoch: string, order: Order, nowMs: number, isHeard: boolean): AlarmNotice[] {
    const entry = this.#entries.get(data.alarm_id);
    if (entry !== undefined && compare(order, entry.order) <= 0) return [];
    const alarm: Alarm = { source: this.#source, data, epoch, seq: order.seq, changedMs: nowMs, lost: null };
    const before = entry?.alarm ?? null;
    this.#entries.delete(data.alarm_id);
    this.#entries.set(data.alarm_id, { alarm, order, isHeard: isHeard || (entry?.isHeard ?? false) });
    this.#openCount += Number(isOpen(alarm)) - Number(before !== null && isOpen(before));
    this.#missing.delete(data.alarm_id);
    const forgotten = isOpen(alarm) ? [] : this.#forgetOld();
    if (before !== null && !isOpen(before) && isOpen(alarm)) return [{ kind: "alarm-reopened", alarm, closed: before }];
    if (before !== null && before.lost === null && isSame(before.data, data)) return forgotten;
    return [{ kind: "alarm-changed", alarm, before }, ...forgotten];
  }

  /** Begin to miss an open alarm that the newest epoch, or its newest list, does not know. */
  #miss(alarmId: string, nowMs: number): void {
    const entry = this.#entries.get(alarmId);
    if (entry === undefined || !isOpen(entry.alarm) || entry.alarm.lost !== null) return;
    const isOld = entry.order.epoch < this.#rank;
    const isOlder = compare(entry.order, this.#listed) < 0;
    const isMissing = isOlder && !this.#there.has(alarmId) && !isSelfTest(entry.alarm);
    if ((isOld || isMissing) && !this.#missing.has(alarmId)) {
      this.#missing.set(alarmId, { sinceMs: nowMs, why: isOld ? "epoch" : entry.isHeard ? "vanished" : "unheard" });
    }
  }

  #forgetOld(): AlarmNotice[] {
    const forgotten: AlarmNotice[] = [];
    let left = this.#entries.size - this.#openCount - MOST_CLOSED;
    for (const [alarmId, { alarm }] of this.#entries) {
      if (left <= 0) break;
      if (isOpen(alarm)) continue;
      this.#entries.delete(alarmId);
      forgotten.push({ kind: "alarm-forgotten", alarm });
      left--;
    }
    return forgotten;
  }
}

/** Whether two words of an alarm say the same, whatever the order of their fields. */
function isSame(one: AlarmData, other: AlarmData): boolean {
  return canonical({ ...one, historical: false }) === canonical({ ...other, historical: false });
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  const fields = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => `${name}:${canonical(each)}`).join()}}`;
}
