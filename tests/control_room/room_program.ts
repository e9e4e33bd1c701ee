// The worker's room with brokers and a clock of its own: what `edge-centre conform centre` can't see. Run by test_room.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FailureError, Keys } from "../../deploy/control-room/src/worker/keys";
import { ECHO, EXAMPLE, type Json, Rig, SETTINGS, STATE, UTF8 } from "./room_rig";

const claims = (token: string): Json => JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as Json;
/** Wait for what signing does on threads of its own. */
async function until(isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !isSo() && performance.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(isSo(), "it has not become so");
}

test("a key that was made signs, and gives out nothing but its public half", async () => {
  const rig = new Rig();
  await rig.keys.make("operator", "thandi");
  const { view, key } = rig.kept!;
  assert.match(view.kid, /^operator-[0-9a-f]{8}$/);
  assert.deepEqual({ ...view.public, x: "" }, { kty: "OKP", crv: "Ed25519", kid: view.kid, use: "sig", role: "operator", iss: "thandi", x: "" });
  assert.equal(key.extractable, false);
  await assert.rejects(crypto.subtle.exportKey("jwk", key));
  const token = await rig.keys.sign({ a: 1 });
  const [header, payload, signature] = token.split(".");
  const half = await crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x: view.public.x }, "Ed25519", true, ["verify"]);
  const said = UTF8.encode(`${header}.${payload}`);
  assert.ok(await crypto.subtle.verify("Ed25519", half, Buffer.from(signature!, "base64url"), said));
  const again = new Keys({ load: () => Promise.resolve(rig.kept), save: () => Promise.resolve() });
  await again.load();
  assert.equal(await again.sign({ a: 1 }), token);
});

test("a key that was brought signs as the contract's example does, to the last letter", async () => {
  const rig = new Rig();
  await rig.keys.import(EXAMPLE);
  const args = { alarm_id: "01a21900-ec59-7166-aa19-e977f7ba48ae", action: "registered", by: "Thandi" };
  const token = await rig.keys.sign({
    cmd_id: "ack-1", name: "ack", args, aud: "/edge/gp/workbench/kiosk-simulated", iss: "control-room",
    iat: 1795715822, exp: 1795715882, ctr: 1795715822000000, boot_nonce: "0-16d502f521b6dcfe",
  });
  assert.equal(token.split(".")[0], "eyJhbGciOiJFZERTQSIsImtpZCI6Im9wZXJhdG9yLWV4YW1wbGUiLCJ0eXAiOiJKV1QifQ");
  assert.equal(token.split(".")[2], "UTDQlgX2ffv8KKrWvePHA2kcqzn0k4lV0hkX0TUYMlcIedbXW_c2wzLGXqIxmFxVVOUV1ktHL93iNhFR_-u3Cw");
});

test("what is no key, or two halves of different ones, is refused and the key before it stays", async () => {
  const rig = new Rig();
  await rig.keys.import(EXAMPLE);
  const other = new Rig();
  await other.keys.make("operator", "x");
  const wrong: Json[] = [
    {}, { ...EXAMPLE, d: undefined }, { ...EXAMPLE, role: "chief" }, { ...EXAMPLE, kid: "a b" }, { ...EXAMPLE, iss: 5 },
    { ...EXAMPLE, d: "AAAA" }, { ...EXAMPLE, x: other.keys.view!.public.x }, JSON.parse('{"__proto__": {"kid": "x"}}') as Json,
  ];
  for (const jwk of wrong) await assert.rejects(rig.keys.import(jwk), FailureError);
  assert.equal(rig.keys.view!.kid, "operator-example");
  await rig.room.ask({ ask: "import-key", jwk: {}, isSure: true });
  const told = rig.tells.filter(({ tell }) => tell === "key" || tell === "error");
  assert.deepEqual(told.map((tell) => (tell.tell === "key" ? tell.key?.kid : tell.tell)), ["operator-example", "error"]);
});

test("a hostile link signs nothing, and replaces an operator's key only if she says so", async () => {
  const rig = await new Rig().begin();
  const other = { ...EXAMPLE, kid: "mallory", iss: "mallory", role: "admin" };
  await rig.room.ask({ ask: "import-key", jwk: other, isSure: true });
  const offered = (): string | null => rig.tells.filter((tell) => tell.tell === "offered").at(-1)!.key?.kid ?? null;
  assert.deepEqual([rig.keys.view!.kid, offered(), rig.kept!.view.kid], ["operator-example", "mallory", "operator-example"]);
  await rig.room.ask({ ask: "answer-key", isTaken: false });
  assert.deepEqual([rig.keys.view!.kid, offered()], ["operator-example", null]);
  await rig.room.ask({ ask: "answer-key", isTaken: true });
  assert.equal(rig.keys.view!.kid, "operator-example", "what was left is not offered any more");
  await rig.room.ask({ ask: "import-key", jwk: EXAMPLE, isSure: true });
  assert.equal(offered(), null, "it has that one");
  await rig.room.ask({ ask: "import-key", jwk: other, isSure: true });
  await rig.room.ask({ ask: "answer-key", isTaken: true });
  assert.deepEqual([rig.keys.view!.kid, rig.kept!.view.kid, rig.isWatching], ["mallory", "mallory", false]);
});

