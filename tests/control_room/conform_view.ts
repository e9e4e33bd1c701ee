// The control room's worker without a page: it says on the result topic what the page is told, so that
// `edge-centre conform centre` can grade it. Call: node BUNDLE KEY.key.json BROKER...; it ends with its input.
import { readFileSync } from "node:fs";
import mqtt from "mqtt";
import type { AlarmView, LossView, Presence, Settings, Tell } from "../../deploy/control-room/src/protocol";
import { type Kept, Keys } from "../../deploy/control-room/src/worker/keys";
import { MqttLine } from "../../deploy/control-room/src/worker/line";
import { Room } from "../../deploy/control-room/src/worker/room";

const NAME = "control-room";
const ROOT = "edge/v1";
const [keyFile, ...urls] = process.argv.slice(2);
const way = mqtt.connect(urls[0]!, { protocolVersion: 5 });
const alarms = new Map<string, AlarmView>();
const presences = new Map<string, Presence>();
const [events, rejected, rung] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
let losses: LossView[] = [];
const said = new Map<string, string>();
const count = (of: Map<string, number>, name: string): unknown => of.set(name, (of.get(name) ?? 0) + 1);

const keys = new Keys({ load: () => Promise.resolve<Kept | null>(null), save: () => Promise.resolve() });
const room = new Room({
  clock: { nowMs: () => performance.timeOrigin + performance.now(), wallMs: () => Date.now() },
  keys,
  tell: hear,
  connect: (url, session, heard) => new MqttLine(url, session, heard),
  // The page is told how many messages were none of the contract, not of which device each was.
  onNotice: (notice) => {
    if (notice.kind === "unreadable") count(rejected, `/edge/${notice.topic.split("/").slice(2, 5).join("/")}`);
  },
});

function hear(tell: Tell): void {
  if (tell.tell === "error") console.error(tell.failure, tell.detail);
  if (tell.tell === "changed") {
    for (const alarm of tell.alarms) {
      const isCalled = alarm.isRinging && alarms.get(alarm.alarmId)?.isRinging !== true;
      if (isCalled) count(rung, alarm.alarmId);
      alarms.set(alarm.alarmId, alarm);
    }
    for (const gone of tell.gone) alarms.delete(gone);
    for (const device of tell.devices) presences.set(device.source, device.presence);
    for (const event of tell.events) if (event.type.startsWith("edge.event.")) count(events, event.source);
    losses = tell.losses;
  }
  show();
}

function show(): void {
  const open = [...alarms.values()].filter((alarm) => alarm.isOpen);
  for (const [source, presence] of presences) {
    const view = JSON.stringify({
      device: source,
      online: presence === "online",
      events: events.get(source) ?? 0,
      missing: losses.filter((loss) => loss.source === source).map(({ first, last }) => [first, last]),
      rejected: rejected.get(source) ?? 0,
      alarms: open
        .filter((alarm) => alarm.source === source)
        .map(({ alarmId, data, isSelfTest, lost }) => ({
          alarm_id: alarmId,
          stage: data.stage,
          press_count: data.press_count,
          holder: data.held_by?.by ?? data.held_by?.issuer ?? null,
          actual: data.status === "actual" && !isSelfTest,
          rings: rung.get(alarmId) ?? 0,
          lost: lost !== null,
        })),
    });
    if (said.get(source) === view) continue;
    said.set(source, view);
    way.publish(`${ROOT}/conform/${NAME}/view`, view, { qos: 1 });
  }
}

await keys.import(JSON.parse(readFileSync(keyFile!, "utf8")) as Record<string, unknown>);
const settings: Settings = {
  centre: NAME, title: "", language: "en", root: ROOT, outlines: [], tiles: null, units: [], registrar: null, clips: false, key_by_link: false, exercises_ring: false,
  ring_after_s: 15, supervisor_after_s: 60, brokers: urls.map((url, number) => ({ name: `${number}`, url })),
};
await room.ask({ ask: "open", settings, login: { name: "", password: "" }, seat: NAME });
await room.ask({ ask: "begin", by: "Conform" });
const timer = setInterval(() => room.tick(), 50);
process.stdin.on("end", () => {
  clearInterval(timer);
  room.close();
  way.end();
});
process.stdin.resume();
