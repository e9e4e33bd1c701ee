// All that the page knows: what the worker has told, as signals, one for each row.
import { batch, computed, effect, signal, type Signal } from "@preact/signals";
import type { AckArgs, Answer } from "../contract";
import type { AlarmView, DeviceView, EnrolmentView, KeyView, LinkView, LossView, OutageView, Settings, Tell } from "../protocol";
import { caseOf, type Case } from "./figures";
import { foldsOf } from "./folds";
import { type EventGroup, Groups } from "./groups";
import { HeldOrder } from "./held";
import { forgetOrders, form, hearOrder, unsay } from "./orders";
import { hearLook, lookAway } from "./look";
import { forgetPictures, hearPicture } from "./pictures";
import { hearRecording } from "./recordings";
import { hearSigned } from "./signing";
import { now, second, setClock } from "./time";
import { t } from "./strings";
import { deviceName, eventWord, place, placeOf, plain } from "./words";

export type View = "alarms" | "map" | "devices" | "events" | "shift" | "enrolment";
const VIEWS: readonly View[] = ["alarms", "map", "devices", "events", "shift"];

export const settings = signal<Settings | null>(null);
/** In the order of their keys. */
export const views = computed<readonly View[]>(() => (settings.value?.registrar ? [...VIEWS, "enrolment"] : VIEWS));
export const view = signal<View>("shift");

// The connection and the shift

export const links = signal<readonly LinkView[]>([]);
/** The login with which the worker was told to connect; null before. */
export const login = signal<string | null>(null);
/** What this page is called as a centre. */
export const seat = signal("");
export const key = signal<KeyView | null>(null);
/** How often the worker has still to say which key there is: what the browser keeps, then what the address has brought. */
export const keyAnswers = signal(1);
/** The address has brought one. */
export const isKeyBrought = signal(false);
/** A key from the address that nobody has accepted yet. */
export const offeredKey = signal<KeyView | null>(null);
export const shift = signal<{ by: string; sinceMs: number } | null>(null);
/** The worker tells the kiosks that somebody watches. */
export const isWatching = signal(false);
/** Not every open alarm has arrived yet, so the page must not say that there is none. */
export const isChecking = signal(false);
/** The other centres that say they watch. */
export const watchers = signal<readonly string[]>([]);
/** Since when neither they nor this page watch; null while somebody does, and where it began before this page could hear it. */
export const unwatchedSinceMs = signal<number | null>(null);
let wasWatched = false;
export const clockWrongByMs = signal<number | null>(null);
export const unreadable = signal<{ count: number; last: string }>({ count: 0, last: "" });
export const errors = signal<readonly string[]>([]);

// The worker itself may die. Two looks in a row must find it silent: after a sleep its messages still wait in our queue.
const WORKER_SILENT_MS = 5000;
let heardWorkerAt = performance.now();
let silentLooks = 0;
export const workerSilentSinceMs = signal<number | null>(null);
setInterval(() => {
  silentLooks = performance.now() - heardWorkerAt > WORKER_SILENT_MS ? silentLooks + 1 : 0;
  workerSilentSinceMs.value = silentLooks >= 2 && login.peek() !== null ? (workerSilentSinceMs.peek() ?? now() - (performance.now() - heardWorkerAt)) : null;
}, 1000);

/** Since when nothing that the page shows is live; null while it is, or before somebody has logged in. */
export const greySinceMs = computed<number | null>(() => {
  if (login.value === null) return null;
  if (workerSilentSinceMs.value !== null) return workerSilentSinceMs.value;
  if (links.value.some((link) => link.state === "open")) return null;
  return Math.max(...links.value.map((link) => link.sinceMs), 0) || now();
});

/** Once it is known whether there is a key. */
export function keyIsKnown(): Promise<void> {
  return new Promise((resolve) => {
    const stop = effect(() => {
      if (keyAnswers.value > 0) return;
      resolve();
      queueMicrotask(() => stop());
    });
  });
}

/** The person at this page, as an ack names them. */
export function whoAnswers(): Partial<AckArgs> {
  const by = shift.peek()?.by;
  return by === undefined ? {} : { by };
}

// Alarms

