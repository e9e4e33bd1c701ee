// How values become words: ages, clocks, places, and texts of devices, which are only ever text.
import { plain } from "../plain";
import { shortType } from "../kept";
import type { AlarmView, DeviceView, EventView } from "../protocol";
import { t } from "./strings";

export { plain };

/** What a table of words has for a name that somebody else wrote; else the name itself. Never what an object inherits: who draws
 * `__proto__` of a table writes into every object of the page. */
export function word(table: Readonly<Record<string, string>>, name: string, most = 40): string {
  return Object.hasOwn(table, name) ? (table[name] ?? "") : plain(name, most);
}

/** `gp/park-station/kiosk-3` of `/edge/gp/park-station/kiosk-3`. */
export function deviceName(source: string): string {
  return plain(source.replace(/^\/edge\//, ""), 200);
}

/** Where somebody must go, by the words of the settings; empty if they have none. */
export function placeText(alarm: AlarmView): string {
  return plain(alarm.data.location?.text, 120);
}

/** Where a device stands, by the words of its settings; empty while it has none. */
export function placeOf(device: DeviceView | undefined): string {
  return plain(device?.meta?.location?.text, 120);
}

/** What has happened, in words; a type that is newer than this page by its own name. */
export function eventWord({ type }: EventView): string {
  return word(t.events.types, shortType(type), 60);
}

/** The names of a kiosk's site and of the kiosk itself. */
export function siteAndId(source: string): string[] {
  return source.split("/").slice(-2).map((name) => plain(name, 64));
}

/** Where somebody must go: the words of the settings, else the names of site and kiosk. */
export function place(alarm: AlarmView): string {
  return placeText(alarm) || siteAndId(alarm.source).join(", ");
}

/** Which alarm it is, where a kiosk may have several: its place and its button. */
export function nameOf(alarm: AlarmView): string {
  return `${place(alarm)}, ${t.alarms.button(plain(alarm.data.input, 64))}`;
}

/** What must not be done about a silent alarm: it comes first wherever the alarm is shown. Null for other alarms and technicians' tests. */
export function doNot({ data, isSelfTest }: AlarmView): string | null {
  return data.silent && data.status !== "test" && !isSelfTest ? t.alarms.doNot(data.kind === "duress") : null;
}

/** `0:07`, `12 min`, `3 h 05 min`, `2 d 4 h`: an age that can be read from two metres. */
export function age(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s >= 600 && s < 3600) return t.minutes(Math.floor(s / 60));
  if (s < 600) return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  if (s < 86_400) return t.hours(Math.floor(s / 3600), Math.floor((s % 3600) / 60));
  return t.days(Math.floor(s / 86_400), Math.floor((s % 86_400) / 3600));
}

/** A length of time in words, for what does not count up. */
export function span(ms: number): string {
  const s = Math.max(0, ms) / 1000;
  if (s < 10) return t.seconds(s.toFixed(s < 1 ? 2 : 1));
  if (s < 120) return t.seconds(Math.round(s).toString());
  if (s < 7200) return t.minutes(Math.round(s / 60));
  return age(ms);
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const SHORT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** A wall clock, with the day where that is not today. */
export function clock(wallMs: number, seconds = true): string {
  if (!Number.isFinite(wallMs)) return t.unknown;
  const date = new Date(wallMs);
  const time = (seconds ? CLOCK : SHORT).format(date);
  return date.toDateString() === new Date().toDateString() ? time : `${DAY.format(date)} ${time}`;
}

export function day(wallMs: number): string {
  return Number.isFinite(wallMs) ? DAY.format(new Date(wallMs)) : t.unknown;
}

/** A device's own wall clock, as it says it. */
export function deviceClock(at: string, seconds = false): string {
  const ms = Date.parse(at);
  return Number.isNaN(ms) ? plain(at, 40) : clock(ms, seconds);
}

/** What is shown as the name of who has an alarm. */
export function holder(alarm: AlarmView): string | null {
  const held = alarm.data.held_by;
  return held === undefined ? null : plain(held.by ?? held.issuer, 64);
}
