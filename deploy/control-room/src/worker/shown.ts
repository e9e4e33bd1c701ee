// What the page is shown: rows of alarms, devices, events and losses, and which of them have changed.
import type { AlarmData } from "../contract";
import type { Consumer } from "../centre/consumer";
import { type Alarm, isOpen, isSelfTest, maySendSomebody, type Message, type Notice } from "../centre/notices";
import type { Order } from "../centre/order";
import { Kept, LISTS } from "../kept";
import type { AlarmView, EventView, Lamps, LossView, Tell } from "../protocol";
import type { TrueTime } from "./clock";
import type { Pictures } from "./pictures";
import { Seen } from "./seen";

/** Of each list, until the page is told of them: a page in the background is told late. */
const MOST_EVENTS = 1000;
const MOST_LOSSES = 500;
/** How many rows of alarms, or of devices, go to the page at once: it must be able to draw in between. */
const MOST_AT_ONCE = 200;
/** Closed alarms of all devices whose rows are kept: their pictures, and the brokers that bring them, may still come. */
const MOST_CLOSED = 1000;
/** A device whose clock says less had no time when somebody pressed, whatever it calls its clock since. */
const BEFORE_MS = Date.UTC(2024, 0);
const CORRECTED_MS = 1000;

interface Row {
  alarm: Alarm;
  key: string;
  firstHeardMs: number;
  /** True time of the press, in ms since 1970; null if it can't be trusted. */
  pressedAtMs: number | null;
  wasOpenBefore: boolean;
  /** The device sent it as soon as somebody pressed, so it was received at the time of the press. */
  isFirstWord: boolean;
  /** The least time between the press and its arrival here. */
  leastMs: number;
  messageId: string;
  brokers: Set<string>;
}

export class Shown {
  readonly #consumer: Consumer;
  readonly #pictures: Pictures;
  readonly #time: TrueTime;
  readonly #exercisesRing: boolean;
  readonly #devices = new Map<string, Seen>();
  /** By device, and there by the identifier that it gives. */
  readonly #rows = new Map<string, Map<string, Row>>();
  /** By key. */
  readonly #alarms = new Map<string, Row>();
  /** The keys of those that are closed; the one that was closed last comes last. */
  readonly #closed = new Set<string>();
  readonly #dirtyAlarms = new Set<string>();
  readonly #dirtyDevices = new Set<string>();
  /** What was to be added to our time when the rows were told. */
  #offsetMs: number;
  /** What is missing everywhere; null when it has to be put together anew. */
  #lossRows: LossView[] | null = [];
  #gone: string[] = [];
  readonly #events = new Kept<EventView>(MOST_EVENTS);

  constructor(consumer: Consumer, pictures: Pictures, time: TrueTime, exercisesRing = false) {
    this.#consumer = consumer;
    this.#exercisesRing = exercisesRing;
    this.#pictures = pictures;
    this.#time = time;
    this.#offsetMs = time.offsetMs;
  }

  get hasAlarms(): boolean {
    return this.#dirtyAlarms.size > 0 || this.#gone.length > 0;
  }

  get hasAny(): boolean {
    return this.hasAlarms || this.#dirtyDevices.size > 0 || this.#hasEvents;
  }

  get #hasEvents(): boolean {
    return LISTS.some((list) => this.#events.in(list).size > 0);
  }

  /** The identifier that its device gives the alarm of a row. */
  alarmIdOf(key: string): string {
    return this.#alarms.get(key)?.alarm.data.alarm_id ?? key;
  }

  /** Whether the page would never hear that people were called, or were no longer, if these were taken in before it is told
   * of what came before. */
  wouldHide(notices: Notice[]): boolean {
    return notices.some((notice) => {
      if (notice.kind !== "alarm-changed" && notice.kind !== "alarm-reopened") return false;
      const row = this.#rows.get(notice.alarm.source)?.get(notice.alarm.data.alarm_id);
      return row !== undefined && this.#dirtyAlarms.has(row.key) && this.#rings(row.alarm) !== this.#rings(notice.alarm);
    });
  }

  #rings(alarm: Alarm): boolean {
    return isRinging(alarm, this.#exercisesRing);
  }

  /** Take in what has happened. */
  take(notices: Notice[], nowMs: number): void {
    const message = notices.map((notice) => ("message" in notice ? notice.message : null)).find((each) => each !== null) ?? null;
    if (message !== null) this.#hear(message, nowMs);
    for (const notice of notices) this.#take(notice, message, nowMs);
  }

