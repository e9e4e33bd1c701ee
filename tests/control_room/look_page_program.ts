// What the page keeps of a look, without a browser. Run by test_room.py.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { LookView } from "../../deploy/control-room/src/protocol";

const SOURCE = "/edge/gp/site/kiosk";
const asks: { ask: string }[] = [];
const held = new Set<string>();
let made = 0;
Object.assign(globalThis, { addEventListener: () => {} });
URL.createObjectURL = () => {
  held.add(`blob:${++made}`);
  return `blob:${made}`;
};
URL.revokeObjectURL = (address) => void held.delete(address);

const { askOf } = await import("../../deploy/control-room/src/page/ask");
const { hearLook, look, lookAway, lookPicture, lookThrough } = await import("../../deploy/control-room/src/page/look");
askOf({ postMessage: (what: { ask: string }) => void asks.push(what) } as unknown as Worker);

const view = (more: Partial<LookView> = {}): LookView => ({
  source: SOURCE, camera: "front", state: "looking", why: "", detail: "", endsMs: null, others: [], pictureMs: null, ...more,
});
const names = (): string[] => asks.map(({ ask }) => ask);

beforeEach(() => {
  lookAway();
  asks.length = 0;
  lookThrough(SOURCE, "front", "Thandi", "who is it?");
});

test("who turns away before the worker has said a word ends the look, and what comes later brings it back no more", () => {
  assert.equal(look.peek()?.state, "asking");
  lookAway();
  assert.deepEqual(names(), ["look", "look-away"]);
  hearLook(view({ state: "asking" }), null);
  hearLook(view(), new Blob());
  assert.deepEqual([look.peek(), lookPicture.peek(), held.size], [null, "", 0]);
});

test("what was on its way of another camera is not shown as this one", () => {
  lookThrough(SOURCE, "back", "Thandi", "who is it?");
  hearLook(view(), new Blob());
  assert.deepEqual([look.peek()?.camera, look.peek()?.state, held.size], ["back", "asking", 0]);
});

test("no picture stays in the page when the kiosk ends a look, nor when the person does", () => {
  for (const end of [() => hearLook(view({ state: "ended", why: "over" }), null), lookAway]) {
    lookThrough(SOURCE, "front", "Thandi", "who is it?");
    for (let count = 0; count < 3; count++) hearLook(view(), new Blob());
    assert.deepEqual([held.has(lookPicture.peek()), held.size], [true, 2]);
    end();
    assert.deepEqual([lookPicture.peek(), held.size], ["", 0]);
  }
});
