// What a program answers by itself: alarms of self-tests, and alarms whose close was lost in a power cut.
import type { Alarm, Notice } from "./notices";
import { isSelfTest } from "./notices";
import type { Ending } from "./orders";

/** Sends an ack until its result comes. */
export type Ack = (alarm: Alarm, args: Record<string, unknown>, onEnd?: (ending: Ending) => void) => void;

/** Answer a self-test's alarm that was just raised, and close again what nobody has pressed since its close: neither a test
 * that a person makes with a button, nor a real alarm. */
export function answer(notice: Notice, ack: Ack): void {
  if (notice.kind === "alarm-changed") {
    const { alarm, before } = notice;
    if (before !== null || alarm.data.stage !== "raised" || !isSelfTest(alarm) || alarm.data.status !== "test") return;
    const close = (ending: Ending): void => {
      if (typeof ending === "object") ack(alarm, { action: "closed", press_count: alarm.data.press_count });
    };
    ack(alarm, { action: "registered" }, close);
  } else if (notice.kind === "alarm-reopened" && notice.alarm.data.press_count <= notice.pressesAtClose) {
    ack(notice.alarm, { action: "closed", press_count: notice.pressesAtClose });
  }
}