  /** Tell the times of all alarms anew where the true time is known better by now. Call it now and then. */
  tick(): void {
    const offsetMs = this.#time.offsetMs;
    if (Math.abs(offsetMs - this.#offsetMs) < CORRECTED_MS) return;
    this.#offsetMs = offsetMs;
    for (const key of this.#alarms.keys()) this.#dirtyAlarms.add(key);
  }

  /** What has changed since the last time. If `hasAlarms` is still true after it, more are to come. */
  changed(): Tell {
    const lamps = this.#lampsOfChanged();
    const alarms = taken(this.#dirtyAlarms).map((key) => this.#alarms.get(key)).filter((row) => row !== undefined);
    const devices = taken(this.#dirtyDevices).map((source) => this.#devices.get(source)!);
    const tell: Tell = {
      tell: "changed",
      alarms: alarms.map((row) => this.#alarmView(row, lamps.get(row.alarm.source)!)),
      gone: this.#gone,
      devices: devices.map((seen) => seen.view(this.#consumer.devices.get(seen.source)!)),
      events: LISTS.flatMap((list) => [...this.#events.in(list).values()]),
      losses: (this.#lossRows ??= this.#losses()),
    };
    for (const key of this.#closed) {
      if (this.#closed.size <= MOST_CLOSED || this.#dirtyAlarms.size > 0) break;
      this.#drop(this.#alarms.get(key)!);
    }
    this.#gone = [];
    for (const list of LISTS) this.#events.clear(list);
    return tell;
  }

  #take(notice: Notice, message: Message | null, nowMs: number): void {
    switch (notice.kind) {
      case "new-message":
        this.#learn(notice.message, notice.order, nowMs);
        break;
      case "duplicate":
        for (const row of this.#rows.get(notice.source)?.values() ?? []) {
          if (row.messageId !== notice.id || row.brokers.has(notice.broker)) continue;
          row.brokers.add(notice.broker);
          this.#dirtyAlarms.add(row.key);
        }
        break;
      case "alarm-changed":
      case "alarm-reopened":
      case "alarm-lost":
        this.#show(notice.alarm, notice.kind === "alarm-lost" ? null : (notice.kind === "alarm-changed" ? notice.by : null) ?? message, nowMs);
        break;
      case "alarm-forgotten":
        this.#forget(notice.alarm);
        break;
      case "presence-changed": {
        const seen = this.#seen(notice.source, nowMs);
        seen.sinceMs = nowMs;
        if (notice.restarted) seen.troubles.clear();
        break;
      }
      case "picture": {
        const rows = this.#rows.get(notice.source)?.values() ?? [];
        for (const row of rows) if (row.alarm.data.camera?.snapshot === notice.pictureId) this.#dirtyAlarms.add(row.key);
        break;
      }
      case "record-lost":
        this.#seen(notice.source, nowMs).lose(notice.first, notice.last);
        this.#lossRows = null;
        break;
      case "hole-found":
      case "hole-filled":
      case "record-skipped":
        this.#seen(notice.source, nowMs);
        this.#lossRows = null;
        break;
      case "epoch-changed": {
        const seen = this.#seen(notice.source, nowMs);
        seen.troubles.clear();
        this.#lossRows = null;
        break;
      }
      case "devices-gone":
      case "devices-back":
      case "unreadable":
      case "live-picture":
        break;
    }
  }

  /** Note a message, whether it is new or comes again. */
  #hear(message: Message, nowMs: number): void {
    const { time, timeq, data } = message.envelope;
    const seen = this.#seen(message.source, nowMs);
    const { bootid } = this.#consumer.devices.get(message.source)!;
    if (seen.bootid !== bootid) {
      // Only now is it known when its alarms raise themselves again.
      seen.bootid = bootid;
      for (const row of this.#rows.get(message.source)?.values() ?? []) if (isOpen(row.alarm)) this.#dirtyAlarms.add(row.key);
    }
    const isFresh = seen.hear(message, nowMs) && data["historical"] !== true;
    if (isFresh && timeq === "synced") this.#time.hear(message.source, time, nowMs);
  }

  #learn(message: Message, order: Order | null, nowMs: number): void {
    const { envelope, source, what } = message;
    if (order !== null) {
      const seen = this.#seen(source, nowMs);
      seen.learn(message, order, nowMs);
      if (seen.clips.learn(message, order)) for (const row of this.#rows.get(source)?.values() ?? []) this.#dirtyAlarms.add(row.key);
    }
    if (what !== "event" && what !== "security") return;
    this.#events.add({
      id: envelope.id,
      source,
      type: envelope.type,
      heardMs: nowMs,
      timeMs: envelope.timeq === "synced" ? this.#ours(Date.parse(envelope.time)) : null,
      historical: envelope.data["historical"] === true,
      data: envelope.data,
    });
  }

  #show(alarm: Alarm, message: Message | null, nowMs: number): void {
    this.#seen(alarm.source, nowMs);
    const id = alarm.data.alarm_id;
    const rows = this.#rows.get(alarm.source) ?? new Map<string, Row>();
    this.#rows.set(alarm.source, rows);
    let row = rows.get(id);
    if (row === undefined) {
      const key = this.#alarms.has(id) ? `${id}@${alarm.source}` : id;
      const wasOpenBefore = message?.what !== "alarm" || message.retain;
      const { stage, press_count: presses, reraised, historical, latency_ms: latencies } = alarm.data;
      const isFirstWord = !wasOpenBefore && !historical && (stage === "raised" || stage === "sent") && presses === 1 && reraised === 0;
      const leastMs = Math.max(0, ...Object.values(latencies).filter((each) => typeof each === "number"));
      row = { alarm, key, firstHeardMs: nowMs, pressedAtMs: pressedAt(alarm.data, message), wasOpenBefore, isFirstWord, leastMs, messageId: "", brokers: new Set() };
      rows.set(id, row);
      this.#alarms.set(key, row);
    }
    row.alarm = alarm;
    if (message !== null) [row.messageId, row.brokers] = [message.envelope.id, new Set([message.broker])];
    this.#dirtyAlarms.add(row.key);
    this.#closed.delete(row.key);
    if (!isOpen(alarm)) this.#closed.add(row.key);
  }

  /** The lamps of each kiosk with a changed alarm. All alarms of a kiosk share its lamps: if these change, all of its alarms are sent. */
  #lampsOfChanged(): Map<string, Lamps> {
    const lamps = new Map<string, Lamps>();
    for (const key of [...this.#dirtyAlarms]) {
      const source = this.#alarms.get(key)?.alarm.source;
      if (source === undefined || lamps.has(source)) continue;
      const now = this.#consumer.devices.get(source)!.lamps;
      lamps.set(source, now);
      const seen = this.#devices.get(source)!;
      if (seen.lamps === now) continue;
      seen.lamps = now;
      for (const { key: other, alarm } of this.#rows.get(source)!.values()) if (isOpen(alarm)) this.#dirtyAlarms.add(other);
    }
    return lamps;
  }

  #forget(alarm: Alarm): void {
    const row = this.#rows.get(alarm.source)?.get(alarm.data.alarm_id);
    if (row === undefined) return;
    this.#drop(row);
    this.#dirtyDevices.add(alarm.source);
    this.#gone.push(row.key);
  }

  #drop({ key, alarm }: Row): void {
    this.#rows.get(alarm.source)!.delete(alarm.data.alarm_id);
    this.#alarms.delete(key);
    this.#dirtyAlarms.delete(key);
    this.#closed.delete(key);
  }

  /** What is known of a device, which is told anew. */
  #seen(source: string, nowMs: number): Seen {
    let seen = this.#devices.get(source);
    if (seen === undefined) {
      seen = new Seen(source, nowMs);
      this.#devices.set(source, seen);
    }
    this.#dirtyDevices.add(source);
    return seen;
  }

  /** A true time, by the clock of this worker. */
  #ours(trueMs: number): number {
    return trueMs - this.#time.offsetMs;
  }

  #alarmView(row: Row, lamps: Lamps): AlarmView {
    const { alarm, firstHeardMs, wasOpenBefore } = row;
    const { data, lost, source } = alarm;
    // Nobody presses after it was heard: a clock that says so is a little ahead of ours.
    const pressedMs = row.pressedAtMs === null ? firstHeardMs - (row.isFirstWord ? 0 : row.leastMs) : Math.min(firstHeardMs, this.#ours(row.pressedAtMs));
    return {
      alarmId: row.key,
      source,
      data,
      isOpen: isOpen(alarm),
      lost,
      isSelfTest: isSelfTest(alarm),
      pressedMs,
      isAtLeast: row.pressedAtMs === null && !row.isFirstWord,
      firstHeardMs,
      raisesAgainMs: this.#consumer.devices.get(source)!.raisesAgainMs(alarm),
      brokers: [...row.brokers],
      lateMs: row.pressedAtMs === null || wasOpenBefore ? null : firstHeardMs - pressedMs,
      wasOpenBefore,
      lamps,
      isRinging: this.#rings(alarm),
      clips: this.#devices.get(source)!.clips.of(data, firstHeardMs),
      hasPicture: data.camera?.snapshot !== undefined && this.#pictures.has(source, data.camera.snapshot),
    };
  }

  #losses(): LossView[] {
    const all: LossView[] = [];
    for (const { source, losses } of this.#devices.values()) {
      all.push(...losses.map((loss) => ({ source, ...loss, state: "lost" as const })));
      const holes = this.#consumer.devices.get(source)!.holes;
      all.push(...holes.map(([first, last]) => ({ source, first, last, state: "asked" as const })));
      if (all.length > MOST_LOSSES) return all.slice(0, MOST_LOSSES);
    }
    return all;
  }
}

/** Take the oldest members out of a set, as many as go to the page at once. */
function taken<T>(from: Set<T>): T[] {
  const some: T[] = [];
  for (const one of from) {
    if (some.length === MOST_AT_ONCE) break;
    some.push(one);
    from.delete(one);
  }
  return some;
}

/** Whether it rings until somebody takes it, however late it came. Not for an alarm that only another broker's older list
 * has: that is shown, and was probably closed. */
function isRinging(alarm: Alarm, exercisesRing: boolean): boolean {
  const { stage, held_by, status } = alarm.data;
  const nobodyHasIt = !held_by && stage !== "registered" && stage !== "dispatched";
  const calls = maySendSomebody(alarm) || (exercisesRing && status === "exercise");
  return isOpen(alarm) && calls && nobodyHasIt && alarm.lost !== "unheard";
}

function pressedAt(data: AlarmData, message: Message | null): number | null {
  const atMs = Date.parse(data.raised_at);
  return message?.envelope.timeq === "synced" && atMs >= BEFORE_MS ? atMs : null;
}
