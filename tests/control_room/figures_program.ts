// The figures of a shift and its clock, without a page. Run by test_room.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Case, percent, perTenMinutes, since, takenWithin } from "../../deploy/control-room/src/page/figures";

const pressed = (pressedMs: number, takenMs: number | null = null): Case => ({
  source: "/edge/gp/site/kiosk", place: "", pressedMs, takenMs, dispatchedMs: null, isTaken: takenMs !== null, isOpen: true, reason: null,
});

test("two of three are 67 %, and no share is rounded up to a goal that it has missed", () => {
  const shares: [number, number, number][] = [[2, 3, 67], [1, 3, 33], [0, 7, 0], [3, 3, 100], [299, 300, 99], [179, 200, 89], [9, 10, 90]];
  for (const [within, of, shown] of shares) assert.equal(percent({ within, of }, 0.9), shown, `${within} of ${of}`);
});

test("the last ten minutes are of the page, and the shares of the shift", () => {
  const cases = [pressed(0, 5000), pressed(200_000, 30_000), pressed(400_000, 5000)];
  assert.deepEqual(perTenMinutes(cases, 2, 500_000), [0, 3]);
  assert.deepEqual(takenWithin(since(cases, 300_000), 10, 500_000), { within: 1, of: 1 });
});

test("a moment has one wall clock, until somebody sets that of the PC", async (context) => {
  context.mock.method(globalThis, "setInterval", () => 0); // or this program would not end
  const { now, setClock, wall } = await import("../../deploy/control-room/src/page/time");
  const moment = now();
  let [ranMs, setMs] = [performance.now(), 0];
  const startedMs = Date.now() - ranMs;
  context.mock.method(performance, "now", () => ranMs);
  context.mock.method(Date, "now", () => Math.floor(startedMs + ranMs + setMs));
  const first = wall(moment);
  for (let step = 0; step < 2000; step += 1) {
    ranMs += 0.7;
    if (step % 100 === 0) setClock(now() - 20); // what the worker says is a little old when it is read
    assert.equal(wall(moment), first);
  }
  setMs = 3_600_000;
  assert.ok(Math.abs(wall(moment) - first - setMs) < 1000);
});