test("a first key that nobody has vouched for is offered, and not taken", async () => {
  const rig = await new Rig().open();
  await rig.room.ask({ ask: "import-key", jwk: EXAMPLE, isSure: false });
  assert.deepEqual([rig.keys.view, rig.keys.offered?.kid], [null, "operator-example"]);
});

test("it is told when an alarm raises itself again as soon as a fresh word says since when the machine runs", async () => {
  const rig = await new Rig().open();
  const held = { stage: "dispatched", held_by: { issuer: "jhb", by: "Thandi", at: "" }, raises_again_monoms: 900_000 };
  rig.hear("alarms", rig.openList([held], { monoms: 1000 }), { retain: true });
  rig.pass(1000);
  assert.equal(rig.alarms.get("a1")!.raisesAgainMs, null);
  const heardMs = rig.nowMs;
  rig.hear("health", rig.health({}, { monoms: 300_000 }));
  rig.pass(100);
  assert.equal(rig.alarms.get("a1")!.raisesAgainMs, heardMs + 600_000);
  rig.hear("alarms", rig.openList([{ ...held, raises_again_monoms: 1_200_100 }], { monoms: 300_100 }));
  rig.pass(100);
  assert.ok(Math.abs(rig.alarms.get("a1")!.raisesAgainMs! - heardMs - 900_100) < 200);
  rig.hear("health", rig.health({}, { bootid: "another", monoms: 5 }));
  rig.pass(100);
  assert.equal(rig.alarms.get("a1")!.raisesAgainMs, null);
});

test("an operator's countdown is not put wrong by a message that comes late, of this boot or of the one before", async () => {
  const rig = await new Rig().open();
  rig.seq = 10;
  const [before, late] = [rig.health({}, { bootid: "before", monoms: 5_000_000 }), rig.health({}, { monoms: 1000 })];
  const heardMs = rig.nowMs;
  rig.hear("alarms", rig.openList([{ stage: "registered", raises_again_monoms: 900_000 }], { monoms: 300_000 }));
  rig.pass(5000);
  for (const each of [before, late]) {
    rig.hear("health", each, { broker: 1 });
    rig.pass(100);
    assert.equal(rig.alarms.get("a1")!.raisesAgainMs, heardMs + 600_000);
  }
});

test("a page that looks on never says that it watches, nor does one without a key", async () => {
  const rig = await new Rig().open();
  rig.pass(70_000);
  await rig.room.ask({ ask: "begin", by: "Thandi" });
  rig.pass(70_000);
  assert.deepEqual(new Set(rig.brokers.flatMap((broker) => broker.states)), new Set([false]));
  assert.ok(rig.tells.some((tell) => tell.tell === "error"));
  assert.equal(rig.isWatching, false);
});

test("while the shift lasts every broker is told so, again every minute, and at its end that it is over", async () => {
  const rig = await new Rig().begin();
  rig.pass(125_000);
  for (const broker of rig.brokers) assert.deepEqual(broker.states.slice(-3), [true, true, true]);
  assert.ok(rig.brokers.every(({ said }) => said.every(({ topic, retain }) => retain === (topic === STATE))));
  await rig.room.ask({ ask: "end" });
  for (const broker of rig.brokers) assert.equal(broker.states.at(-1), false);
  rig.pass(130_000);
  for (const broker of rig.brokers) assert.equal(broker.states.at(-1), false);
});

test("who logs out tells every broker that nobody watches, ends every connection and leaves nothing that was heard", async () => {
  const rig = await new Rig().begin();
  rig.pass(5000);
  rig.hear("alarm/police", rig.alarm());
  rig.pass(100);
  assert.equal(rig.alarms.size, 1);
  await rig.room.ask({ ask: "log-out" });
  for (const broker of rig.brokers) assert.deepEqual([broker.states.at(-1), broker.isUp], [false, false]);
  assert.deepEqual(rig.links, []);
  assert.equal(rig.room.consumer.devices.size, 0);
  const said = rig.brokers.map((broker) => broker.said.length);
  rig.pass(70_000);
  assert.equal(rig.isWatching, false);
  assert.deepEqual(rig.brokers.map((broker) => broker.said.length), said);
});

