// What a person can do about an alarm. Nothing is shown as done before its kiosk has said so.
import type { AlarmView } from "../protocol";
import { Again, goOn } from "./again";
import { Close, Dispatch, Settle, TakeOver } from "./forms";
import { acknowledge, forget, form, giveUp, isPending, orderOf, type Form, type Order } from "./orders";
import { whyElse } from "./lamps";
import { alarms, isMine, key, shift, whoAnswers } from "./state";
import { t } from "./strings";
import { now, second } from "./time";
import { holder, plain } from "./words";

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
  const open = form.value?.alarmId === alarm.alarmId && form.value.form !== "clip" ? form.value.form : null;
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
      {/* A form needs the room, and its button must be on the screen. */}
      {open === null && <Radio alarm={alarm} />}
      {open === null && <Again alarm={alarm} isOff={isOff} />}
      <OrderState order={order} alarm={alarm} isAway={open !== null && !isPending(order)} />
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

/** As long as somebody is on the way, whatever was said since: the kiosk knows, and nobody has told the car. */
function Radio({ alarm: { data } }: { alarm: AlarmView }) {
  if (data.stage !== "dispatched" || data.status !== "actual") return null;
  return <p class="radio">{t.act.radio(plain(data.answered_by?.dispatched?.unit, 64) || t.act.theUnit)}</p>;
}

/** `alarm`: null if the order is not about one. `isAway`: a form is open, and needs the space. */
export function OrderState({ order, alarm, isAway = false }: { order: Order | null; alarm: AlarmView | null; isAway?: boolean }) {
  return (
    <div class={isAway ? "order is-away" : "order"} role="status">
      {order !== null && !isAway && <OrderText order={order} alarm={alarm} />}
    </div>
  );
}

function OrderText({ order, alarm }: { order: Order; alarm: AlarmView | null }) {
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
  if (isGood && known === undefined) return <Said isGood={alarm === null ? null : true} order={order} words={doneWords(order, alarm, result.text)} />;
  const words = known ?? `${isGood ? t.act.saidOk : t.act.refused} ${plain(result.text)} (${plain(result.code, 40)})`;
  const who = result.code === "already-registered" && alarm !== null ? holder(alarm) : null;
  return <Said isGood={isGood && result.code === "not-durable"} order={order} words={who === null ? words : `${words} ${t.alarms.has(who)}.`} />;
}

// What the kiosk knows its lamps need not show: another alarm of it may be worse off, and a silent one shows nothing.
function doneWords({ action, goesOn }: Order, alarm: AlarmView | null, text: string): string {
  if (action === "service-page" || alarm === null) return `${t.act.saidOk} ${plain(text, 600)}`;
  if (goesOn) return t.again.done;
  const { data, lamps } = alarm;
  if (action !== "dispatched" || data.stage !== "dispatched") return t.act.done[action];
  const knows = t.act.sent(plain(data.answered_by?.dispatched?.unit, 64) || t.alarms.someone);
  if (data.silent) return `${knows} ${t.alarms.silentAlarm}.`;
  const why = whyElse(alarm);
  if (why !== null) return `${knows} ${t.act.sentElse(why)}`;
  return lamps.green === "slow-pulse" ? `${knows} ${t.act.sentLamps}` : knows;
}

/** `isGood`: null if only the words say it. */
function Said({ isGood, order, words }: { isGood: boolean | null; order: Order; words: string }) {
  return (
    <p class={isGood === null ? "said" : isGood ? "said good" : "said bad"}>
      {isGood !== null && <span aria-hidden="true">{isGood ? "✓" : "✗"} </span>}{words}{" "}
      <button type="button" class="link" onClick={() => forget(order.alarmId)}>{t.dismiss}</button>
    </p>
  );
}

function Waiting({ sinceMs }: { sinceMs: number }) {
  second.value;
  return <span>{t.act.asking(t.seconds(Math.floor((now() - sinceMs) / 1000).toString()))}</span>;
}
