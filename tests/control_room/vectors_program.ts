// Plays tests/vectors to the page's twin of the centre's library, as tests/support/vectors.py plays them to the library.
// Call: node BUNDLE tests/vectors.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Consumer } from "../../deploy/control-room/src/centre/consumer";
import { maySendSomebody, type Notice } from "../../deploy/control-room/src/centre/notices";
import type { Replay } from "../../deploy/control-room/src/centre/replays";
import type { ResultData } from "../../deploy/control-room/src/contract";

type Json = Record<string, any>;
const FOLDER = process.argv[2]!;
const read = (name: string): any => JSON.parse(readFileSync(join(FOLDER, name), "utf8"));
const MESSAGES: Json = read("messages.json");
const KIOSK = "gp/park-station/kiosk-1";
const HEALTH_S = 75;
const MOST_LISTED = 20;
/** What is known before the first message. */
const NOTHING: Json = { open: [], presence: "unknown", nonce: null, lamps: "off off steady off", holes: [], again: {} };
const TAKEN = ["new-message", "duplicate", "picture", "live-picture", "unreadable"];

/** A consumer, fed with the steps of one case. */
class Player {
  readonly consumer: Consumer;
  #nowS = 0;
  #seq = 0;
  readonly #alive = new Map<string, string>();
  #asked: Replay | null = null;

  constructor(brokers: string[]) {
    this.consumer = new Consumer("edge/v1", brokers);
    this.consumer.connection("a", true, 0);
  }

