// What a person can do about an alarm. Nothing is shown as done before its kiosk has said so.
import { signal, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { AlarmView } from "../protocol";
import { Again, goOn } from "./again";
import { ask } from "./ask";
import { acknowledge, forget, giveUp, isPending, orderOf, type Order } from "./orders";
import { alarms, isMine, key, settings, shift, whoAnswers } from "./state";
import { t } from "./strings";
import { now, second } from "./time";
import { deviceClock, holder, plain } from "./words";

type Form = "dispatched" | "closed" | "take-over" | "settle";
/** The form that is open, and of which alarm. */
export const form = signal<{ alarmId: string; form: Form } | null>(null);

/** Why no alarm can be answered now; null if they can. */
function obstacle(): string | null {
  if (shift.value === null) return t.act.needShift;
  return key.value === null ? t.act.needKey : null;
}

/** What a key of the keyboard does to an alarm. */
export function act(alarmId: string, what: "registered" | "goes-on" | Form): void {
  const alarm = alarms.get(alarmId)?.peek();
  if (alarm === undefined || !alarm.isOpen || obstacle() !== null || isPending(orderOf(alarmId).peek())) return;
  if (what === "goes-on") {
    goOn(alarm);
  } else if (what === "registered" && alarm.data.held_by === undefined) {
    acknowledge(alarm, "registered", whoAnswers());
  } else if (what === "registered" || what === "take-over") {
    if (alarm.data.held_by !== undefined && !isMine(alarm)) form.value = { alarmId, form: "take-over" };
  } else {
    form.value = { alarmId, form: what };
  }
}

export function Actions({ alarm }: { alarm: AlarmView }) {
  const order = orderOf(alarm.alarmId).value;
  const why = obstacle();
  const isOff = why !== null || isPending(order);
  const open = form.value?.alarmId === alarm.alarmId ? form.value.form : null;
  const isHeld = alarm.data.held_by !== undefined;
  if (!alarm.isOpen) return <OrderState order={order} alarm={alarm} />;
  return (
    <section class="actions" aria-label={t.detail.ask}>
      <div class="buttons">
        {isMine(alarm) ? (
          // In the place of the button, so that the others stay where they are.
          <p class="do yours"><span aria-hidden="true">✓</span> {t.act.yours}</p>
        ) : (
          <Do what={isHeld ? "take-over" : "registered"} letter={isHeld ? "t" : "r"} word={isHeld ? t.act.takeOver : t.act.registered} alarm={alarm} isOff={isOff} isFirst={!isHeld} isOpen={open === "take-over"} />
        )}
        <Do what="dispatched" letter="d" word={alarm.data.stage === "dispatched" || alarm.data.sent_before !== undefined ? t.act.dispatchedToo : t.act.dispatched} alarm={alarm} isOff={isOff} isFirst={isHeld && alarm.data.stage !== "dispatched"} isOpen={open === "dispatched"} />
        <Do what="closed" letter="c" word={t.act.closed} alarm={alarm} isOff={isOff} isFirst={false} isOpen={open === "closed"} />
      </div>
      {why !== null && <p class="obstacle">{why}</p>}
      <Again alarm={alarm} isOff={isOff} />
      <OrderState order={order} alarm={alarm} />
      {open === "take-over" && <TakeOver alarm={alarm} />}
      {open === "dispatched" && <Dispatch alarm={alarm} />}
      {open === "closed" && <Close alarm={alarm} />}
      {alarm.lost !== null && (open === "settle" ? <Settle alarm={alarm} /> : <button type="button" onClick={() => (form.value = { alarmId: alarm.alarmId, form: "settle" })}>{t.alarms.settle}</button>)}
    </section>
  );
}

interface DoProps {
  what: "registered" | Form;
  letter: string;
  word: string;
  alarm: AlarmView;
  isOff: boolean;
  /** The one that comes next for most people. */
  isFirst: boolean;
  isOpen: boolean;
}

// `aria-disabled` and not `disabled`: the focus must not fall off the page when somebody has just pressed it.
function Do({ what, letter, word, alarm, isOff, isFirst, isOpen }: DoProps) {
  return (
    <button type="button" class={isFirst ? "do act-now" : "do"} aria-disabled={isOff} aria-expanded={what === "registered" ? undefined : isOpen} aria-keyshortcuts={letter} onClick={() => !isOff && act(alarm.alarmId, what)}>
      {word} <kbd>{letter}</kbd>
    </button>
  );
}

function OrderState({ order, alarm }: { order: Order | null; alarm: AlarmView }) {
  return (
    <div class="order" role="status">
      {order !== null && <OrderText order={order} alarm={alarm} />}
    </div>
  );
}

function OrderText({ order, alarm }: { order: Order; alarm: AlarmView }) {
  const { answer } = order;
  if (isPending(order)) {
    return (
      <p class="asking">
        <Waiting sinceMs={order.askedMs} /> {answer !== null && answer.tries > 1 && <span>{t.act.tries(answer.tries)} </span>}
        <button type="button" onClick={() => giveUp(order)}>{t.act.giveUp}</button>
      </p>
    );
  }
  if (answer === null) return null;
  const { result, error } = answer;
  if (result === null) return <Said isGood={false} order={order} words={`${t.act.failed} ${error === null ? "" : t.act.errors[error]}`} />;
  const isGood = result.status === "succeeded";
  const known = Object.hasOwn(t.act.codes, result.code) ? t.act.codes[result.code] : undefined;
  if (isGood && known === undefined) return <Said isGood order={order} words={doneWords(order, alarm)} />;
  const who = holder(alarm);
  return (
    <>
      <Said isGood={isGood && result.code === "not-durable"} order={order} words={known ?? `${isGood ? t.act.saidOk : t.act.refused} ${plain(result.text)} (${plain(result.code, 40)})`} />
      {result.code === "already-registered" && who !== null && form.value === null && <TakeOver alarm={alarm} />}
    </>
  );
}

// The kiosk shows that help comes, but nobody has told the car.
function doneWords({ action, goesOn }: Order, { data, lamps }: AlarmView): string {
  if (goesOn) return t.again.done;
  const unit = plain(data.answered_by?.dispatched?.unit, 64);
  if (action !== "dispatched" || unit === "") return t.act.done[action];
  return `${lamps.green === "off" ? t.act.done.dispatched : t.act.sentLamps} ${t.act.sentCall(unit)}`;
}

function Said({ isGood, order, words }: { isGood: boolean; order: Order; words: string }) {
  return (
    <p class={isGood ? "said good" : "said bad"}>
      <span aria-hidden="true">{isGood ? "✓" : "✗"}</span> {words}{" "}
      <button type="button" class="link" onClick={() => forget(order.alarmId)}>{t.dismiss}</button>
    </p>
  );
}

function Waiting({ sinceMs }: { sinceMs: number }) {
  second.value;
  return <span>{t.act.asking(t.seconds(Math.floor((now() - sinceMs) / 1000).toString()))}</span>;
}

function leave(): void {
  form.value = null;
  requestAnimationFrame(() => document.querySelector<HTMLElement>(".detail h2")?.focus());
}

function Leave() {
  return <button type="button" onClick={leave}>{t.cancel} <kbd>Esc</kbd></button>;
}

/** Brings the focus to the first field or button of a form that has just opened. */
function useFirstFocus() {
  const element = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => element.current?.querySelector<HTMLElement>("input, button")?.focus(), []);
  return element;
}