test("the will says that nobody watches, and a word of somebody else that it is so is contradicted at once", async () => {
  const rig = await new Rig().begin();
  rig.pass(100);
  const [first] = rig.brokers;
  assert.equal(first!.session.will.topic, STATE);
  assert.equal((JSON.parse(first!.session.will.payload) as Json)["online"], false);
  const before = first!.states.length;
  first!.events.message(STATE, UTF8.encode('{"online": true}'), false);
  first!.events.message(STATE, UTF8.encode("[1"), false);
  assert.equal(first!.states.length, before);
  first!.events.message(STATE, UTF8.encode('{"online": false}'), false);
  assert.deepEqual(first!.states.slice(before), [true]);
});

test("others watch while they repeat it, at whichever broker, and one that a broker had kept counts once and not for long", async () => {
  const rig = await new Rig().open();
  const say = (broker: number, name: string, payload: string, retain = false): void =>
    rig.brokers[broker]!.events.message(`edge/v1/host/${name}/state`, UTF8.encode(payload), retain);
  const others = (): string[] => (rig.pass(1100), rig.tells.filter((tell) => tell.tell === "links").at(-1)!.watchers);
  say(0, "thandi", '{"online": true}');
  say(0, "sipho", '{"online": true}');
  say(1, "sipho", '{"online": true}');
  say(1, "naledi", '{"online": true}', true);
  for (const garbage of ['{"online": 1}', "[", '{"on": true}', `{"online": true, "x": "${"x".repeat(1024)}"}`]) say(0, "zodwa", garbage);
  say(0, "NO-SUCH", '{"online": true}');
  assert.deepEqual(others(), ["naledi", "sipho"]);
  say(0, "sipho", '{"online": false}');
  assert.deepEqual(others(), ["naledi", "sipho"], "one broker has lost it");
  rig.pass(90_000);
  say(1, "naledi", '{"online": true}', true);
  assert.deepEqual(others(), ["sipho"]);
  say(1, "naledi", '{"online": true}');
  assert.deepEqual(others(), ["naledi", "sipho"]);
  say(1, "naledi", "", true);
  rig.pass(90_000);
  assert.deepEqual(others(), []);
});

test("on a new connection it is said again at once, since the will of the last one has said the contrary", async () => {
  const rig = await new Rig().begin();
  rig.pass(1000);
  const [first] = rig.brokers;
  first!.lose();
  rig.pass(2000);
  const before = first!.states.length;
  first!.open();
  rig.pass(100);
  assert.deepEqual(first!.states.slice(before), [true]);
});

test("a broker is deaf 5 s after its last echo, is told once that nobody watches, and is well with the next echo", async () => {
  const rig = await new Rig().begin();
  rig.pass(3000);
  const [first, second] = rig.brokers;
  first!.echoes = false;
  rig.pass(3000);
  assert.equal(rig.links[0]!.state, "open");
  rig.pass(3000);
  assert.deepEqual(rig.links.map(({ state }) => state), ["deaf", "open"]);
  assert.equal(rig.links[0]!.why, "no-echo");
  assert.deepEqual([first!.states.at(-1), second!.states.at(-1), rig.isWatching], [false, true, true]);
  const states = first!.states.length;
  rig.pass(9000);
  assert.equal(first!.states.length, states, "nothing more is said where nobody hears it");
  rig.pass(121_000, () => first!.isUp || first!.open());
  assert.ok(!first!.states.slice(states).includes(true), "on no new connection either");
  second!.echoes = false;
  rig.pass(8000);
  assert.equal(rig.isWatching, false, "no broker is left");
  first!.echoes = true;
  rig.pass(2100);
  assert.deepEqual([rig.links[0]!.state, first!.states.at(-1), rig.isWatching], ["open", true, true]);
});

test("true is never said on a broker that has not brought an echo within 5 s", async () => {
  const rig = await new Rig().begin();
  const [first] = rig.brokers;
  let seed = 7;
  const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
  rig.pass(3_600_000, () => {
    if (random() < 0.004) first!.echoes = !first!.echoes;
    if (random() < 0.002) first!.isUp ? first!.lose() : first!.open();
    if (random() < 0.01) first!.events.message(STATE, UTF8.encode('{"online": false}'), false);
  });
  const said = (online: boolean): number => first!.states.filter((each) => each === online).length;
  assert.ok(said(true) > 50 && said(false) > 20, `${said(true)} times true, ${said(false)} times false`);
  assert.equal(first!.unfounded, 0);
});

test("an echo that took longer than 5 s proves nothing", async () => {
  const rig = await new Rig().begin();
  const [first] = rig.brokers;
  first!.echoes = false;
  rig.pass(12_000);
  const late = first!.said.filter(({ topic }) => topic === ECHO)[1]!;
  first!.events.message(ECHO, UTF8.encode(late.payload), false);
  first!.events.message(ECHO, UTF8.encode("somebody-else-1"), false);
  rig.pass(100);
  assert.equal(rig.links[0]!.state, "deaf");
});

