// One look through a camera, by the worker's room, with brokers and a clock of its own. Run by test_room.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LookView } from "../../deploy/control-room/src/protocol";
import { type Json, Rig } from "./room_rig";

const SOURCE = "/edge/gp/site/kiosk";
const TOPIC = "edge/v1/gp/site/kiosk/up/live/front";
const LIVE = "01a21900-ec59-7166-aa19-e977f7ba48ae";
const JPEG = new Uint8Array([0xff, 0xd8, 0xff, 1]);

class Looking extends Rig {
  #answered = 0;
  /** The commands so far. */
  get sent(): Json[] {
    const said = this.brokers[0]!.said.filter(({ topic }) => topic.includes("/down/command/live-"));
    return said.map(({ payload }) => JSON.parse(Buffer.from(payload.split(".")[1]!, "base64url").toString()) as Json);
  }
  get names(): unknown[] {
    return this.sent.map(({ name }) => name);
  }
  get view(): LookView | undefined {
    return this.tells.filter((tell) => tell.tell === "look").at(-1)?.view;
  }
  get pictures(): number {
    return this.tells.filter((tell) => tell.tell === "look" && tell.jpeg !== null).length;
  }
  async look(): Promise<this> {
    await this.begin();
    this.hear("state", this.state());
    await this.room.ask({ ask: "look", source: SOURCE, camera: "front", by: "Thandi", reason: "who is it?" });
    await this.signed(1);
    return this;
  }
  /** Wait for what signing does on threads of its own. */
  async signed(count: number): Promise<void> {
    for (const end = performance.now() + 10_000; this.sent.length < count && performance.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(this.sent.length, count);
  }
  /** The kiosk answers the next command. */
  answer(code = "ok", looks: Json[] = []): void {
    const { cmd_id, name } = this.sent[this.#answered++]!;
    const output = { live: LIVE, camera: "front", lease_s: 20, looks: [{ live: LIVE, issuer: "control-room", by: "Thandi" }, ...looks] };
    this.hear(`result/${String(cmd_id)}`, this.envelope("edge.result.v1", {
      command_id: cmd_id, name, status: code === "ok" ? "succeeded" : "failed", code, text: `${code}, says the kiosk`, output: code === "ok" ? output : {},
    }));
  }
  tell(kind: string, detail: Json): void {
    this.hear(`security/${kind}`, this.envelope(`edge.security.${kind}.v1`, { kind, severity: "info", text: "x", detail: { camera: "front", issuer: "room", role: "operator", reason: "", ...detail }, suppressed: 0 }));
  }
  see(): void {
    this.hear("live/front", JPEG);
  }
}

test("a look begins with who and why, shows pictures, and is gone on with for as long as it is wanted", async () => {
  const rig = await new Looking().look();
  assert.deepEqual(rig.sent[0]!["args"], { camera: "front", by: "Thandi", reason: "who is it?", fps: 2, lease_s: 20 });
  assert.deepEqual(rig.brokers.map(({ watched }) => watched), [[TOPIC], [TOPIC]]);
  rig.see();
  assert.deepEqual([rig.view!.state, rig.pictures], ["asking", 0], "nothing is shown before the kiosk has it in its record");
  rig.answer();
  rig.see();
  assert.deepEqual([rig.view!.state, rig.pictures, rig.view!.others], ["looking", 1, []]);
  for (let count = 2; count < 8; count++) {
    rig.pass(6000);
    await rig.signed(count);
    assert.equal((rig.sent.at(-1)!["args"] as Json)["live"], LIVE);
    rig.answer();
  }
  assert.equal(rig.view!.state, "looking");
  await rig.room.ask({ ask: "look-away" });
  await rig.signed(8);
  assert.deepEqual([rig.names.at(-1), rig.view!.state, rig.view!.why], ["live-stop", "ended", "stopped"]);
  assert.deepEqual(rig.brokers.map(({ watched }) => watched), [[], []]);
  rig.see();
  assert.equal(rig.pictures, 1);
  rig.pass(60_000);
  assert.equal(rig.names.filter((name) => name === "live-start").length, 7, "nobody goes on with it");
});

test("others who look are shown as they come and go", async () => {
  const rig = await new Looking().look();
  rig.answer("ok", [{ live: "x", issuer: "durban", by: "Sipho" }]);
  assert.deepEqual(rig.view!.others, ["Sipho"]);
  rig.tell("live-started", { live: "y" });
  rig.tell("live-started", { live: "z", camera: "back" });
  rig.tell("live-started", { live: LIVE });
  assert.deepEqual(rig.view!.others, ["Sipho", "room"]);
  rig.tell("live-stopped", { live: "x", why: "lease" });
  assert.deepEqual(rig.view!.others, ["room"]);
});

test("a look that the kiosk refuses or ends, or that nobody answers, is not shown as one", async () => {
  for (const code of ["no-picture", "not-kept"]) {
    const rig = await new Looking().look();
    rig.answer(code);
    assert.deepEqual([rig.view!.state, rig.view!.why], ["ended", code]);
  }
  const ended = await new Looking().look();
  ended.answer();
  ended.tell("live-stopped", { live: LIVE, why: "camera" });
  assert.deepEqual([ended.view!.state, ended.view!.why], ["ended", "over"]);
  const mute = await new Looking().look();
  mute.pass(16_000);
  assert.deepEqual([mute.view!.state, mute.view!.why], ["ended", "no-answer"]);
  const cut = await new Looking().look();
  cut.answer();
  cut.pass(19_900);
  assert.equal(cut.view!.state, "looking", "one word of going on may be lost");
  cut.pass(200);
  assert.deepEqual([cut.view!.state, cut.view!.why], ["ended", "over"]);
});

test("whoever looks away before the kiosk has answered does not look when it does", async () => {
  const rig = await new Looking().look();
  await rig.room.ask({ ask: "look-away" });
  rig.answer();
  rig.see();
  await rig.signed(2);
  assert.deepEqual([rig.names.at(-1), rig.pictures, rig.view!.state], ["live-stop", 0, "ended"]);
});

test("the end of the shift ends the look, and a broker that has kept a picture shows nothing", async () => {
  const rig = await new Looking().look();
  rig.answer();
  rig.hear("live/front", JPEG, { retain: true });
  assert.equal(rig.pictures, 0);
  await rig.room.ask({ ask: "end" });
  await rig.signed(2);
  assert.equal(rig.names.at(-1), "live-stop");
});