export const alarms = new Map<string, Signal<AlarmView>>();
const alarmsChanged = signal(0);
export const openedAlarm = signal<string | null>(null);
/** Those that are not open any more; the one that was closed last comes last. */
const gone = new Set<string>();
const MOST_CLOSED = 50;
/** Who had an alarm when it raised itself again, where this page has heard it: the kiosk itself says no more who that was. */
export const hadBefore = new Map<string, Answer>();

/** Nobody has it, and somebody waits. */
export function isUntaken(alarm: AlarmView): boolean {
  return alarm.isRinging || (alarm.isOpen && alarm.data.status === "actual" && alarm.data.held_by === undefined && alarm.lost === null);
}

/** Whether the person at this page has it. */
export function isMine(alarm: AlarmView): boolean {
  const held = alarm.data.held_by;
  return held !== undefined && shift.value !== null && held.issuer === key.value?.issuer && held.by === shift.value.by;
}

/** Every open alarm, in no order. */
const open = computed<readonly AlarmView[]>(() => {
  alarmsChanged.value;
  return [...alarms.values()].map((held) => held.peek()).filter((alarm) => alarm.isOpen && !alarm.isSelfTest);
});
/** The folds of kiosks that flood, by kiosk. */
export const folds = computed(() => foldsOf(open.value));
/** The alarm that is shown for each folded one. */
const folded = computed(() => new Map([...folds.value.values()].flatMap(({ newest }) => [...newest])));
/** The kiosks whose folds a person has opened. */
export const unfolded = signal<ReadonlySet<string>>(new Set());
const FOLD = "fold ";
/** The kiosk whose fold this row is; null if it is an alarm's. */
export const foldOf = (row: string): string | null => (row.startsWith(FOLD) ? row.slice(FOLD.length) : null);

function rank(alarm: AlarmView): number {
  // A person who presses a silent button sees no lamp, and may not be able to press again.
  if (isUntaken(alarm)) return folds.value.has(alarm.source) ? 2 : alarm.data.silent ? 0 : 1;
  if (alarm.data.status !== "actual") return 6;
  if (alarm.lost !== null) return 5;
  return alarm.data.stage === "dispatched" ? 4 : 3;
}

/** Every open alarm, always all of them: those that nobody has first, silent ones before the others and those of a kiosk that floods behind
 * them, of equals the oldest. */
export const openAlarms = computed<readonly AlarmView[]>(() => {
  const ranked = open.value.map((alarm) => ({ alarm, rank: rank(alarm) }));
  ranked.sort((a, b) => a.rank - b.rank || a.alarm.pressedMs - b.alarm.pressedMs || (a.alarm.alarmId < b.alarm.alarmId ? -1 : 1));
  return ranked.map((one) => one.alarm);
});
/** Those that are not folded. */
export const shownAlarms = computed(() => (folds.value.size === 0 ? openAlarms.value : openAlarms.value.filter(({ alarmId }) => !folded.value.has(alarmId))));
/** Those that somebody has, and nobody was sent to yet. */
export const unsent = computed(() => openAlarms.value.filter(({ data }) => data.status === "actual" && data.held_by !== undefined && data.stage !== "dispatched" && data.sent_before === undefined));
export const untaken = computed(() => shownAlarms.value.filter(isUntaken));
/** Each fold follows its kiosk's shown alarms. */
const alarmRows = computed(() => {
  const last = new Map(shownAlarms.value.filter(({ source }) => folds.value.has(source)).map(({ source, alarmId }) => [source, alarmId]));
  return shownAlarms.value.flatMap(({ source, alarmId }) => {
    if (last.get(source) !== alarmId) return [alarmId];
    return [alarmId, FOLD + source, ...(unfolded.value.has(source) ? folds.value.get(source)!.alarms.map((alarm) => alarm.alarmId) : [])];
  });
});
// While the order is held, a button's newest alarm takes the place of the one before it: a flood must not make the list ever longer.
export const alarmOrder = new HeldOrder(alarmRows, { isBusy: () => form.value !== null, instead: (id) => folded.peek().get(id) ?? id });

/** Open or close a fold. */
export function fold(source: string): void {
  const those = new Set(unfolded.peek());
  if (!those.delete(source)) those.add(source);
  unfolded.value = those;
  alarmOrder.sort();
}

