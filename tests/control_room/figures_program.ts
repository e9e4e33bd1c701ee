// The figures of a shift, without a page. Run by test_room.py.
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
