// A room under Node with brokers and a clock that a test holds, and a kiosk that speaks to it.
import type { AlarmView, DeviceView, EventView, LinkView, Settings, Tell } from "../../deploy/control-room/src/protocol";
import type { LineEvents, Session } from "../../deploy/control-room/src/worker/broker";
import { type Kept, Keys } from "../../deploy/control-room/src/worker/keys";
import { Room } from "../../deploy/control-room/src/worker/room";

export const UTF8 = new TextEncoder();
export const SETTINGS: Settings = {
  centre: "c", title: "", language: "en", root: "edge/v1", outlines: [], tiles: null, units: [], registrar: null, clips: false, key_by_link: false, exercises_ring: false,
  ring_after_s: 15, supervisor_after_s: 60, brokers: [{ name: "a", url: "wss://a/" }, { name: "b", url: "wss://b/" }],
};
export const STATE = "edge/v1/host/thandi/state";
export const ECHO = "edge/v1/host/thandi/echo";
const KIOSK = "edge/v1/gp/site/kiosk/up";
/** The key of RFC 8037, as the contract's example has it. */
export const EXAMPLE = {
  kty: "OKP", crv: "Ed25519", kid: "operator-example", role: "operator", iss: "control-room",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
};
export type Json = Record<string, unknown>;

/** One broker, which a test opens, and has fail. */
export class FakeBroker {
  readonly said: { topic: string; payload: string; retain: boolean }[] = [];
  echoes = true;
  isUp = false;
  resets = 0;
  silentMs = 0;
  /** When it brought back the last echo of this connection. */
  echoedMs = -Infinity;
  /** How often it was told that we watch, though it had brought no echo for 5 s. */
  unfounded = 0;
  constructor(readonly session: Session, readonly events: LineEvents, readonly nowMs: () => number) {}
  /** The QoS of the last echo. */
  echoQos = -1;
  publish(topic: string, payload: string, { qos = 1, retain = false }: { qos?: 0 | 1; retain?: boolean }): void {
    if (!this.isUp) return;
    if (topic === ECHO) this.echoQos = qos;
    this.said.push({ topic, payload, retain });
    if (topic === STATE && payload.includes("true") && this.nowMs() - this.echoedMs >= 5000) this.unfounded++;
    if (topic !== ECHO || !this.echoes) return;
    this.echoedMs = this.nowMs();
    this.events.message(topic, UTF8.encode(payload), false);
  }
  /** What it was last asked to bring besides. */
  watched: readonly string[] = [];
  watch(topics: readonly string[]): void {
    this.watched = topics;
  }
  open(): void {
    this.isUp = true;
    this.echoedMs = -Infinity;
    this.events.state("open", "");
  }
  lose(): void {
    this.isUp = false;
    this.events.state("down", "no-connection");
  }
  reset(): void {
    this.resets++;
    this.lose();
  }
  end(): void {
    this.isUp = false;
  }
  /** What it was told of whether we watch. */
  get states(): boolean[] {
    return this.said.filter(({ topic }) => topic === STATE).map(({ payload }) => (JSON.parse(payload) as { online: boolean }).online);
  }
}