test("a broker that has never brought an echo loses no operator for the want of one", async () => {
  const rig = new Rig();
  await rig.room.ask({ ask: "open", settings: SETTINGS, login: { name: "thandi", password: "x" }, seat: "thandi" });
  rig.brokers[0]!.echoes = false;
  rig.brokers[0]!.open();
  rig.pass(120_000);
  assert.deepEqual([rig.brokers[0]!.resets, rig.links[0]!.state], [0, "deaf"]);
});
test("an operator is not left at a broker that takes alarms and delivers none: the page connects again, three times at most", async () => {
  const rig = await new Rig().begin();
  const [first, second] = rig.brokers;
  rig.pass(60_000);
  assert.deepEqual([first!.resets, first!.echoQos], [0, 1], "it is proven, with the QoS of an alarm");
  first!.echoes = false;
  rig.pass(16_000);
  assert.equal(first!.resets, 1);
  first!.open();
  first!.echoes = true;
  rig.pass(60_000);
  assert.deepEqual([first!.resets, rig.links[0]!.state], [1, "open"]);
  first!.echoes = false;
  rig.pass(600_000, () => first!.isUp || first!.open());
  assert.deepEqual([first!.resets, rig.links[0]!.state, second!.resets], [4, "deaf", 0]);
});

test("a deaf connection on which nothing comes at all is made anew", async () => {
  const rig = await new Rig().open();
  const [first] = rig.brokers;
  first!.echoes = false;
  rig.pass(14_000);
  assert.equal(first!.resets, 0, "it still brings something");
  first!.silentMs = 16_000;
  rig.pass(100);
  assert.equal(first!.resets, 1);
  assert.equal(rig.links[0]!.state, "down");
});

test("100 KiB of zeros are no picture, and a picture is given out once it has come", async () => {
  const rig = await new Rig().open();
  rig.hear("alarm/police", rig.alarm({ camera: { name: "front", snapshot: "a1" } }));
  rig.hear("snapshot/a1", new Uint8Array(100 * 1024));
  await rig.room.ask({ ask: "picture", id: "a1" });
  assert.deepEqual(rig.tells.at(-1), { tell: "picture", id: "a1", jpeg: null });
  const jpeg = new Uint8Array(3000).fill(7);
  jpeg.set([0xff, 0xd8, 0xff]);
  rig.hear("snapshot/a1", jpeg);
  const late = rig.tells.at(-1)!;
  assert.ok(late.tell === "picture" && late.jpeg?.size === 3000, "a page that has asked too early is told");
  rig.hear("snapshot/a1", jpeg.slice(0, 100), { base: "edge/v1/gp/site/other/up" });
  rig.pass(100);
  assert.equal(rig.alarms.get("a1")!.hasPicture, true);
  await rig.room.ask({ ask: "picture", id: "a1" });
  const told = rig.tells.at(-1)!;
  assert.ok(told.tell === "picture" && told.jpeg !== null);
  assert.equal(told.jpeg.size, 3000, "another device does not replace it");
  assert.deepEqual(rig.tells.filter((tell) => tell.tell === "unreadable").at(-1)?.count, 1);
});

test("what is recorded of an alarm is told in whatever order it comes, and never as running when it is over", async () => {
  const rig = await new Rig().open();
  const [one, two] = ["11111111-0000-7000-8000-000000000001", "11111111-0000-7000-8000-000000000002"];
  const says = (change: string, data: Json) => rig.envelope(`edge.evidence.${change}.v1`, { camera: "front", reason: "", ...data });
  const written = (...clips: string[]) => rig.health({ cameras: { front: { recording: { state: "ok", detail: "", recording: clips } } } });
  const shown = () => (rig.pass(100), rig.alarms.get("a1")!.clips.map(({ clip, state, beforeS, failure, held }) => ({ clip, state, beforeS, failure, held })));
  const clip = { clip: one, state: "asked", beforeS: null, failure: null, held: null };
  const [begun, held, ended, released] = [
    says("begun", { clip: one, alarm_id: "a1", begins: "2026-11-24T00:00:00.000Z", before_s: 15.04 }), says("held", { clip: one, reason: "CAS 1" }),
    says("ended", { clip: one, alarm_id: "a1", begins: "2026-11-24T00:00:00.000Z", ends: "2026-11-24T00:01:00.000Z", reason: "complete" }), says("released", { clip: one, reason: "over" }),
  ];
  rig.hear("alarm/police", rig.alarm({ clips: [{ camera: "front", clip: one }] }));
  assert.deepEqual(shown(), [clip]);
  rig.hear("evidence", ended);
  rig.hear("evidence", begun);
  rig.hear("evidence", released);
  rig.hear("evidence", held);
  assert.deepEqual(shown(), [{ ...clip, state: "ended", beforeS: 15.04 }]);

  rig.hear("evidence", says("failed", { clip: two, alarm_id: "a1", reason: "the card is full" }));
  assert.deepEqual(shown()[1], { ...clip, clip: two, failure: "the card is full" });
  const three = { ...clip, clip: "11111111-0000-7000-8000-000000000003" };
  rig.hear("evidence", says("begun", { clip: three.clip, alarm_id: "a1", into: one }));
  assert.deepEqual(shown()[2], { ...clip, state: "ended" }, "it shares the file of the first");

  rig.hear("alarm/police", rig.alarm({ alarm_id: "a2", clips: [{ camera: "front", clip: "c4" }, { camera: "back", clip: "c5" }] }));
  rig.hear("health", written("c4"));
  rig.pass(100);
  assert.deepEqual(rig.alarms.get("a2")!.clips.map(({ state }) => state), ["recording", "asked"]);
  rig.pass(11_000);
  rig.hear("health", written());
  rig.pass(100);
  assert.deepEqual(rig.alarms.get("a2")!.clips.map(({ state }) => state), ["unheard", "unheard"]);
  rig.hear("evidence", says("deleted", { clip: one, reason: "age" }), { base: "edge/v1/gp/site/other/up" });
  assert.deepEqual(shown()[0]!.state, "ended", "no device is believed about the recordings of another");
});