/** Those that were closed last, the newest first. */
export const closedAlarms = computed<readonly AlarmView[]>(() => {
  alarmsChanged.value;
  const closed = [...gone].flatMap((id) => alarms.get(id)?.peek() ?? []).filter((alarm) => !alarm.isOpen && !alarm.isSelfTest);
  return closed.reverse().slice(0, MOST_CLOSED);
});

/** People wait for these. Folded alarms don't ring, and a kiosk that floods makes no other call louder. */
export const ringing = computed(() => {
  const all = untaken.value.filter((alarm) => alarm.isRinging);
  const others = all.filter(({ source }) => !folds.value.has(source));
  return others.length > 0 ? others : all;
});
const oldestRingingMs = computed(() => {
  second.value;
  return ringing.value.length === 0 ? null : now() - ringing.value.reduce((oldest, { pressedMs }) => Math.min(oldest, pressedMs), Infinity);
});
export const isLouder = computed(() => oldestRingingMs.value !== null && oldestRingingMs.value >= (settings.value?.ring_after_s ?? 15) * 1000);
/** Nobody has taken it for so long that it is the supervisor's. */
export const isForSupervisor = computed(() => oldestRingingMs.value !== null && oldestRingingMs.value >= (settings.value?.supervisor_after_s ?? 60) * 1000);

// What figures are made of. A case is small, and of a flood the newest are enough.
const MOST_CASES = 20_000;
export const cases = new Map<string, Case>();
export const casesChanged = signal(0);
/** Since when this page hears of alarms. */
export const loadedMs = now();
/** Since when the shift's figures count: the newest begin of a shift, else of the page. */
export const figuresSinceMs = signal(loadedMs);

function remember(alarm: AlarmView): void {
  if (alarm.isSelfTest || alarm.data.status !== "actual") return;
  cases.set(alarm.alarmId, caseOf(alarm, place(alarm)));
  if (cases.size > MOST_CASES) for (const [oldest] of cases) return void cases.delete(oldest);
}

// Devices

export const devices = new Map<string, Signal<DeviceView>>();
export const devicesChanged = signal(0);
export const openedDevice = signal<string | null>(null);
export const deviceFilter = signal("");
export const losses = signal<readonly LossView[]>([]);
/** Who is gone, and who is back since a short while. */
export const outages = signal<readonly OutageView[]>([]);

/** What a search among the events looks in. */
function eventWords({ first, newest }: EventGroup): string {
  return [placeOf(devices.get(newest.source)?.peek()), deviceName(newest.source), eventWord(newest), newest.type, ...Object.values({ ...first.data, ...newest.data }).filter((value) => typeof value === "string")].join(" ");
}
export const events = new Groups(eventWords);

/** Who waits to be let in; null before the worker has asked. */
export const enrolment = signal<EnrolmentView | null>(null);

/** What is to be read aloud: new alarms, gathered for a moment. */
export const announced = signal<readonly AlarmView[]>([]);

/** Take in what the worker tells. */
export function hear(tell: Tell): void {
  heardWorkerAt = performance.now();
  silentLooks = 0;
  batch(() => hearOne(tell));
}

/** Somebody has logged out: nothing that was heard stays on a PC that others use. The figures stay, which name no person. */
export function forgetAll(): void {
  batch(() => {
    [login.value, links.value, watchers.value, isWatching.value] = [null, [], [], false];
    [unwatchedSinceMs.value, wasWatched] = [null, false];
    [openedAlarm.value, openedDevice.value, deviceFilter.value] = [null, null, ""];
    [losses.value, outages.value, errors.value] = [[], [], []];
    for (const rows of [alarms, devices, gone, hadBefore]) rows.clear();
    unfolded.value = new Set();
    for (const changes of [alarmsChanged, devicesChanged]) changes.value += 1;
    alarmOrder.sort();
    events.clear();
  });
  forgetOrders();
  forgetPictures();
  lookAway();
}