export class Rig {
  nowMs = 1000;
  wallMs = Date.UTC(2026, 10, 24);
  readonly tells: Tell[] = [];
  readonly brokers: FakeBroker[] = [];
  kept: Kept | null = null;
  readonly keys = new Keys({ load: () => Promise.resolve(this.kept), save: (kept) => Promise.resolve(void (this.kept = kept)) });
  readonly room = new Room({
    clock: { nowMs: () => this.nowMs, wallMs: () => this.wallMs },
    keys: this.keys,
    tell: (tell) => this.tells.push(tell),
    connect: (_, session, events) => {
      const broker = new FakeBroker(session, events, () => this.nowMs);
      this.brokers.push(broker);
      return broker;
    },
  });
  seq = 0;
  async open(): Promise<this> {
    await this.room.ask({ ask: "open", settings: SETTINGS, login: { name: "thandi", password: "x" }, seat: "thandi" });
    for (const broker of this.brokers) broker.open();
    return this;
  }
  async begin(): Promise<this> {
    await this.open();
    await this.room.ask({ ask: "import-key", jwk: EXAMPLE, isSure: true });
    await this.room.ask({ ask: "begin", by: "Thandi" });
    return this;
  }
  pass(ms: number, each?: () => void): void {
    for (const end = this.nowMs + ms; this.nowMs < end; ) {
      this.nowMs += 50;
      this.wallMs += 50;
      each?.();
      this.room.tick();
    }
  }
  hear(level: string, payload: string | Uint8Array, { broker = 0, base = KIOSK, retain = false } = {}): void {
    const octets = typeof payload === "string" ? UTF8.encode(payload) : payload;
    this.brokers[broker]!.events.message(`${base}/${level}`, octets, retain);
  }
  envelope(type: string, data: Json, more: Json = {}): string {
    const seq = ++this.seq;
    return JSON.stringify({
      specversion: "1.0", id: `id-${seq}`, source: "/edge/gp/site/kiosk", type, subject: "x", seq, epoch: "e1",
      time: new Date(this.wallMs).toISOString(), dataschema: "x", datacontenttype: "application/json", bootid: "b",
      recordtop: 0, recorddone: 0, monoms: seq, timeq: "synced", nonce: "n1", data: { historical: false, ...data }, ...more,
    });
  }
  #alarmData(data: Json): Json {
    return {
      historical: false, alarm_id: "a1", input: "police", kind: "panic", status: "actual", silent: false, press_count: 1,
      stage: "raised", repeats: 0, reraised: 0, raised_at: new Date(this.wallMs).toISOString(),
      codes: { contact_id: "120", sia: "PA" }, latency_ms: {}, ...data,
    };
  }
  alarm(data: Json = {}, more: Json = {}): string {
    return this.envelope("edge.alarm.raised.v1", this.#alarmData(data), more);
  }
  openList(alarms: Json[], more: Json = {}): string {
    return this.envelope("edge.alarms.v1", { open: alarms.map((data) => this.#alarmData(data)) }, more);
  }
  health(data: Json = {}, more: Json = {}): string {
    return this.envelope("edge.health.v1", {
      status: "ok", parts: {}, uptime_s: 1, outbox: {}, dropped: {}, cpu_percent: 1, memory_bytes: 1, disk_free_bytes: 1,
      disk: {}, cameras: {}, inputs: {}, ...data,
    }, more);
  }
  state(more: Json = {}): string {
    const data = { state: "online", bdseq: 1, epoch: "e1", boot_nonce: "n1", agent_version: "1", config_revision: "1" };
    return this.envelope("edge.state.v1", data, more);
  }
  get links(): LinkView[] {
    return this.tells.filter((tell) => tell.tell === "links").at(-1)!.links;
  }
  get isWatching(): boolean {
    return this.tells.filter((tell) => tell.tell === "links").at(-1)!.isWatching;
  }
  /** The rows as a page has them. */
  get alarms(): Map<string, AlarmView> {
    const rows = new Map<string, AlarmView>();
    for (const tell of this.tells) {
      if (tell.tell !== "changed") continue;
      for (const alarm of tell.alarms) rows.set(alarm.alarmId, alarm);
      for (const gone of tell.gone) rows.delete(gone);
    }
    return rows;
  }
  /** The kiosk as a page has it. */
  get kiosk(): DeviceView {
    return this.tells.flatMap((tell) => (tell.tell === "changed" ? tell.devices : [])).at(-1)!;
  }
  get events(): EventView[] {
    return this.tells.flatMap((tell) => (tell.tell === "changed" ? tell.events : []));
  }
  orders(broker = 0): string[] {
    return this.brokers[broker]!.said.filter(({ topic }) => topic.includes("/down/")).map(({ topic }) => topic);
  }
}