test("of what is uploaded each part counts once, however often it was tried and in whatever order that is heard", async () => {
  const rig = await new Rig().open();
  const clip = "11111111-0000-7000-8000-000000000001";
  const of = (second: number) => ({ camera: "front", clip, alarm_id: "a1", object: `front/2026-11-24/00/00-${String(second % 60).padStart(2, "0")}.000Z.${second}.mp4` });
  const say = (change: string, data: Json) => rig.hear("evidence", rig.envelope(`edge.evidence.${change}.v1`, { reason: "", ...data }));
  const arrives = (second: number) => say("uploaded", { ...of(second), place: "store.example/b", sha256: "0".repeat(64), begins: "2026-11-24T00:00:00.000Z", ends: "2026-11-24T00:00:04.000Z", first: second, last: second });
  const view = () => (rig.pass(100), rig.alarms.get("a1")!.clips[0]!);
  rig.hear("alarm/police", rig.alarm({ clips: [{ camera: "front", clip }] }));
  for (const reason of ["HTTP 403", "HTTP 403"]) say("upload-failed", { ...of(1), place: "store.example", reason });
  assert.deepEqual(view().unsent, [], "it is tried again");
  for (const second of [2, 2, 3]) say("upload-failed", { ...of(second), reason: "no URL" });
  assert.deepEqual(view().unsent.map(({ object }) => object), [of(2).object, of(3).object]);
  arrives(3);
  arrives(1);
  say("upload-failed", { ...of(1), reason: "late" });
  assert.deepEqual(view().unsent, [{ object: of(2).object, why: "no URL" }]);
  for (let second = 4; second < 304; second++) arrives(second);
  assert.deepEqual([view().parts.length, view().beyond], [300, 2]);
});

test("pictures are bounded in number and in bytes", async () => {
  const rig = await new Rig().open();
  for (let number = 0; number < 300; number++) {
    const jpeg = new Uint8Array(number < 250 ? 100 : 130 * 1024);
    jpeg.set([0xff, 0xd8, 0xff]);
    rig.hear(`snapshot/p${number}`, jpeg);
  }
  let kept = 0;
  for (let number = 0; number < 300; number++) {
    await rig.room.ask({ ask: "picture", id: `p${number}` });
    const told = rig.tells.at(-1)!;
    kept += Number(told.tell === "picture" && told.jpeg !== null);
  }
  assert.ok(kept <= 200 && kept > 100, `${kept} are kept`);
});

test("a field called __proto__ changes nothing, wherever it is", async () => {
  const rig = await new Rig().open();
  const evil = (text: string): string => text.replace('"historical":false', '"historical":false,"__proto__":{"polluted":1,"stage":"closed"}');
  rig.hear("alarm/police", evil(rig.alarm()));
  rig.hear("event/tamper", evil(rig.envelope("edge.event.tamper.v1", { input: "__proto__", kind: "tamper", active: true, since: "" })));
  const parts = JSON.parse('{"__proto__": {"state": "degraded"}, "constructor": {"state": "ok"}}') as Json;
  rig.hear("health", rig.health({ parts }));
  rig.hear("alarm/police", rig.alarm().replace('"stage":"raised",', '"__proto__":{"stage":"raised"},'));
  rig.pass(100);
  assert.equal(({} as Json)["polluted"], undefined);
  assert.equal(rig.alarms.get("a1")!.data.stage, "raised");
  const passed = structuredClone(rig.tells.filter((tell) => tell.tell !== "picture"));
  assert.ok(passed.every((tell) => Object.getPrototypeOf(tell) === Object.prototype));
  assert.deepEqual(rig.tells.filter((tell) => tell.tell === "unreadable").at(-1)?.count, 1, "a stage must be its own");
});

