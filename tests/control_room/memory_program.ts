// What the worker remembers, and for how long: what `edge-centre conform centre` can't see of it. Run by test_room.py.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { hashed, Numbers, REMEMBERED } from "../../deploy/control-room/src/centre/order";
import { Rig } from "./room_rig";

const used = (): number => (globalThis.gc?.(), process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers);

test("what is known is the same as in a list of the texts themselves, in whatever order they come", () => {
  const numbers = new Numbers();
  let known: string[] = [];
  for (let number = 0; number < 10_000; number++) {
    const id = `id-${Math.floor(Math.random() * 3000)}`;
    assert.equal(numbers.isNew(id), !known.includes(id));
    known = [...known.filter((each) => each !== id), id].slice(-REMEMBERED);
  }
});

test("no two of 300,000 identifiers are taken for one another, be they random or counted", () => {
  const many = 300_000;
  for (const make of [() => randomUUID(), (number: number) => `id-${number}`, (number: number) => `01a21900-ec59-7166-aa19-${String(number).padStart(12, "0")}`]) {
    assert.equal(new Set(Array.from({ length: many }, (_, number) => hashed(make(number)))).size, many);
  }
});

test("an identifier takes 8 bytes, and not the hundred of its text", () => {
  const before = used();
  const devices = Array.from({ length: 100 }, () => new Numbers());
  for (const device of devices) for (let number = 0; number < REMEMBERED; number++) device.isNew(randomUUID());
  const each = (used() - before) / devices.length / REMEMBERED;
  assert.ok(devices.length > 0 && each < 16, `${each} bytes`);
});

test("a closed alarm is not opened again by what was said before, nor told again, when its row is long gone", async () => {
  const rig = await new Rig().open();
  const at = { raised_at: new Date(rig.wallMs).toISOString() };
  const [raised, closed] = [rig.alarm(at), rig.alarm({ ...at, stage: "closed" })];
  rig.hear("alarm/police", closed);
  for (let number = 0; number < 1500; number++) {
    const other = { base: `edge/v1/gp/site/kiosk-${number % 10}/up` };
    rig.hear("alarm/police", rig.alarm({ alarm_id: `b${number}`, stage: "closed" }, { source: `/edge/gp/site/kiosk-${number % 10}` }), other);
    rig.pass(50);
  }
  rig.tells.length = 0;
  rig.hear("alarm/police", raised);
  rig.hear("alarm/police", closed, { broker: 1 });
  rig.hear("alarm/police", rig.alarm({ ...at, stage: "closed", historical: true }));
  rig.pass(100);
  assert.deepEqual([...rig.alarms.keys()], []);
  rig.hear("alarm/police", rig.alarm({ press_count: 2 }));
  rig.pass(100);
  assert.deepEqual([...rig.alarms.values()].map(({ alarmId, isOpen, isRinging }) => [alarmId, isOpen, isRinging]), [["a1", true, true]]);
});

test("the rows of closed alarms are bounded over all devices, however many come before the page takes them", async () => {
  const rig = await new Rig().open();
  const close = (count: number): void => {
    for (let number = 0; number < count; number++) {
      const device = Math.floor(Math.random() * 500);
      const more = { source: `/edge/gp/site/kiosk-${device}` };
      rig.hear("alarm/police", rig.alarm({ alarm_id: randomUUID(), stage: "closed" }, more), { base: `edge/v1/gp/site/kiosk-${device}/up` });
    }
    rig.pass(100);
    rig.tells.length = 0;
  };
  close(5000);
  const before = used();
  close(10_000);
  const each = (used() - before) / 10_000;
  assert.ok(each < 500, `${each} bytes for each: what is remembered of it, and no more`);
});

test("20,000 messages in a flood are bounded in memory, and the alarm among them is told at once", async () => {
  const rig = await new Rig().open();
  let largest = 0;
  const flood = (from: number): void => {
    for (let number = from; number < from + 20_000; number++) {
      const record = { record: rig.seq + 1, recordtop: rig.seq + 1 };
      rig.hear("event/comet", rig.envelope("edge.event.comet.v1", { filler: "x".repeat(1000) }, record));
      if (number % 100 === 0) {
        rig.pass(50);
        largest = Math.max(largest, ...rig.tells.map((tell) => (tell.tell === "changed" ? tell.events.length : 0)));
        rig.tells.length = 0;
      }
    }
  };
  flood(0);
  const before = used();
  flood(20_000);
  assert.ok(used() - before < 8 * 1024 * 1024, `${used() - before} bytes more`);
  assert.ok(largest <= 1000);
  for (let number = 0; number < 5000; number++) rig.hear("event/comet", rig.envelope("edge.event.comet.v1", {}));
  rig.hear("alarm/police", rig.alarm());
  rig.pass(50);
  assert.equal(rig.alarms.get("a1")!.isRinging, true);
  assert.equal(rig.events.length, 1000, "of what the page has not taken yet the newest are kept");
});

test("50,000 alarms of one kiosk cost no more than themselves, hide no other button of it, and delay no other kiosk", async () => {
  const rig = await new Rig().open();
  const other = { base: "edge/v1/gp/site/kiosk-2/up" };
  let told = 0;
  const take = (): void => {
    told += rig.tells.reduce((sum, tell) => sum + (tell.tell === "changed" ? tell.alarms.length : 0), 0);
  };
  const flood = (from: number): void => {
    for (let number = from; number < from + 25_000; number++) {
      rig.hear("alarm/police", rig.alarm({ alarm_id: `f${number}` }));
      if (number % 50 !== 0) continue;
      rig.pass(50);
      take();
      rig.tells.length = 0;
    }
  };
  flood(0);
  const before = used();
  const began = process.cpuUsage();
  flood(25_000);
  const each = process.cpuUsage(began).user / 1000 / 25_000;
  assert.ok(used() - before < 4 * 1024 * 1024, `${used() - before} bytes more`);
  assert.ok(each < 0.4, `${each} ms for each`);
  assert.ok(told < 1.2 * 50_000, `${told} rows were told`);
  rig.hear("alarm/medical", rig.alarm({ alarm_id: "medical", input: "medical", kind: "medical" }));
  rig.hear("alarm/police", rig.alarm({ alarm_id: "real" }, { source: "/edge/gp/site/kiosk-2" }), other);
  rig.pass(50);
  for (const id of ["medical", "real"]) assert.equal(rig.alarms.get(id)?.isRinging, true, id);
  assert.equal(rig.room.consumer.devices.get("/edge/gp/site/kiosk")!.openAlarms.length, 500);
  assert.equal(rig.room.consumer.devices.get("/edge/gp/site/kiosk")!.openAlarms.at(-2)!.data.alarm_id, "f49999");
});
