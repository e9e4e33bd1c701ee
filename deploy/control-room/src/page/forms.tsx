// What a person fills in before they ask a kiosk: who is sent, why an alarm is closed, whether they are sure.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { AlarmView } from "../protocol";
import { ask } from "./ask";
import { focusDetail } from "./focus";
import { acknowledge, forget, form } from "./orders";
import { openAlarms, settings, whoAnswers } from "./state";
import { t } from "./strings";
import { deviceClock, holder, nameOf, plain } from "./words";

export function leave(): void {
  form.value = null;
  focusDetail();
}

export function Leave() {
  return <button type="button" onClick={leave}>{t.cancel} <kbd>Esc</kbd></button>;
}

/** Moves the focus to the first field of a form that has just opened, or to its question: never to a button, which a habitual Enter
 * would press. */
export function useFirstFocus() {
  const element = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => element.current?.querySelector<HTMLElement>("input, [tabindex]")?.focus(), []);
  return element;
}

export function TakeOver({ alarm }: { alarm: AlarmView }) {
  const element = useFirstFocus();
  const held = alarm.data.held_by;
  if (held === undefined) return null;
  const take = (event: Event) => {
    event.preventDefault();
    forget(alarm.alarmId);
    acknowledge(alarm, "take-over", whoAnswers());
    leave();
  };
  return (
    <form ref={element} class="form" onSubmit={take}>
      <p tabIndex={-1}>{t.act.takeOverAsk(holder(alarm) ?? "", deviceClock(held.at))}</p>
      <div class="buttons">
        <button type="submit" class="do">{t.act.takeOverYes}</button>
        <Leave />
      </div>
    </form>
  );
}

export function Dispatch({ alarm }: { alarm: AlarmView }) {
  const element = useFirstFocus();
  const chosen = useSignal("");
  const other = useSignal("");
  const unit = other.value.trim() || chosen.value;
  const isOut = outWords(unit, alarm);
  const send = (event: Event) => {
    event.preventDefault();
    if (unit === "") return;
    acknowledge(alarm, "dispatched", { ...whoAnswers(), unit });
    leave();
  };
  return (
    <form ref={element} class="form" onSubmit={send}>
      {alarm.data.status === "actual" && <p class="radio">{t.act.radioFirst}</p>}
      <fieldset>
        <legend>{t.act.unit}</legend>
        <div class="choices units">
          {(settings.value?.units ?? []).map((name) => (
            <label key={name} class="choice">
              <input type="radio" name="unit" checked={unit === name && other.value === ""} onChange={() => ((chosen.value = name), (other.value = ""))} />
              <span>
                {plain(name, 64)} <span class="small">{outWords(name, alarm)}</span>
              </span>
            </label>
          ))}
        </div>
        <label>
          {t.act.unitOther}
          <input type="text" maxLength={64} value={other.value} onInput={(event) => (other.value = event.currentTarget.value)} />
        </label>
      </fieldset>
      <div class="buttons">
        <button type="submit" class="do act-now" aria-disabled={unit === ""}>
          {unit === "" ? t.act.sendNobody : t.act.send(plain(unit, 64))} {isOut !== "" && <span class="small">{t.act.sendOut(isOut)}</span>}
        </button>
        <Leave />
      </div>
    </form>
  );
}

/** Where a unit is, if it was sent to an alarm that is open; else empty. */
function outWords(unit: string, alarm: AlarmView): string {
  const where = openAlarms.value.find(({ data }) => (data.answered_by?.dispatched ?? data.sent_before)?.unit === unit);
  if (where === undefined) return "";
  return where.alarmId === alarm.alarmId ? t.act.outHere : t.act.out(nameOf(where));
}

const REASONS = ["helped", "false-alarm", "test", "duplicate", "other"] as const;
const OF_A_DRILL = ["test", "helped", "false-alarm", "duplicate", "other"] as const;

export function Close({ alarm }: { alarm: AlarmView }) {
  const element = useFirstFocus();
  const reason = useSignal<(typeof REASONS)[number] | null>(null);
  const note = useSignal("");
  // What the person has seen, and not what has come in while they typed: nobody who presses at this moment is overlooked.
  const seen = useSignal(alarm.data.press_count);
  const hasMore = alarm.data.press_count > seen.value;
  const close = (event: Event) => {
    event.preventDefault();
    if (hasMore || reason.value === null) return;
    acknowledge(alarm, "closed", { ...whoAnswers(), press_count: seen.value, reason: reason.value, ...(note.value.trim() === "" ? {} : { note: note.value.trim() }) });
    leave();
  };
  return (
    <form ref={element} class="form" onSubmit={close}>
      <fieldset>
        <legend>{t.act.reason}</legend>
        <div class="choices">
          {(alarm.data.status === "actual" ? REASONS : OF_A_DRILL).map((name) => (
            <label key={name} class="choice">
              <input type="radio" name="reason" checked={reason.value === name} onChange={() => (reason.value = name)} />
              {t.act.reasons[name]}
            </label>
          ))}
        </div>
        <label>
          {t.act.note}
          <input type="text" maxLength={200} value={note.value} onInput={(event) => (note.value = event.currentTarget.value)} />
        </label>
      </fieldset>
      {hasMore ? (
        <p class="said bad" role="alert">
          {t.act.pressedWhile(alarm.data.press_count)} <button type="button" onClick={() => (seen.value = alarm.data.press_count)}>{t.act.seen}</button>
        </p>
      ) : (
        <p class="small">{t.act.closeSeen(seen.value)}</p>
      )}
      <div class="buttons">
        <button type="submit" class="do" aria-disabled={hasMore || reason.value === null}>{reason.value === null ? t.act.noReason : t.act.close}</button>
        <Leave />
      </div>
    </form>
  );
}

export function Settle({ alarm }: { alarm: AlarmView }) {
  const element = useFirstFocus();
  const settle = (event: Event) => {
    event.preventDefault();
    ask({ ask: "settle", source: alarm.source, alarmId: alarm.alarmId });
    leave();
  };
  return (
    <form ref={element} class="form" onSubmit={settle}>
      <p tabIndex={-1}>{t.alarms.settleWhy} {t.alarms.settleSure}</p>
      <div class="buttons">
        <button type="submit" class="do">{t.alarms.settleYes}</button>
        <Leave />
      </div>
    </form>
  );
}