test("a certificate ends when the newest health says so, and no end is shown where it says none, or what is no time", async () => {
  const rig = await new Rig().open();
  const told = (health: string): number | null => {
    rig.hear("health", health);
    rig.pass(100);
    return rig.kiosk.certificateEndsMs;
  };
  assert.equal(told(rig.health()), null);
  const late = rig.health({ certificate_ends: "2026-12-01T00:00:00.000Z" });
  assert.equal(told(rig.health({ certificate_ends: "2028-02-29T10:00:00.000Z" })), Date.UTC(2028, 1, 29, 10));
  assert.equal(told(late), Date.UTC(2028, 1, 29, 10), "an older report came late");
  for (const bad of ["soon", "", null, 1_900_000_000_000, { toString: "x" }, ["2028-02-29T10:00:00.000Z"]]) {
    assert.equal(told(rig.health({ certificate_ends: "2028-02-29T10:00:00.000Z" })), Date.UTC(2028, 1, 29, 10));
    assert.equal(told(rig.health({ certificate_ends: bad })), null, JSON.stringify(bad));
  }
  assert.equal(told(rig.health()), null, "its files can't be read any more");
});

test("what is nested too deeply to be passed on is none of the contract", async () => {
  const rig = await new Rig().open();
  rig.hear("event/comet", rig.envelope("edge.event.comet.v1", {}).replace('"data":{', `"deep":${"[".repeat(40_000)}${"]".repeat(40_000)},"data":{`));
  rig.pass(100);
  assert.equal(rig.events.length, 0);
  assert.equal(rig.tells.filter((tell) => tell.tell === "unreadable").at(-1)?.count, 1);
});

test("no device is believed about the alarm of another, even under the same alarm_id", async () => {
  const rig = await new Rig().begin();
  rig.hear("alarm/police", rig.alarm());
  const other = { source: "/edge/gp/site/other" };
  rig.hear("alarm/police", rig.alarm({ stage: "closed" }, other), { base: "edge/v1/gp/site/other/up" });
  rig.pass(100);
  assert.deepEqual([...rig.alarms].map(([key, { isOpen }]) => [key, isOpen]), [["a1", true], ["a1@/edge/gp/site/other", false]]);
  const args = { alarm_id: "a1@/edge/gp/site/other", action: "closed" };
  await rig.room.ask({ ask: "order", ticket: 1, source: "/edge/gp/site/other", name: "ack", args });
  await until(() => rig.orders().length > 0);
  assert.deepEqual(rig.orders(), ["edge/v1/gp/site/other/down/ack/a1"]);
});

test("an actual alarm that nobody has rings however late it comes, again when it raises itself again, and no test ever", async () => {
  const rig = await new Rig().open();
  const ringing = (more: Json): boolean => {
    rig.hear("alarm/police", rig.alarm(more));
    rig.pass(100);
    return rig.alarms.get("a1")!.isRinging;
  };
  const holder = { held_by: { issuer: "x", by: "Thandi", at: "" } };
  assert.equal(ringing({ historical: true }), true);
  assert.equal(ringing({ stage: "unconfirmed" }), true);
  assert.equal(ringing({ stage: "registered", ...holder }), false);
  assert.equal(ringing({ stage: "raised", reraised: 1 }), true);
  assert.equal(ringing({ stage: "closed", reraised: 1 }), false);
  assert.equal(ringing({ status: "exercise", stage: "raised" }), false);
  assert.equal(ringing({ status: "test" }), false);
});

test("a page hears of every time that people are called, however fast it goes", async () => {
  const rig = await new Rig().open();
  const holder = { held_by: { issuer: "x", by: "Thandi", at: "" } };
  const words = [{}, { stage: "registered", ...holder }, { stage: "raised", reraised: 1 }, { stage: "closed" }, { press_count: 2 }];
  for (const word of words) rig.hear("alarm/police", rig.alarm(word));
  rig.pass(100);
  const told = rig.tells.flatMap((tell) => (tell.tell === "changed" ? tell.alarms.map(({ isRinging }) => isRinging) : []));
  assert.deepEqual(told, [true, false, true, false, true]);
});

test("a newcomer at the demo hears an exercise ring, and no operator anywhere else does", async () => {
  for (const exercises_ring of [true, false]) {
    const rig = new Rig();
    await rig.room.ask({ ask: "open", settings: { ...SETTINGS, exercises_ring }, login: { name: "thandi", password: "x" }, seat: "thandi" });
    for (const broker of rig.brokers) broker.open();
    rig.hear("alarm/police", rig.alarm({ status: "exercise" }));
    rig.pass(100);
    assert.equal(rig.alarms.get("a1")!.isRinging, exercises_ring);
  }
});

