// What a row, the opened alarm and the other views say of an alarm, in the same words.
import { useComputed } from "@preact/signals";
import type { AlarmView } from "../protocol";
import { sentBefore } from "./again";
import type { ShapeName } from "./shapes";
import { isUntaken } from "./state";
import { t } from "./strings";
import { second, wall } from "./time";
import { age, clock, deviceClock, doNot, holder, placeText, plain, siteAndId, word } from "./words";

/** Who closed it and why, and who had been sent. */
export function howClosed({ data }: AlarmView): string {
  const { closed, dispatched } = data.answered_by ?? {};
  if (closed === undefined) return t.alarms.closedNow;
  const unit = plain((dispatched ?? data.sent_before)?.unit, 64);
  const reason = closed.reason === undefined ? "" : word(t.act.reasons, closed.reason);
  return [t.alarms.closedBy(deviceClock(closed.at), plain(closed.by ?? closed.issuer, 64)), reason, unit === "" ? "" : t.alarms.wasSent(unit)].filter((each) => each !== "").join(" · ");
}

export function shapeOf(alarm: AlarmView): ShapeName {
  if (!alarm.isOpen) return "closed";
  if (isUntaken(alarm)) return alarm.data.silent ? "silent" : "untaken";
  if (alarm.data.status !== "actual") return "drill";
  if (alarm.lost !== null) return "lost";
  if (alarm.data.silent) return "silent-held";
  return alarm.data.stage === "dispatched" ? "dispatched" : "taken";
}

/** The CSS classes of a shape. */
export function looksOf(shape: ShapeName): string {
  return shape === "silent" ? "is-untaken is-silent" : `is-${shape}`;
}

/** Who has it and how far it is, in a few words. */
export function standing(alarm: AlarmView): string {
  if (!alarm.isOpen) return t.alarms.closedNow;
  const who = holder(alarm);
  if (alarm.data.status !== "actual") return [alarm.data.status === "test" ? t.alarms.test : t.alarms.exercise, ...(who === null ? [] : [t.alarms.has(who)])].join(" · ");
  const has = who === null ? t.alarms.nobody : t.alarms.has(who);
  if (alarm.lost !== null) return `${alarm.lost === "unheard" ? t.alarms.perhapsClosed : alarm.data.silent ? t.alarms.lostSilent : t.alarms.lost}. ${has}`;
  const before = sentBefore(alarm);
  if (before !== null) return `${has}: ${t.again.ask(before)}`;
  const unit = alarm.data.answered_by?.dispatched?.unit;
  return alarm.data.stage === "dispatched" ? `${t.alarms.sent(plain(unit, 64) || t.alarms.someone)} · ${has}` : has;
}

export function button(input: string): string {
  return t.alarms.button(plain(input, 64));
}

export function kindAndTime({ data, pressedMs, isAtLeast }: AlarmView): string {
  const at = clock(wall(pressedMs), false);
  return `${kindWord(data.kind)} · ${isAtLeast ? t.alarms.before(at) : at}`;
}

/** What was pressed, and when. */
export function what(alarm: AlarmView): string {
  return `${button(alarm.data.input)} · ${kindAndTime(alarm)}`;
}

/** Where it is. A name is never broken within itself. */
export function Place({ alarm }: { alarm: AlarmView }) {
  const text = placeText(alarm);
  if (text !== "") return <>{text}</>;
  const [site, id] = siteAndId(alarm.source);
  return (
    <>
      <span class="whole">{site},</span> <span class="whole">{id}</span>
    </>
  );
}

export function kindWord(kind: string): string {
  return word(t.alarms.kinds, kind);
}

/** Counts up by itself: the text follows the signal, without rendering. */
export function Age({ sinceMs }: { sinceMs: number }) {
  return <>{useComputed(() => age(second.value * 1000 - sinceMs))}</>;
}

/** How long somebody has waited; "at least", if the kiosk's clock is not set and the press was not received live. */
export function Waited({ alarm }: { alarm: AlarmView }) {
  return <>{alarm.isAtLeast && <span class="least">{t.alarms.atLeast} </span>}<Age sinceMs={alarm.pressedMs} /></>;
}

/** What must not be done about it. Never truncated. */
export function DoNot({ alarm, id }: { alarm: AlarmView; id?: string }) {
  const words = doNot(alarm);
  return words === null ? null : <strong class="do-not" id={id}>{words}</strong>;
}
