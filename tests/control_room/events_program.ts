// Which events the page keeps, and how it counts them, without a page. Run by test_room.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventView } from "../../deploy/control-room/src/protocol";

Object.assign(globalThis, { setInterval: () => 0 }); // the page's clock would keep Node running
const { Groups, HOURS, MOST_OF_EACH } = await import("../../deploy/control-room/src/page/groups");
const { now } = await import("../../deploy/control-room/src/page/time");

let count = 0;
const event = (type: string, device: string, data: Record<string, unknown> = {}, more: Partial<EventView> = {}): EventView => ({
  id: `e${count++}`, source: `/edge/gp/rank/${device}`, type, heardMs: now(), timeMs: now(), historical: false, data, ...more,
});
const passing = (device: string) => event("edge.event.person-entered.v2", device);
const refused = (device: string, text: string) => event("edge.security.command-rejected.v1", device, { text });
const tamper = (device: string, more: Record<string, unknown> = {}) => event("edge.event.camera-tamper.v1", device, { event_id: "covered", active: true, ...more });
const held = () => new Groups(({ newest }) => newest.source);

test("whoever passes by pushes out no tamper, and nobody's security events those of another device", () => {
  const groups = held();
  groups.add(tamper("quiet"));
  groups.add(tamper("noisy"));
  for (let n = 0; n < 2 * MOST_OF_EACH; n++) groups.add(passing(`kiosk-${n % 300}`)), groups.add(refused("noisy", `try ${n}`));
  assert.deepEqual([groups.size("security"), groups.size("passing")], [MOST_OF_EACH, MOST_OF_EACH]);
  for (const device of ["quiet", "noisy"]) assert.equal(groups.get(`/edge/gp/rank/${device} covered`)?.value.first.type, "edge.event.camera-tamper.v1");
});

test("where every device has as many, the oldest goes, but never the one that somebody reads", () => {
  const groups = held();
  const [read, next] = [refused("first", ""), refused("second", "")];
  groups.add(read), groups.add(next);
  groups.opened.value = read.id;
  for (let n = 0; n < MOST_OF_EACH; n++) groups.add(refused(`kiosk-${n}`, ""));
  assert.deepEqual([groups.get(read.id) === undefined, groups.get(next.id)], [false, undefined]);
});

test("a device that says the same again has one row, until it has been quiet for a while", () => {
  const groups = held();
  for (const heardMs of [0, 60_000, 120_000, 900_000]) groups.add({ ...refused("kiosk", "unknown key"), heardMs });
  groups.add(refused("kiosk", "expired"));
  assert.deepEqual(groups.all().map((group) => group.count), [3, 1, 1]);
});

test("an event of a type that is newer than this page is a kiosk's", () => {
  const groups = held();
  groups.add(event("edge.event.drone-landed.v7", "kiosk"));
  groups.add(event("", "kiosk"));
  assert.equal(groups.size("kiosks"), 2);
});

test("what was sent later counts in its own hour, and what has no hour, or is of long ago, in none", () => {
  const groups = held();
  const hours = (ago: number) => now() - ago * 3_600_000;
  groups.add(passing("kiosk"));
  groups.add({ ...passing("kiosk"), historical: true, timeMs: hours(2) });
  groups.add({ ...passing("kiosk"), historical: true, timeMs: null });
  groups.add({ ...passing("kiosk"), historical: true, timeMs: hours(30) });
  const [row] = groups.counts("passing");
  assert.deepEqual([row?.site, row?.sum, row?.hours.at(-1), row?.hours.at(-3), row?.hours.length], ["gp/rank", 2, 1, 1, HOURS]);
  assert.deepEqual(groups.counts("security"), []);
});