test("who waits at a kiosk whose clock is not set has waited at least as long as its stages have taken", async () => {
  const rig = await new Rig().open();
  const unset = { timeq: "unsynced" };
  const raised_at = "1970-01-01T00:00:09.000Z";
  rig.hear("alarms", rig.openList([{ raised_at, stage: "unconfirmed", latency_ms: { sent: 9, delayed: 10_000, unconfirmed: 30_000 } }], unset));
  rig.hear("alarm/police", rig.alarm({ alarm_id: "a2", raised_at, stage: "delayed", latency_ms: { sent: 9, delayed: 10_000 } }, unset));
  rig.hear("alarm/police", rig.alarm({ alarm_id: "a3", raised_at }, unset));
  rig.hear("alarm/police", rig.alarm({ alarm_id: "a4" }));
  rig.pass(100);
  const told = ["a1", "a2", "a3", "a4"].map((id) => rig.alarms.get(id)!).map(({ isAtLeast, firstHeardMs, pressedMs }) => [isAtLeast, firstHeardMs - pressedMs]);
  assert.deepEqual(told, [[true, 30_000], [true, 10_000], [false, 0], [false, 0]]);
});

test("lateness is told only of a device whose clock is set, and is right though the PC's clock is wrong by hours", async () => {
  const rig = new Rig();
  rig.wallMs -= 5 * 3_600_000;
  await rig.open();
  rig.pass(100);
  const trueMs = rig.wallMs + 5 * 3_600_000;
  const time = new Date(trueMs).toISOString();
  const other = { base: "edge/v1/gp/site/kiosk-2/up" };
  rig.hear("alarm/police", rig.alarm({ alarm_id: "a9" }, { time, source: "/edge/gp/site/kiosk-2" }), other);
  rig.hear("alarm/police", rig.alarm({ raised_at: new Date(trueMs - 90_000).toISOString() }, { time }));
  rig.hear("alarm/police", rig.alarm({ alarm_id: "a2", raised_at: "1970-01-01T00:00:09.000Z" }, { time, timeq: "unsynced" }));
  rig.pass(3000);
  const [known, unknown] = [rig.alarms.get("a1"), rig.alarms.get("a2")];
  assert.ok(Math.abs(known!.lateMs! - 90_000) < 100, `${known!.lateMs} ms`);
  assert.ok(Math.abs(known!.firstHeardMs - known!.pressedMs - 90_000) < 100);
  assert.deepEqual([unknown!.lateMs, unknown!.pressedMs], [null, unknown!.firstHeardMs]);
  const links = rig.tells.filter((tell) => tell.tell === "links").at(-1)!;
  assert.ok(Math.abs(links.clockWrongByMs! + 5 * 3_600_000) < 200, `${links.clockWrongByMs}`);
});

test("an alarm that was open before the page heard of it rings with its age, and nobody calls it late", async () => {
  const rig = await new Rig().begin();
  const raised_at = new Date(rig.wallMs - 240_000).toISOString();
  rig.hear("alarms", rig.openList([{ raised_at }]), { retain: true });
  rig.hear("alarms", rig.openList([{ raised_at }, { alarm_id: "a2", raised_at }]));
  rig.hear("alarm/police", rig.alarm({ alarm_id: "a3", raised_at, historical: true }));
  rig.hear("alarm/police", rig.alarm({ raised_at, press_count: 2 }));
  rig.pass(100);
  for (const [id, isBefore] of [["a1", true], ["a2", true], ["a3", false]] as const) {
    const { lateMs, wasOpenBefore, isRinging, pressedMs, firstHeardMs } = rig.alarms.get(id)!;
    assert.deepEqual([lateMs === null, wasOpenBefore, isRinging], [isBefore, isBefore, true], id);
    assert.ok(Math.abs(firstHeardMs - pressedMs - 240_000) < 200, `${id}: ${firstHeardMs - pressedMs} ms`);
  }
});

test("one device with a false clock moves neither ages nor signatures, whatever it says of its clock", async () => {
  const rig = await new Rig().begin();
  const false_ = new Date(rig.wallMs - 330 * 86_400_000).toISOString();
  rig.hear("alarm/police", rig.alarm({}, { time: false_ }));
  rig.pass(3000);
  assert.equal(rig.tells.filter((tell) => tell.tell === "links").at(-1)!.clockWrongByMs, null);
  await rig.room.ask({ ask: "order", ticket: 1, source: "/edge/gp/site/kiosk", name: "ping", args: {} });
  await until(() => rig.orders().length > 0);
  const said = rig.brokers[0]!.said.find(({ topic }) => topic.includes("/down/"))!;
  assert.ok(Math.abs(Number(claims(said.payload)["iat"]) - rig.wallMs / 1000) < 5);
});

