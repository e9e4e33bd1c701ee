// The keyboard alone plays everything.
import { signal } from "@preact/signals";
import { act } from "./actions";
import { openAlarm } from "./alarms";
import { deviceOrder } from "./devices";
import { focusDetail } from "./focus";
import { focusRow, moveFocus, sortKeepingFocus } from "./list";
import { form } from "./orders";
import { alarmOrder, events, openAlarms, openedAlarm, openedDevice, untaken, view, views } from "./state";

export const isHelpOpen = signal(false);

/** Show the first unassigned alarm, the second... */
export function jump(index: number): void {
  const alarm = untaken.peek()[index];
  if (alarm === undefined) return;
  view.value = "alarms";
  openAlarm(alarm.alarmId);
}

const ACTS = { r: "registered", t: "take-over", d: "dispatched", c: "closed", o: "goes-on" } as const;

export function listen(): void {
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.isComposing) return;
    if (event.altKey ? jumped(event.code) : event.key === "Escape" ? left() : !isTyping(event.target) && did(event.key, event.target)) event.preventDefault();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable], .map") !== null;
}

function jumped(code: string): boolean {
  const digit = /^(?:Digit|Numpad)([1-3])$/.exec(code)?.[1];
  if (digit !== undefined) jump(Number(digit) - 1);
  return digit !== undefined;
}

function did(pressed: string, target: EventTarget | null): boolean {
  const number = views.peek()[Number(pressed) - 1];
  if (number !== undefined) {
    view.value = number;
    return true;
  }
  switch (pressed) {
    case "/": {
      const search = document.querySelector<HTMLElement>(".find input");
      search?.focus();
      return search !== null;
    }
    case "?":
      isHelpOpen.value = !isHelpOpen.peek();
      return true;
    case "j":
    case "ArrowDown":
    case "k":
    case "ArrowUp":
      return moved(pressed, target);
    case "s":
      sortKeepingFocus(view.peek() === "devices" ? deviceOrder : view.peek() === "events" ? events.order : alarmOrder);
      return true;
    case "Enter": {
      const one = onlyAlarm();
      if (one === undefined || openedAlarm.peek() !== null || !isNowhere(target)) return false;
      openAlarm(one);
      return true;
    }
    case "r":
    case "t":
    case "d":
    case "c":
    case "o": {
      if (view.peek() !== "alarms") return false;
      const row = target instanceof HTMLElement ? target.closest<HTMLElement>(".alarm-row")?.dataset["id"] : undefined;
      const id = row ?? openedAlarm.peek() ?? onlyAlarm();
      if (id === undefined) return false;
      if (row !== undefined) openedAlarm.value = row;
      else if (openedAlarm.peek() === null) openAlarm(id);
      act(id, ACTS[pressed]);
      return true;
    }
    default:
      return false;
  }
}

/** Whether Enter has no other meaning there: on the page itself, or on the button of the current view. */
function isNowhere(target: EventTarget | null): boolean {
  return target === document.body || (target instanceof HTMLElement && target.closest("nav [aria-current=page]") !== null);
}

/** The alarm that is meant if none is chosen: the only open one. */
function onlyAlarm(): string | undefined {
  const [one, other] = openAlarms.peek();
  return view.peek() === "alarms" && other === undefined ? one?.alarmId : undefined;
}

// The arrows scroll what is read; in a list they move.
function moved(pressed: string, target: EventTarget | null): boolean {
  const isLetter = pressed === "j" || pressed === "k";
  if (!isLetter && !(target instanceof HTMLElement && target.closest(".rows") !== null) && target !== document.body) return false;
  moveFocus(pressed === "j" || pressed === "ArrowDown" ? 1 : -1);
  return true;
}

function left(): boolean {
  if (isHelpOpen.peek()) {
    isHelpOpen.value = false;
    return true;
  }
  if (form.peek() !== null) {
    form.value = null;
    focusDetail();
    return true;
  }
  const opened = view.peek() === "devices" ? openedDevice : view.peek() === "events" ? events.opened : openedAlarm;
  const id = opened.peek();
  if (id === null) return false;
  opened.value = null;
  requestAnimationFrame(() => focusRow(id));
  return true;
}
