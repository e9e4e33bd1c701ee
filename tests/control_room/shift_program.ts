// The shift of long_shift.py for the worker alone, in as little time as it takes it. Call: node --expose-gc BUNDLE DEVICES HOURS.
// After each hour it writes a line of JSON: what was said so far, and how many bytes the worker's objects need.
import { randomUUID } from "node:crypto";
import { type Json, Rig } from "./room_rig";

const [devices, hours] = process.argv.slice(2).map(Number) as [number, number];
const [FLOOD, EVENTS, PICTURES] = [300, 20, 2]; // as in long_shift.py
const [ALL_EVENTS, ALL_PICTURES] = [2000, 200];
const STEP_MS = 2000; // the pause between two echoes
const PARTS = Object.fromEntries(["camera front", "inputs", "outputs", "broker", "disk", "clock"].map((name) => [name, { state: "ok" }]));
const jpeg = new Uint8Array(20_000);
jpeg.set([0xff, 0xd8, 0xff]);

const rig = await new Rig().begin();
let [messages, alarms] = [0, 0];
const any = (): number => Math.floor(Math.random() * devices);
const of = (device: number): Json => ({ source: `/edge/gp/site/kiosk-${device}`, id: randomUUID(), monoms: rig.nowMs });

function say(device: number, level: string, payload: string | Uint8Array, brokers = [0]): void {
  for (const broker of brokers) rig.hear(level, payload, { broker, base: `edge/v1/gp/site/kiosk-${device}/up` });
  messages++;
}

/** Let time pass; what the page and the brokers were told stays with them. */
function pass(): void {
  rig.nowMs += STEP_MS;
  rig.wallMs += STEP_MS;
  rig.room.tick();
  rig.tells.length = 0;
  for (const broker of rig.brokers) broker.said.length = 0;
}

function bytes(): number {
  globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** An alarm is raised, somebody takes it, it is closed; both brokers bring each word. */
function raise(count: number): void {
  const pressed = Array.from({ length: count }, () => ({ device: any(), alarm: { alarm_id: randomUUID(), raised_at: new Date(rig.wallMs).toISOString() } }));
  const holder = { issuer: "control-room", by: "Sipho", at: new Date(rig.wallMs).toISOString() };
  const taken = { stage: "registered", held_by: holder, latency_ms: { registered: 4000 } };
  for (const more of [{}, taken, { ...taken, stage: "closed" }]) {
    for (const { device, alarm } of pressed) say(device, "alarm/police", rig.alarm({ ...alarm, ...more }, of(device)), [0, 1]);
    pass();
  }
  alarms += count;
}

/** A camera sees people leave, and tells of so many of them. */
function look(device: number, events: number, pictures: number): void {
  for (let number = 0; number < events; number++) {
    const left = { event_id: randomUUID(), camera: "front", frame_monoms: 1, persons: 0, duration_ms: 9000, track: "1" };
    say(device, "event/person-left", rig.envelope("edge.event.person-left.v1", left, of(device)));
  }
  for (let number = 0; number < pictures; number++) say(device, `snapshot/${randomUUID()}`, jpeg);
}

for (let device = 0; device < devices; device++) say(device, "state", rig.state(of(device)));
look(0, ALL_EVENTS, ALL_PICTURES);
for (let minute = 1; minute <= 60 * hours; minute++) {
  const endMs = rig.nowMs + 60_000;
  raise(minute % 15 === 7 ? FLOOD : 2);
  look(any(), EVENTS, PICTURES);
  const steps = Math.ceil((endMs - rig.nowMs) / STEP_MS);
  for (let device = 0; device < devices; device++) {
    say(device, "health", rig.health({ parts: PARTS }, of(device)));
    if (device % Math.ceil(devices / steps) === 0) pass();
  }
  while (rig.nowMs < endMs) pass();
  if (minute % 60 > 0) continue;
  const rows = rig.room.consumer.devices;
  const open = [...rows.values()].reduce((sum, device) => sum + device.openAlarms.length, 0);
  const online = [...rows.values()].filter((device) => device.presence === "online").length;
  console.log(JSON.stringify({ hours: minute / 60, messages, alarms, open, online, bytes: bytes() }));
}
rig.room.close();
