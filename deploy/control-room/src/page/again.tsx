// An answered alarm raises itself again unless somebody says that it goes on: how long that is, and who was sent before.
import { useComputed } from "@preact/signals";
import type { AlarmView } from "../protocol";
import { acknowledge } from "./orders";
import { alarms, hadBefore, isMine, isUntaken, whoAnswers } from "./state";
import { t } from "./strings";
import { second } from "./time";
import { age, deviceClock, plain } from "./words";

const SOON_MS = 60_000;

/** How long until it raises itself again; null if it does not, or nobody knows. */
export function leftMs(alarm: AlarmView): number | null {
  const { raisesAgainMs, isOpen, lost } = alarm;
  return raisesAgainMs === null || !isOpen || lost !== null ? null : Math.max(0, raisesAgainMs - second.value * 1000);
}

/** Whether it raises itself again within a minute. */
export function isSoon(alarm: AlarmView): boolean {
  const left = leftMs(alarm);
  return left !== null && left <= SOON_MS;
}

/** The unit that was sent before it raised itself again, while nobody has it. */
export function sentBefore(alarm: AlarmView): string | null {
  const sent = alarm.data.sent_before;
  return sent === undefined || !isUntaken(alarm) ? null : plain(sent.unit, 64) || t.alarms.someone;
}

/** Who had it before it rang again; null if this page has not heard. */
function hadWho({ alarmId }: AlarmView): string | null {
  const had = hadBefore.get(alarmId);
  return had === undefined ? null : plain(had.by ?? had.issuer, 64);
}

/** Whether it has rung again, and still nobody has it. */
function hasRungAgain(alarm: AlarmView): boolean {
  return alarm.data.reraised > 0 && isUntaken(alarm);
}

/** What `goOn` says to the kiosk, in a few words; null where there is nothing to say. */
function goesOn(alarm: AlarmView): string | null {
  if (!alarm.isOpen || alarm.lost !== null || alarm.data.status !== "actual") return null;
  if (sentBefore(alarm) !== null || alarm.data.stage === "dispatched") return t.again.stillComing;
  return isMine(alarm) ? t.again.stillOn : null;
}

/** Say that it goes on, by the same ack again: a car that was sent before is sent once more, so that somebody has the alarm. */
export function goOn(alarm: AlarmView): void {
  if (goesOn(alarm) === null) return;
  const { data } = alarm;
  const sent = data.answered_by?.dispatched ?? (data.held_by === undefined ? data.sent_before : undefined);
  if (sent === undefined) acknowledge(alarm, "registered", whoAnswers(), true);
  else acknowledge(alarm, "dispatched", { ...whoAnswers(), ...(sent.unit !== undefined && { unit: sent.unit }) }, true);
}

/** In the detail: what is about to happen, or is to be asked, and the one button that answers it. */
export function Again({ alarm, isOff }: { alarm: AlarmView; isOff: boolean }) {
  const words = goesOn(alarm);
  const left = leftMs(alarm);
  const { sent_before: sent } = alarm.data;
  const unit = sentBefore(alarm);
  const asked = unit !== null && sent !== undefined ? t.again.isThere(unit, deviceClock(sent.at), plain(sent.by ?? sent.issuer, 64)) : left !== null ? t.again.unless(age(left), !alarm.data.silent) : "";
  const why = hasRungAgain(alarm) ? t.again.why(hadWho(alarm)) : "";
  if (asked === "" && why === "") return null;
  return (
    <div class={isSoon(alarm) ? "again is-soon" : "again"}>
      <p>{why} {asked}</p>
      {words !== null && (
        <button type="button" class="do" aria-disabled={isOff} aria-keyshortcuts="o" onClick={() => !isOff && goOn(alarm)}>
          {words} <kbd>o</kbd>
        </button>
      )}
    </div>
  );
}

/** In a row: the countdown of an alarm that is mine, or who was sent before. The text follows the clock: nothing is rendered. */
export function AgainInRow({ id }: { id: string }) {
  const text = useComputed(() => {
    const alarm = alarms.get(id)?.value;
    if (alarm === undefined) return "";
    const { sent_before: sent } = alarm.data;
    const unit = sentBefore(alarm);
    if (unit !== null && sent !== undefined) return `${t.again.isThere(unit, deviceClock(sent.at), plain(sent.by ?? sent.issuer, 64))} · `;
    if (hasRungAgain(alarm)) {
      const had = hadWho(alarm);
      return `${t.alarms.reraised(alarm.data.reraised)}${had === null ? "" : `, ${t.again.had(had)}`} · `;
    }
    const left = isMine(alarm) ? leftMs(alarm) : null;
    return left === null ? "" : `${left <= SOON_MS ? t.again.soon(age(left)) : t.again.rings(age(left))} · `;
  });
  const look = useComputed(() => {
    const alarm = alarms.get(id)?.value;
    return alarm !== undefined && isMine(alarm) && isSoon(alarm) ? "row-again is-soon" : "row-again";
  });
  return <span class={look}>{text}</span>;
}
