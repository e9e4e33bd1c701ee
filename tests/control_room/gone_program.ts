// Who is gone and who is back, as the worker tells the page. Run by test_room.py; the rules are in tests/vectors/outages.json.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { OutageView } from "../../deploy/control-room/src/protocol";
import { Rig } from "./room_rig";

const SOWETO = ["clinic", "mall", "station"].flatMap((site) => [1, 2, 3, 4].map((n) => `gp/soweto-${site}/kiosk-${n}`));
const SANDTON = ["park", "square"].flatMap((site) => [1, 2, 3, 4].map((n) => `gp/sandton-${site}/kiosk-${n}`));
const sources = (names: readonly string[]): string[] => names.map((name) => `/edge/${name}`).sort();

class Province {
  readonly rig = new Rig();
  /** By device, the number of the broker by which it speaks. */
  readonly alive = new Map<string, number>();
  #lastMs = 0;

  async open(names: readonly string[]): Promise<this> {
    await this.rig.open();
    for (const name of names) this.alive.set(name, 0);
    for (const name of names) this.say(name, "state", this.rig.state({ source: `/edge/${name}` }));
    return this;
  }
  say(name: string, level: string, payload: string): void {
    this.rig.hear(level, payload, { base: `edge/v1/${name}/up`, broker: this.alive.get(name) ?? 0 });
  }
  pass(seconds: number): void {
    this.rig.pass(seconds * 1000, () => {
      if (this.rig.nowMs - this.#lastMs < 75_000) return;
      this.#lastMs = this.rig.nowMs;
      for (const name of this.alive.keys()) this.say(name, "health", this.rig.health({}, { source: `/edge/${name}`, monoms: this.rig.nowMs }));
    });
  }
  get outages(): OutageView[] {
    return this.rig.tells.flatMap((tell) => (tell.tell === "outages" ? [tell.outages] : [])).at(-1) ?? [];
  }
}

test("a suburb that goes dark is one row, the lonely kiosk another, and both say when they are back", async () => {
  const world = await new Province().open([...SOWETO, ...SANDTON]);
  world.pass(300);
  assert.deepEqual(world.outages, []);
  const darkMs = world.rig.nowMs;
  for (const name of [...SOWETO, SANDTON[0]!]) world.alive.delete(name);
  world.pass(180);
  const [suburb, lonely] = [...world.outages].sort((a, b) => b.sources.length - a.sources.length);
  assert.deepEqual([suburb!.place, suburb!.sources, suburb!.of, suburb!.unheard], ["gp/soweto", sources(SOWETO), 12, []]);
  assert.deepEqual([lonely!.place, lonely!.sources, world.outages.length], [SANDTON[0], sources([SANDTON[0]!]), 2]);
  assert.ok(suburb!.sinceMs! <= darkMs && suburb!.sinceMs! > darkMs - 76_000);
  assert.equal(world.rig.alarms.size, 0);
  for (const name of SOWETO.slice(1)) world.alive.set(name, 0);
  world.pass(150);
  const back = world.outages.find(({ place }) => place === "gp/soweto")!;
  assert.deepEqual([back.sources, back.back, back.backMs !== null], [sources([SOWETO[0]!]), 11, true]);
  for (const name of [SOWETO[0]!, SANDTON[0]!]) world.alive.set(name, 0);
  world.pass(150);
  assert.deepEqual(world.outages.map(({ sources: left, back: count }) => [left.length, count]), [[0, 12], [0, 1]]);
  world.pass(700);
  assert.deepEqual(world.outages, [], "and a while later nothing more");
});

test("devices that spoke by a broker that this page has lost are one row which says so", async () => {
  const world = await new Province().open([...SOWETO, ...SANDTON]);
  for (const name of [SOWETO[0]!, SANDTON[0]!]) world.alive.set(name, 1);
  world.pass(300);
  world.rig.brokers[1]!.lose();
  for (const name of [SOWETO[0]!, SANDTON[0]!]) world.alive.delete(name);
  world.pass(180);
  assert.deepEqual(world.outages.map(({ place, unheard }) => [place, unheard]), [["gp", ["b"]]]);
});