function hearOne(tell: Tell): void {
  // What was on its way from the worker when somebody logged out.
  if (login.peek() === null && (tell.tell === "changed" || tell.tell === "outages" || tell.tell === "picture")) return;
  switch (tell.tell) {
    case "links":
      setClock(tell.nowMs);
      if (login.peek() === null) return;
      links.value = tell.links;
      isWatching.value = tell.isWatching;
      isChecking.value = tell.isChecking;
      if (tell.watchers.join() !== watchers.peek().join()) watchers.value = tell.watchers;
      hearWhetherWatched(tell.isWatching || tell.watchers.length > 0, tell.nowMs);
      clockWrongByMs.value = tell.clockWrongByMs;
      workerSilentSinceMs.value = null;
      return;
    case "key":
      key.value = tell.key;
      keyAnswers.value = Math.max(0, keyAnswers.peek() - 1);
      // Without a key the worker ends the shift.
      if (tell.key === null) shift.value = null;
      return;
    case "offered":
      offeredKey.value = tell.key;
      return;
    case "changed":
      hearAlarms(tell.alarms, tell.gone);
      for (const device of tell.devices) put(devices, device.source, device);
      if (tell.devices.length > 0) devicesChanged.value += 1;
      for (const event of tell.events) events.add(event);
      if (tell.events.length > 0) events.changed.value += 1;
      if (tell.losses.length > 0 || losses.peek().length > 0) losses.value = tell.losses;
      return;
    case "outages":
      outages.value = tell.outages;
      return;
    case "order":
      return hearOrder(tell);
    case "signed":
      return hearSigned(tell.ticket, tell.token);
    case "picture":
      return hearPicture(tell.id, tell.jpeg);
    case "look":
      return hearLook(tell.view, tell.jpeg);
    case "recording":
      return hearRecording(tell);
    case "enrolment":
      enrolment.value = tell.view;
      return;
    case "unreadable":
      unreadable.value = { count: tell.count, last: tell.last };
      return;
    case "error":
      errors.value = [...errors.peek(), t.failures[tell.failure](plain(tell.detail))].slice(-5);
  }
}

function hearWhetherWatched(isWatched: boolean, nowMs: number): void {
  if (isWatched) unwatchedSinceMs.value = null;
  else if (wasWatched) unwatchedSinceMs.value = nowMs;
  wasWatched = isWatched;
}

function hearAlarms(changed: readonly AlarmView[], left: readonly string[]): void {
  if (changed.length === 0 && left.length === 0) return;
  const news: AlarmView[] = [];
  for (const alarm of changed) {
    const before = alarms.get(alarm.alarmId)?.peek();
    if (alarm.isRinging && before?.isRinging !== true) news.push(alarm);
    if (before !== undefined) unsay(before, alarm);
    if (before?.data.held_by !== undefined && alarm.data.reraised > before.data.reraised) hadBefore.set(alarm.alarmId, before.data.held_by);
    put(alarms, alarm.alarmId, alarm);
    if (alarm.isOpen) gone.delete(alarm.alarmId);
    else gone.add(alarm.alarmId); // a word about one that is closed already does not move it
    remember(alarm);
  }
  for (const id of left) {
    const known = alarms.get(id);
    if (known === undefined) continue;
    if (folded.peek().has(id) && id !== openedAlarm.peek()) {
      alarms.delete(id);
      continue;
    }
    gone.add(id);
    if (known.peek().isOpen) known.value = { ...known.peek(), isOpen: false, isRinging: false };
  }
  if (news.length > 0) announced.value = news;
  casesChanged.value += 1;
  alarmsChanged.value += 1;
  sweep();
}

// The oldest closed alarms go, unless one may still be in the held list, or is open in the detail.
function sweep(): void {
  const held = alarmOrder.isHeld.peek() ? new Set(alarmOrder.shown.peek()) : null;
  if (held !== null && gone.size < held.size + 2 * MOST_CLOSED) return;
  for (const id of gone) {
    if (gone.size <= MOST_CLOSED) return;
    if (id === openedAlarm.peek() || held?.has(id)) continue;
    alarms.delete(id);
    gone.delete(id);
    hadBefore.delete(id);
  }
}

function put<T>(rows: Map<string, Signal<T>>, id: string, row: T): void {
  const known = rows.get(id);
  if (known === undefined) rows.set(id, signal(row));
  else known.value = row;
}