  get #nowMs(): number {
    return this.#nowS * 1000;
  }

  play(step: Json): string[] {
    this.#nowS = step["at"] ?? this.#nowS;
    const count: number = step["count"] ?? 0;
    for (let more = 0; more < count - 1; more++) this.#told(numbered(step, more));
    const told = this.#told(count > 0 ? numbered(step, count - 1) : step);
    const words = told.flatMap((each) => (typeof each === "string" ? [each] : word(each)));
    return "wait" in step ? words.sort() : words;
  }

  #told(step: Json): (Notice | string)[] {
    if ("link" in step) this.consumer.connection(step["link"], step["up"], this.#nowMs);
    else if ("hear" in step) return this.#hear(step["hear"], step);
    else if ("bring" in step) {
      const payload = "hex" in step ? Buffer.from(step["hex"], "hex") : Buffer.from(step["text"]);
      return this.#bring(step["bring"], Buffer.concat(Array<Buffer>(step["times"] ?? 1).fill(payload)), step);
    }
    else if ("alive" in step) for (const name of step["alive"]) this.#alive.set(name, step["broker"] ?? "a");
    else if ("dark" in step) for (const name of step["dark"]) this.#alive.delete(name);
    else if ("wait" in step) return this.#wait(step["wait"]);
    else if ("decide" in step) return this.consumer.decide(this.#nowMs);
    else if ("replays" in step) {
      const due = this.consumer.replays(this.#nowMs);
      this.#asked = due.at(-1) ?? this.#asked;
      return due.map(({ first, last }) => `ask ${first}-${last}`);
    } else if ("replayed" in step) {
      const result = step["replayed"] && ({ ...MESSAGES["result"].data, ...step["replayed"] } as ResultData);
      return this.consumer.replayed(this.#asked!, result, this.#nowMs);
    } else if ("rebirths" in step) return this.consumer.rebirths(this.#nowMs).map((source) => `rebirth ${source}`);
    else if ("settle" in step) this.consumer.devices.get(`/edge/${KIOSK}`)!.settle(step["settle"]);
    return [];
  }

  #hear(kind: string, step: Json): (Notice | string)[] {
    const topic = `edge/v1/${step["of"] ?? KIOSK}/up/${step["level"] ?? MESSAGES[kind].level}`;
    return this.#bring(topic, Buffer.from(JSON.stringify(message(kind, step))), step);
  }

  #bring(topic: string, payload: Uint8Array, step: Json): (Notice | string)[] {
    const told = this.consumer.hear(step["broker"] ?? "a", topic, payload, step["retain"] ?? false, this.#nowMs);
    const said = told.filter((notice) => notice.kind !== "new-message");
    return told.some(({ kind }) => TAKEN.includes(kind)) ? said : [...said, "nothing"];
  }

  #wait(seconds: number): (Notice | string)[] {
    const told: (Notice | string)[] = [];
    for (const end = this.#nowS + seconds; this.#nowS < end; ) {
      this.#nowS = Math.min(end, this.#nowS + 0.5);
      for (const [number, [name, broker]] of [...this.#alive].entries()) {
        if (this.#nowS % HEALTH_S !== (number * 7) % HEALTH_S) continue;
        told.push(...this.#hear("health", { of: name, seq: 1000 + ++this.#seq, broker, head: { monoms: Math.trunc(this.#nowMs) } }));
      }
      told.push(...this.consumer.tick(this.#nowMs));
    }
    return told;
  }

  /** What is known. */
  get state(): Json {
    const alarms = [...this.consumer.devices.values()].flatMap((device) => device.openAlarms);
    const all = alarms.map((alarm) => {
      const { data: { alarm_id: id, stage, held_by: holder }, lost } = alarm;
      const held = holder ? `, held by ${holder.by}` : "";
      return `${id} ${stage}${held}${lost === null ? "" : `, lost: ${lost}`}${maySendSomebody(alarm) ? "" : ", for nobody"}`;
    }).sort();
    const open = all.length <= MOST_LISTED ? all : [`${all.length} alarms`];
    const device = this.consumer.devices.get(`/edge/${KIOSK}`);
    if (device === undefined) return { ...NOTHING, open };
    const { presence, nonce, lamps, holes } = device;
    const due = device.openAlarms.map((alarm) => [alarm.data.alarm_id, device.raisesAgainMs(alarm)] as const);
    const again = Object.fromEntries(due.flatMap(([id, ms]) => (ms === null ? [] : [[id, ms / 1000]])));
    return { open, presence, nonce, lamps: `${lamps.yellow} ${lamps.green} ${lamps.beacon} ${lamps.tone}`, holes, again };
  }
}

/** The step for the message after so many more; `#` in it stands for its number. */
function numbered(step: Json, more: number): Json {
  const seq = step["seq"] + more;
  return { ...JSON.parse(JSON.stringify(step).replaceAll("#", `${seq}`)), seq };
}

function message(kind: string, step: Json): Json {
  const [head, shape, seq] = [step["head"] ?? {}, MESSAGES[kind], step["seq"]];
  const epoch = head.epoch ?? "e1";
  const data = { ...shape.data, ...step["data"] };
  if (kind === "alarms") data.open = data.open.map((each: Json) => ({ ...MESSAGES["alarm"].data, ...each }));
  const mine = { id: `${epoch}-${seq}`, type: shape.type, source: `/edge/${step["of"] ?? KIOSK}`, seq };
  return { ...MESSAGES["envelope"], ...mine, monoms: seq * 1000, nonce: `${epoch}-n${seq}`, epoch, ...head, data };
}

function lastWord(unheard: string[], heardMs: number): string {
  return heardMs >= 0 ? `, last heard${unheard.length > 0 ? ` by ${unheard.join(" ")}` : ""} at ${heardMs / 1000}` : ", never heard";
}

function word(notice: Notice): string[] {
  const names = (sources: string[]): string =>
    sources.length < 4 ? sources.map((source) => source.slice("/edge/".length)).join(" ") : `${sources.length} devices`;
  switch (notice.kind) {
    case "picture": return [`picture ${notice.pictureId}`];
    case "live-picture": return [`live picture ${notice.camera}`];
    case "duplicate": return [`duplicate ${notice.id}`];
    case "unreadable": return ["unreadable"];
    case "presence-changed":
      return notice.source === `/edge/${KIOSK}` ? [`${notice.before} > ${notice.presence}${notice.restarted ? " restarted" : ""}`] : [];
    case "devices-gone":
      return [`gone ${notice.place}: ${names(notice.sources)}, of ${notice.of}${lastWord(notice.unheard, notice.heardMs)}`];
    case "devices-back": return [`back ${notice.place}: ${names(notice.sources)}, left ${notice.left}`];
    case "epoch-changed": return [`epoch ${notice.epoch}`];
    case "hole-found": return [`hole ${notice.first}-${notice.last}`];
    case "hole-filled": return [`filled ${notice.number}`];
    case "record-lost": return [`record lost ${notice.first}-${notice.last}: ${notice.why}`];
    case "record-skipped": return [`skipped ${notice.first}-${notice.last}`];
    case "alarm-changed": return [`alarm ${notice.alarm.data.alarm_id}: ${notice.before ?? "unknown"} > ${notice.alarm.data.stage}`];
    case "alarm-reopened": {
      const { data } = notice.alarm;
      return [`reopened ${data.alarm_id}: ${data.stage}, ${Math.max(0, data.press_count - notice.pressesAtClose)} presses since`];
    }
    case "alarm-lost": return [`lost ${notice.alarm.data.alarm_id}: ${notice.alarm.lost}`];
    default: return [];
  }
}

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".json") && name !== "messages.json")) {
  for (const { case: name, brokers, steps } of read(file) as Json[]) {
    test(`${file}: ${name}`, () => {
      const player = new Player(brokers ?? []);
      let state = NOTHING;
      for (const [at, step] of (steps as Json[]).entries()) {
        assert.deepEqual(player.play(step), step["told"] ?? [], `step ${at + 1} tells`);
        assert.deepEqual(player.state, (state = { ...state, ...step["now"] }), `step ${at + 1} knows`);
      }
    });
  }
}