function TakeOver({ alarm }: { alarm: AlarmView }) {
  const element = useFirstFocus();
  const held = alarm.data.held_by;
  if (held === undefined) return null;
  const take = (event: Event) => {
    event.preventDefault();
    form.value = null;
    forget(alarm.alarmId);
    acknowledge(alarm, "take-over", whoAnswers());
  };
  return (
    <form ref={element} class="form" onSubmit={take}>
      <p>{t.act.takeOverAsk(holder(alarm) ?? "", deviceClock(held.at))}</p>
      <div class="buttons">
        <button type="submit" class="do">{t.act.takeOverYes}</button>
        <button type="button" onClick={() => (forget(alarm.alarmId), leave())}>{t.cancel} <kbd>Esc</kbd></button>
      </div>
    </form>
  );
}

function Dispatch({ alarm }: { alarm: AlarmView }) {
  const element = useFirstFocus();
  const unit = useSignal("");
  const send = (event: Event) => {
    event.preventDefault();
    if (unit.value.trim() === "") return;
    acknowledge(alarm, "dispatched", { ...whoAnswers(), unit: unit.value.trim() });
    leave();
  };
  return (
    <form ref={element} class="form" onSubmit={send}>
      <fieldset>
        <legend>{t.act.unit}</legend>
        <div class="choices">
          {(settings.value?.units ?? []).map((name) => (
            <label key={name} class="choice">
              <input type="radio" name="unit" checked={unit.value === name} onChange={() => (unit.value = name)} />
              {plain(name, 64)}
            </label>
          ))}
        </div>
        <label>
          {t.act.unitOther}
          <input type="text" maxLength={64} value={unit.value} onInput={(event) => (unit.value = event.currentTarget.value)} />
        </label>
      </fieldset>
      <div class="buttons">
        <button type="submit" class="do act-now" aria-disabled={unit.value.trim() === ""}>{unit.value.trim() === "" ? t.act.sendNobody : t.act.send(unit.value.trim())}</button>
        <Leave />
      </div>
    </form>
  );
}

const REASONS = ["helped", "false-alarm", "test", "duplicate", "other"] as const;

function Close({ alarm }: { alarm: AlarmView }) {
  const element = useFirstFocus();
  const reason = useSignal<(typeof REASONS)[number]>(alarm.data.status === "actual" ? "helped" : "test");
  const note = useSignal("");
  // What the person has seen, and not what has come in while they typed: nobody who presses at this moment is overlooked.
  const seen = useSignal(alarm.data.press_count);
  const hasMore = alarm.data.press_count > seen.value;
  const close = (event: Event) => {
    event.preventDefault();
    if (hasMore) return;
    acknowledge(alarm, "closed", { ...whoAnswers(), press_count: seen.value, reason: reason.value, ...(note.value.trim() === "" ? {} : { note: note.value.trim() }) });
    leave();
  };
  return (
    <form ref={element} class="form" onSubmit={close}>
      <fieldset>
        <legend>{t.act.reason}</legend>
        <div class="choices">
          {REASONS.map((name) => (
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
        <button type="submit" class="do" aria-disabled={hasMore}>{t.act.close}</button>
        <Leave />
      </div>
    </form>
  );
}

function Settle({ alarm }: { alarm: AlarmView }) {
  const element = useFirstFocus();
  const settle = (event: Event) => {
    event.preventDefault();
    ask({ ask: "settle", source: alarm.source, alarmId: alarm.alarmId });
    leave();
  };
  return (
    <form ref={element} class="form" onSubmit={settle}>
      <p>{t.alarms.settleWhy} {t.alarms.settleSure}</p>
      <div class="buttons">
        <button type="submit" class="do">{t.alarms.settleYes}</button>
        <Leave />
      </div>
    </form>
  );
}