test("an ack is repeated to every broker under the same name until its result, and given up when the alarm is closed", async () => {
  const rig = await new Rig().begin();
  rig.hear("state", rig.state());
  rig.hear("alarm/police", rig.alarm());
  const args = { alarm_id: "a1", action: "registered", by: "Thandi" };
  await rig.room.ask({ ask: "order", ticket: 5, source: "/edge/gp/site/kiosk", name: "ack", args });
  rig.pass(20_000);
  await until(() => rig.orders(1).length >= 5);
  assert.deepEqual([rig.orders(0).length, rig.orders(1).length], [5, 5], "at once, then after 1, 2 and 4 s, then every 10 s");
  const tokens = rig.brokers[0]!.said.filter(({ topic }) => topic.includes("/down/")).map(({ payload }) => claims(payload));
  assert.equal(new Set(tokens.map((each) => each["cmd_id"])).size, 1);
  assert.equal(new Set(tokens.map((each) => each["ctr"])).size, 5);
  rig.hear("alarm/police", rig.alarm({ stage: "closed" }));
  const told = rig.tells.filter((tell) => tell.tell === "order").at(-1)!;
  assert.deepEqual([told.ticket, told.error, told.isFinal], [5, "abandoned", true]);
});

const isChecking = (rig: Rig): boolean => rig.tells.filter((tell) => tell.tell === "links").at(-1)!.isChecking;

test("nobody is told that no call waits before every broker has brought what it had kept", async () => {
  const rig = await new Rig().open();
  assert.equal(isChecking(rig), true);
  rig.pass(200);
  rig.hear("alarms", rig.openList([{}]), { retain: true });
  for (const endMs = rig.nowMs + 2000; rig.nowMs < endMs && isChecking(rig); ) {
    rig.pass(50);
    assert.ok(isChecking(rig) || rig.alarms.has("a1"), "it was said while a call waited");
  }
  assert.deepEqual([isChecking(rig), rig.alarms.size], [false, 1]);
  rig.brokers[0]!.echoes = false;
  rig.brokers[0]!.lose();
  rig.brokers[0]!.open();
  rig.pass(1000);
  assert.equal(isChecking(rig), true, "without an echo nothing is known of this connection");
});

test("a broker that stays away keeps nobody from hearing that no call waits at the other", async () => {
  const rig = new Rig();
  await rig.room.ask({ ask: "open", settings: SETTINGS, login: { name: "thandi", password: "x" }, seat: "thandi" });
  rig.brokers[0]!.open();
  rig.pass(2500);
  assert.equal(isChecking(rig), true);
  rig.pass(1000);
  assert.equal(isChecking(rig), false);
});

for (const [what, clocks] of [["by every clock", ["nowMs", "wallMs"]], ["by the PC's clock alone", ["wallMs"]]] as const) {
  test(`a page that was asleep ${what} does not say that no call waits before it has looked`, async () => {
    const rig = await new Rig().open();
    rig.pass(2000);
    assert.equal(isChecking(rig), false);
    for (const clock of clocks) rig[clock] += 3000;
    rig.pass(50);
    assert.equal(isChecking(rig), true);
    rig.pass(1000);
    assert.equal(isChecking(rig), false);
  });
}

for (const [what, isUp] of [["is dead", false], ["has nothing of the device", true]] as const) {
  test(`somebody who waits is heard within a second where the other broker ${what}`, async () => {
    const rig = new Rig();
    await rig.room.ask({ ask: "open", settings: SETTINGS, login: { name: "thandi", password: "x" }, seat: "thandi" });
    for (const broker of isUp ? rig.brokers : rig.brokers.slice(0, 1)) broker.open();
    const sinceMs = rig.nowMs;
    rig.hear("alarms", rig.openList([{}]), { retain: true });
    for (; rig.nowMs < sinceMs + 5000 && rig.alarms.get("a1")?.isRinging !== true; ) rig.pass(50);
    assert.ok(rig.nowMs - sinceMs < 1000, `${rig.nowMs - sinceMs} ms`);
  });
}

test("a broker that was too slow to be waited for ends the ring for what is closed", async () => {
  const rig = await new Rig().open();
  const older = rig.openList([{}]);
  const newer = rig.openList([]);
  rig.hear("alarms", older, { broker: 1, retain: true });
  rig.pass(2000);
  assert.equal(rig.alarms.get("a1")!.isRinging, true);
  rig.hear("alarms", newer, { retain: true });
  rig.pass(600);
  assert.deepEqual([rig.alarms.get("a1")!.isRinging, rig.alarms.get("a1")!.lost], [false, "unheard"]);
});
