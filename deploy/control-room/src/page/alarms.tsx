// The alarms: every open one, and the one that a person has opened.
import { useSignal } from "@preact/signals";
import { AgainInRow, sentBefore } from "./again";
import { AlarmDetail } from "./alarm";
import { focusDetail } from "./focus";
import { buttonsOf } from "./folds";
import { Panes } from "./panes";
import { RowList } from "./list";
import { Shape } from "./shapes";
import { button, DoNot, howClosed, kindAndTime, looksOf, Place, shapeOf, standing, Waited, what } from "./standing";
import { alarmOrder, alarms, closedAlarms, fold, foldOf, folds, greySinceMs, isChecking, isUntaken, isWatching, login, openAlarms, openedAlarm, shift, shownAlarms, unfolded } from "./state";
import { t } from "./strings";
import { wall } from "./time";
import { clock, deviceName, doNot, placeText, plain, span } from "./words";

export function Alarms() {
  const count = openAlarms.value.length;
  const inFolds = count - shownAlarms.value.length;
  const opened = openedAlarm.value;
  const none = login.value === null ? t.alarms.notConnected : greySinceMs.value !== null ? t.alarms.noneGrey : isChecking.value ? t.alarms.checking : t.alarms.none;
  return (
    <Panes
      title={count === 0 ? none : inFolds === 0 ? t.alarms.title(count) : t.alarms.titleFolded(count, inFolds)}
      list={<RowList order={alarmOrder} label={t.alarms.title(count)} opened={opened} row={rowOf} onOpen={openRow} after={<Closed />} />}
      detail={opened !== null && alarms.has(opened) ? <AlarmDetail key={opened} id={opened} /> : null}
      hint={count > 0 ? t.alarms.choose : none === t.alarms.none ? calm() : ""}
      onBack={() => (openedAlarm.value = null)}
    />
  );
}

/** That nobody waits, and whether somebody watches. */
function calm(): string {
  const running = shift.value;
  const watches = running !== null && isWatching.value ? t.alarms.watched(plain(running.by, 64), clock(wall(running.sinceMs), false)) : t.alarms.unwatched;
  return `${t.banner.calm} ${watches} ${t.alarms.waitFor}`;
}

/** Those that were closed last: they are found again, and nobody looks for one that is not there any more. */
function Closed() {
  const isOpen = useSignal(false);
  const closed = closedAlarms.value;
  if (closed.length === 0) return null;
  return (
    <details class="closed-fold" onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>{t.alarms.closedFold(closed.length)}</summary>
      {isOpen.value && (
        <ul aria-label={t.alarms.closedFold(closed.length)}>
          {closed.map((alarm) => (
            <li key={alarm.alarmId}>
              <button type="button" class="row alarm-row is-closed" aria-current={openedAlarm.value === alarm.alarmId} onClick={() => openAlarm(alarm.alarmId)}>
                <Shape name="closed" />
                <span class="row-main">
                  <span class="row-place"><Place alarm={alarm} /></span>
                  <span class="row-standing">{howClosed(alarm)}</span>
                  <span class="row-more">{what(alarm)}</span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}

function rowOf(id: string) {
  const source = foldOf(id);
  return source === null ? <Row id={id} /> : <FoldRow id={id} source={source} />;
}

function openRow(id: string): void {
  const source = foldOf(id);
  if (source === null) openAlarm(id);
  else fold(source);
}

const MOST_NAMED = 4;

/** A kiosk with more open alarms than any can have: how many more, from which buttons, since when. */
function FoldRow({ id, source }: { id: string; source: string }) {
  const its = folds.value.get(source);
  if (its === undefined) return <span class="row" />;
  const buttons = buttonsOf(its);
  const named = buttons.slice(0, MOST_NAMED).map(([input, count]) => `${button(input)}: ${count}`);
  const [first, last] = [its.alarms[0]!, its.alarms.at(-1)!].map(({ firstHeardMs }) => clock(wall(firstHeardMs)));
  return (
    <button type="button" class="row fold-row" data-id={id} tabIndex={-1} aria-expanded={unfolded.value.has(source)}>
      <span class="fold-mark" aria-hidden="true">{unfolded.value.has(source) ? "▾" : "▸"}</span>
      <span class="row-main">
        <span class="row-standing">{t.alarms.fold(its.alarms.length, deviceName(source))}</span>
        <span class="row-more">{t.alarms.foldHeard(first!, last!)} · {named.join(" · ")}{buttons.length > MOST_NAMED && ` · ${t.alarms.foldMore(buttons.length - MOST_NAMED)}`}</span>
        <span class="row-more">{t.alarms.foldWhy}</span>
      </span>
    </button>
  );
}

export function openAlarm(id: string): void {
  openedAlarm.value = id;
  focusDetail();
}

function Row({ id }: { id: string }) {
  const alarm = alarms.get(id)?.value;
  if (alarm === undefined) return <span class="row" />;
  const { data } = alarm;
  const shape = shapeOf(alarm);
  return (
    <button type="button" class={`row alarm-row ${looksOf(shape)}`} data-id={id} tabIndex={-1}>
      <Shape name={shape} />
      <span class="row-main">
        <DoNot alarm={alarm} />
        <span class="row-place"><Place alarm={alarm} /></span>
        <span class="row-standing">{standing(alarm)}</span>
        <span class="row-more">
          {button(data.input)} · <AgainInRow id={id} />
          {kindAndTime(alarm)}
          {data.press_count > 1 && ` · ${t.alarms.presses(data.press_count)}`}
          {(data.camera?.persons ?? 0) > 0 && ` · ${t.alarms.persons(data.camera?.persons ?? 0)}`}
          {alarm.lateMs !== null && alarm.lateMs > 10_000 && ` · ${t.alarms.late(span(alarm.lateMs))}`}
          {data.reraised > 0 && (!isUntaken(alarm) || sentBefore(alarm) !== null) && ` · ${t.alarms.reraised(data.reraised)}`}
          {data.silent && doNot(alarm) === null && ` · ${t.alarms.silentAlarm}`}
          {placeText(alarm) !== "" && ` · ${deviceName(alarm.source)}`}
        </span>
      </span>
      <span class="row-age">
        <Waited alarm={alarm} />
      </span>
    </button>
  );
}
