// A worker with no broker behind it, that makes the states the page must be able to show. Its address says which: /flood/worker.js.
// It is in no build that is shipped.
import type { AckArgs, AlarmData, ClipHoldArgs, HealthData, MetaData, Stage } from "../src/contract";
import type { AlarmView, Ask, ClipView, DeviceView, EventView, KeyView, Lamps, LinkView, LookView, OutageView, Settings, Tell } from "../src/protocol";

const scenario = self.location.pathname.split("/")[1] ?? "day";
const now = () => performance.timeOrigin + performance.now();
const tell = (what: Tell) => self.postMessage(what);

let settings: Settings | null = null;
let isWatching = false;
let isChecking = false;
let key: KeyView | null = null;
let isDeaf = false;
let watchers: string[] = [];
let isRefused = false;
let sinceMs = now();
const alarms = new Map<string, AlarmView>();
const devices = new Map<string, DeviceView>();
const PLACES = ["Park Station, Rissik Street entrance", "Bree Taxi Rank, stand 14", "Joubert Park, north gate", "Gandhi Square, bus stop 3", "Noord Street, corner of Twist", "Vilakazi Street, museum", "Faraday Rank, stairs", "Constitution Hill, ramp", "Durban beachfront, pier 2", "Warwick Junction, bridge"];
const HOSTILE = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>\u202egnp.exe "';DROP`;

let seed = 7;
function random(): number {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return seed / 2147483648;
}

const LAMPS: Partial<Record<Stage, Lamps>> = {
  raised: { yellow: "on", green: "off", beacon: "flash", tone: "off" },
  sent: { yellow: "on", green: "off", beacon: "flash", tone: "off" },
  delayed: { yellow: "fast-flash", green: "off", beacon: "flash", tone: "off" },
  unconfirmed: { yellow: "fast-flash", green: "off", beacon: "flash", tone: "on" },
  registered: { yellow: "on", green: "on", beacon: "flash", tone: "off" },
  dispatched: { yellow: "on", green: "slow-pulse", beacon: "flash", tone: "off" },
};

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function alarm(n: number, agoS: number, more: Partial<AlarmData> = {}, view: Partial<AlarmView> = {}): AlarmView {
  const place = PLACES[n % PLACES.length] ?? "";
  const data = {
    historical: false,
    alarm_id: `0198c0de-0000-7000-8000-${String(n).padStart(12, "0")}`,
    input: "police",
    kind: "panic",
    status: "actual",
    silent: false,
    press_count: 1,
    stage: agoS > 30 ? "delayed" : "sent",
    repeats: 0,
    reraised: 0,
    raised_at: iso(now() - agoS * 1000),
    location: { lat: -26.2 + random() * 0.2 - 0.1, lon: 28.05 + random() * 0.2 - 0.1, text: place },
    codes: { contact_id: "120", sia: "PA" },
    latency_ms: { sent: 140 },
    answered_by: {},
    camera: { name: "front", persons: n % 4, tracks: [`abcdef01-${n}`], snapshot: `pic-${n}` },
    ...more,
  } as AlarmData;
  return {
    alarmId: data.alarm_id,
    source: `/edge/gp/${place.toLowerCase().split(/[ ,]+/).slice(0, 2).join("-")}/kiosk-${n}`,
    data,
    isOpen: true,
    lost: null,
    isSelfTest: false,
    pressedMs: now() - agoS * 1000,
    isAtLeast: scenario === "unset",
    firstHeardMs: now() - agoS * 1000 + 180,
    raisesAgainMs: null,
    brokers: ["a", "b"],
    lateMs: 180,
    wasOpenBefore: false,
    lamps: LAMPS[data.stage] ?? { yellow: "off", green: "off", beacon: "steady", tone: "off" },
    isRinging: data.status === "actual" && data.held_by === undefined,
    hasPicture: true,
    clips: [],
    ...view,
  };
}

let clips = 0;
/** A recording that begins 15 s before a press so long ago. */
const clip = (agoS: number, state: ClipView["state"], more: Partial<ClipView> = {}): ClipView => ({ clip: `0198c0de-0000-7000-9000-${String(++clips).padStart(12, "0")}`, camera: "front", state, begins: iso(now() - (agoS + 15) * 1000), ends: state === "ended" ? iso(now() - (agoS - 80) * 1000) : null, beforeS: 15.04, reason: state === "ended" ? "complete" : "", failure: null, held: null, parts: [], unsent: [], beyond: 0, isWhole: false, ...more });

const held = (by: string, agoS: number) => ({ issuer: by.toLowerCase(), by, at: iso(now() - agoS * 1000) });

/** When a kiosk raises an alarm of this stage again. */
const again = (stage: Stage): number | null => (stage === "registered" ? now() + 180_000 : stage === "dispatched" ? now() + 900_000 : null);

function taken(n: number, agoS: number, by: string, after: number, unit?: string): AlarmView {
  const answer = held(by, agoS - after);
  return alarm(n, agoS, {
    stage: unit === undefined ? "registered" : "dispatched",
    held_by: answer,
    answered_by: { registered: answer, ...(unit === undefined ? {} : { dispatched: { ...answer, unit } }) },
    latency_ms: { sent: 130, registered: after * 1000, ...(unit === undefined ? {} : { dispatched: after * 1000 + 21_000 }) },
  }, { raisesAgainMs: again(unit === undefined ? "registered" : "dispatched") });
}

const WALK = { report: "r1", at: "2026-01-02T09:15:00.000Z", by: "Sipho Nkosi" };
/** What a device has of its commissioning: nothing, one with a step left out, one that has failed. */
const WALKS = [undefined, { ...WALK, verdict: "incomplete", failed: [], left_out: ["siren"] }, { ...WALK, verdict: "failed", failed: ["button-police"], left_out: ["input-mains"] }];

function device(n: number, more: Partial<DeviceView> = {}): DeviceView {
  const isCoast = n % 5 === 4;
  const lat = (isCoast ? -29.75 : -26.2) + (random() - 0.5) * 0.7;
  const lon = (isCoast ? 30.75 : 28.1) + (random() - 0.5) * 0.6;
  const past = Array.from({ length: 60 }, (_, i) => ({ atMs: now() - (60 - i) * 60_000, cpuC: 48 + 6 * Math.sin(i / 7 + n) + random() * 2, memoryMiB: 88 + i / 10 + random(), diskFreeMiB: 9100 - i * 2, waiting: i % 17 === 0 ? 3 : 0 }));
  return {
    source: `/edge/gp/site-${String(n % 400).padStart(3, "0")}/kiosk-${n}`,
    presence: "online",
    sinceMs: now() - 3_600_000,
    brokers: { a: "online", b: "online" },
    lastHeardMs: now() - 20_000 * random(),
    meta: { historical: false, location: { lat, lon, text: `${PLACES[n % PLACES.length]}, kiosk ${n}` }, capabilities: ["ping", "rebirth", "snapshot"], inputs: [], outputs: [], cameras: [], schemas: ["edge.commissioning.v1"], commissioned: WALKS[n % 3] } as unknown as MetaData,
    health: { parts: { uplink: { state: "ok" }, centre: { state: "ok" }, storage: { state: "ok" }, "camera front": { state: "degraded", detail: "no frame for 12 s" } }, self_test: { time: iso(now() - 9 * 3_600_000), passed: true, failed: [] } } as unknown as HealthData,
    past,
    troubles: [],
    isInService: true,
    openAlarms: 0,
    certificateEndsMs: now() + (20 + (n % 300)) * 86_400_000,
    version: "2.4.0",
    timeq: "synced",
    ...more,
  };
}

function event(n: number, type: string, data: Record<string, unknown>, agoS: number): EventView {
  return { id: `ev-${type}-${n}`, source: `/edge/gp/park-station/kiosk-${n % 9}`, type, heardMs: now() - agoS * 1000, timeMs: now() - agoS * 1000, historical: n % 11 === 0, data };
}

function changed(more: Partial<Extract<Tell, { tell: "changed" }>>): void {
  for (const one of more.alarms ?? []) alarms.set(one.alarmId, one);
  for (const one of more.devices ?? []) devices.set(one.source, one);
  tell({ tell: "changed", alarms: [], gone: [], devices: [], events: [], losses: [{ source: "/edge/gp/park-station/kiosk-3", first: 811, last: 840, state: "lost" }], ...more });
}

function someEvents(): EventView[] {
  const list: EventView[] = [];
  for (let n = 0; n < 40; n++) {
    const seen = { event_id: `e${n}`, camera: "front", zone: "queue", track: `abcdef01-${n}` };
    list.push(event(n * 3, "edge.event.person-entered.v2", { ...seen, persons: 1 + (n % 3), duration_ms: 400, score: 0.91 }, 4000 - n * 90));
    if (n < 36) list.push(event(n * 3, "edge.event.person-left.v2", { ...seen, persons: 0, duration_ms: 23_000 + n * 1000 }, 3970 - n * 90));
  }
  list.push(event(501, "edge.event.out-of-service.v1", { reasons: ["no-centre"] }, 300));
  list.push(event(502, "edge.security.command-rejected.v1", { kind: "command-rejected", severity: "warning", text: "an ack was refused: unknown-key", detail: { code: "unknown-key" } }, 200));
  list.push(event(503, "edge.security.alarms-lost.v1", { kind: "alarms-lost", severity: "alert", text: "the database was damaged: 1 open alarm is lost", detail: {} }, 120));
  list.push(event(504, "edge.event.drone-landed.v7", { event_id: "x", rotors: 4, text: "A type that is newer than this page" }, 60));
  list.push(event(505, "edge.event.camera-tamper.v1", { event_id: "t1", camera: "front", kind: "covered", active: true, snapshot: "t1", detail: "the picture is almost one colour" }, 30));
  list.push(event(507, "edge.event.camera-tamper.v1", { event_id: "t2", camera: "yard", kind: "turned", active: true, snapshot: LATE, detail: "it shows another scene" }, 25));
  list.push(event(506, "edge.event.hardly-able-to-see.v1", { event_id: "h1", camera: "yard", reason: "blurred", active: true, detail: "the picture is blurred: focus the lens" }, 20));
  return list;
}

function fleet(count: number): DeviceView[] {
  return Array.from({ length: count }, (_, n) => {
    if (n % 29 === 3) return device(n, { presence: "lost", ...(n === 3 ? { certificateEndsMs: now() - 3_600_000 } : {}), brokers: { a: "lost", b: "lost" }, sinceMs: now() - n * 9000 - 5000 });
    if (n % 31 === 5) return device(n, { presence: "silent", sinceMs: now() - 400_000 });
    if (n % 23 === 7) return device(n, { troubles: ["door", "front covered"] });
    return n % 37 === 9 ? device(n, { isInService: false, troubles: ["nobody watches"] }) : device(n);
  });
}

function play(): void {
  if (scenario === "hostile") {
    return changed({
      alarms: [alarm(1, 20, { location: { lat: 999, lon: Number.NaN, text: HOSTILE }, input: HOSTILE, kind: HOSTILE, held_by: { issuer: "x", by: HOSTILE, at: HOSTILE } }, { clips: [clip(1, "ended", { clip: HOSTILE, camera: HOSTILE, begins: HOSTILE, reason: "__proto__", failure: HOSTILE, held: HOSTILE })] }), alarm(2, 8, { location: { lat: -26.1, lon: 28.1, text: "W".repeat(3000) } }), alarm(3, 5, { location: { lat: -26.1, lon: 28, text: "" }, stage: "beyond" as Stage, codes: undefined as never })],
      devices: [device(9001, { version: HOSTILE, troubles: [HOSTILE], meta: { location: { lat: -26.1, lon: 28.2, text: HOSTILE }, capabilities: [HOSTILE], commissioned: { at: HOSTILE, by: HOSTILE, verdict: "failed", failed: [HOSTILE], left_out: [HOSTILE] } } as unknown as MetaData })],
      events: [event(1, `edge.event.${HOSTILE}.v1`, { event_id: HOSTILE, camera: HOSTILE, text: HOSTILE, [HOSTILE]: { deep: [HOSTILE] } }, 3)],
    });
  }
  if (scenario === "one-kiosk") {
    const at = { source: "/edge/gp/jhb-park-station/kiosk-0042", lamps: LAMPS.sent! };
    const three = [alarm(8, 40), taken(9, 70, "Naledi", 9, "car 7"), taken(10, 55, "Naledi", 12)];
    const bare = { location: undefined as never, camera: undefined as never };
    return changed({
      alarms: three.map((one, n) => ({ ...one, ...at, data: { ...one.data, ...bare, stage: n === 0 ? "sent" : one.data.stage, input: `button-${n + 4}` } })),
      devices: [device(42, { source: at.source, meta: null, openAlarms: 3, timeq: "unsynced", certificateEndsMs: now() + 86_400_000, health: { certificate_trouble: "it ends in 1 day, and this device does not renew it by itself" } as HealthData })],
    });
  }
  if (scenario === "duress") {
    const silent = { silent: true, kind: "duress", input: "desk" };
    const its = { lamps: LAMPS.closed ?? { yellow: "off", green: "off", beacon: "steady", tone: "off" } } as const;
    const sipho = taken(3, 70, "Sipho", 9);
    return changed({ alarms: [alarm(1, 12), alarm(2, 5, silent, its), { ...sipho, ...its, data: { ...sipho.data, ...silent } }], devices: fleet(60) });
  }
  if (scenario === "torrent") return torrent();
  changed({ devices: fleet(scenario === "flood" ? 5000 : 60) });
  if (scenario === "empty" || scenario === "site") return;
  if (scenario === "flood") {
    changed({ alarms: Array.from({ length: 1000 }, (_, n) => (n % 3 === 0 ? alarm(n, 5 + n) : taken(n, 200 + n, n % 2 ? "Thandi" : "Sipho", 9, n % 3 === 1 ? undefined : "car 7"))), events: someEvents() });
    setInterval(() => {
      const all = [...devices.values()];
      changed({ devices: Array.from({ length: 20 }, () => ({ ...all[Math.floor(random() * all.length)]!, lastHeardMs: now() })) });
    }, 250);
    return;
  }
  const closed = Array.from({ length: 12 }, (_, i) => {
    const done = taken(20 + i, 3600 + i * 140, "Thandi", 6 + (i % 5) * 3, "car 12");
    done.data.answered_by = { ...done.data.answered_by, closed: { ...held("Thandi", 3000), reason: i % 4 === 0 ? "false-alarm" : "helped" } };
    const ended = [clip(3600, "ended", { held: "CAS 123/11/2026", failure: "the card did not take 2 s" }), clip(3600, "cut"), clip(3600, "deleted", { reason: "age" }), clip(3600, "unheard", { begins: null, beforeS: null })][i];
    return { ...done, ...(ended && { clips: [ended] }), isOpen: false, pressedMs: now() + 1, data: { ...done.data, stage: "closed" as const } };
  });
  const recorded = alarm(0, 7, { press_count: 2, camera: { name: "front", persons: 2, tracks: ["abcdef01-38", "abcdef01-39"], snapshot: "pic-0" } }, { clips: [clip(7, "recording"), clip(7, "asked", { camera: "lane", failure: "no room on the card", begins: null, beforeS: null })] });
  const cameras = ["front", "lane"].map((name) => ({ name, source: "sim", model: "", recorded: true }));
  const kiosk = device(0, { source: recorded.source, openAlarms: 1 });
  changed({
    devices: [{ ...kiosk, meta: { ...kiosk.meta!, cameras }, health: { ...kiosk.health!, cameras: { lane: { recording: { state: "degraded", detail: "no room on the card: 12 MB are left" } } } } as unknown as HealthData }],
    alarms: [
      ...closed,
      recorded,
      alarm(4, 2900, { stage: "unconfirmed", repeats: 12, historical: true, press_count: 3 }, { lateMs: 2_870_000, brokers: ["b"] }),
      { ...taken(1, 95, "Thandi", 8), lateMs: null, wasOpenBefore: true },
      taken(2, 400, "Sipho", 13, "car 7"),
      taken(7, 600, "Sipho", 17, "Park Station patrol"),
      alarm(5, 1800, { held_by: held("Thandi", 1700) }, { lost: "vanished", isRinging: false }),
      alarm(3, 60, { status: "test", stage: "registered" }),
      alarm(6, 30, { status: "exercise", kind: "medical" }),
    ],
    events: someEvents(),
  });
}

/** An hour of 3,000 devices with ten times their traffic, as fast as the page takes it: 50 events and 100 healths a second of it, with one tamper in
 * its first minute, and a kiosk that sends a refused command each second. */
function torrent(): void {
  const all = fleet(3000);
  for (let from = 0; from < all.length; from += 200) changed({ devices: all.slice(from, from + 200) });
  const at = (n: number, type: string, data: Record<string, unknown>): EventView => ({ ...event(0, type, data, 0), id: `torrent-${n}-${type}`, source: all[(n * 7919) % all.length]!.source, historical: false });
  let second = 0;
  const timer = setInterval(() => {
    second += 1;
    const events = Array.from({ length: 49 }, (_, i) => {
      const n = second * 49 + i;
      const whose = { event_id: `t${n - (n % 2)}`, camera: "front", zone: "queue", track: `abcdef01-${n}` };
      return n % 2 === 0 ? at(n, "edge.event.person-entered.v2", { ...whose, persons: 1, duration_ms: 400, score: 0.91 }) : { ...at(n, "edge.event.person-left.v2", { ...whose, persons: 0, duration_ms: 23_000 }), source: all[((n - 1) * 7919) % all.length]!.source };
    });
    events.push({ ...at(second, "edge.security.command-rejected.v1", { kind: "command-rejected", severity: "warning", text: "an ack was refused: unknown-key", detail: {} }), source: all[1]!.source });
    if (second === 30) events.push(at(second, "edge.event.camera-tamper.v1", { event_id: "covered", camera: "front", kind: "covered", active: true, detail: "the picture is almost one colour" }));
    changed({ devices: Array.from({ length: 100 }, () => ({ ...all[Math.floor(random() * all.length)]!, lastHeardMs: now() })), events });
    if (second === 3600) clearInterval(timer);
  }, 100);
}

/** What may happen on the channel `happen`: `press`, `duress` (a silent one), `more` (a further press of the newest alarm), `answer` (by somebody else), `sent` (car 7, by
 * somebody else), `close`,
 * `wait` (it was pressed 40 s ago), `due` (it raises itself again in 42 s), `again` (it does), `deaf`, `hear`, `sipho` (watches too), `dark` (a suburb
 * and three devices by themselves), `back` (all of the suburb, and one of the others),
 * `key` or `no-key` (the one in the address has been
 * taken, or refused). */
let pressed = 5000;
function outages(isBack: boolean): OutageView[] {
  const suburb = ["clinic", "mall"].flatMap((site) => [1, 2, 3].map((n) => `/edge/gp/soweto-${site}/kiosk-${n}`));
  const row = (id: number, place: string, of: string[], back: number): OutageView => ({ id, place, sources: of.slice(back), of: of.length + 1, unheard: [], sinceMs: now() - 200_000, back, backMs: back > 0 ? now() : null });
  const lonely = [...devices.keys(), "/edge/gp/x/1", "/edge/gp/x/2"].slice(0, 3).map((source, i) => row(2 + i, source.slice(6), [source], isBack && i === 0 ? 1 : 0));
  return [row(1, "gp/soweto", suburb, isBack ? 6 : 0), ...lonely, { ...row(9, "", ["/edge/gp/y/1", "/edge/kzn/y/1"], isBack ? 1 : 0), unheard: ["broker-b"], sinceMs: null }];
}

function happen(what: string): void {
  if (what === "key") void makeKey("operator", "imported");
  if (what === "sipho") watchers = ["sipho"];
  if (what === "dark" || what === "back") tell({ tell: "outages", outages: outages(what === "back") });
  if (what === "no-key") tell({ tell: "key", key });
  if (what === "duress") changed({ alarms: [alarm(++pressed, 0, { silent: true, kind: "duress", input: "desk" })] });
  if (what === "press") changed({ alarms: [alarm(++pressed, 0)] });
  const newest = [...alarms.values()].at(-1);
  if (newest !== undefined) {
    if (what === "more") changed({ alarms: [{ ...newest, data: { ...newest.data, press_count: newest.data.press_count + 1 } }] });
    if (what === "answer") changed({ alarms: [{ ...newest, isRinging: false, data: { ...newest.data, stage: "registered", held_by: held("Sipho", 0) } }] });
    if (what === "sent") changed({ alarms: [{ ...newest, isRinging: false, data: { ...newest.data, stage: "dispatched", held_by: held("Sipho", 0), answered_by: { dispatched: { ...held("Sipho", 0), unit: "car 7" } } } }] });
    if (what === "wait") changed({ alarms: [{ ...newest, pressedMs: now() - 40_000 }] });
    if (what === "due") changed({ alarms: [{ ...newest, raisesAgainMs: now() + 42_000 }] });
    if (what === "again") {
      const { held_by: _, answered_by: said, ...data } = newest.data;
      const sent = said?.dispatched ?? data.sent_before;
      changed({ alarms: [{ ...newest, isRinging: true, raisesAgainMs: null, lamps: LAMPS.raised!, data: { ...data, stage: "raised", reraised: data.reraised + 1, answered_by: {}, ...(sent && { sent_before: sent }) } }] });
    }
    if (what === "close") changed({ alarms: [{ ...newest, isOpen: false, isRinging: false, data: { ...newest.data, stage: "closed" } }], gone: [newest.alarmId] });
  }
  if (what === "check" || what === "checked") isChecking = what === "check";
  if (what === "deaf" || what === "hear") [isDeaf, sinceMs] = [what === "deaf", now()];
  links();
}

function links(): void {
  if (settings === null) return;
  const list: LinkView[] = settings.brokers.map((broker, i) => {
    const deaf = isDeaf || (scenario === "one-down" && i === 1);
    if (isRefused) return { ...broker, state: "refused", sinceMs, why: "refused", echoMs: null, takenMs: null };
    return { ...broker, state: deaf ? "deaf" : "open", sinceMs, why: deaf ? "no-echo" : "", echoMs: deaf ? null : 11 + 3 * i, takenMs: null };
  });
  tell({ tell: "links", links: list, isWatching: isWatching && !isDeaf && !isRefused, isChecking, watchers, nowMs: now(), clockWrongByMs: scenario === "clock" ? 3_725_000 : null });
}

/** The picture that comes a second after it was asked for. */
const LATE = "late";

/** Drawn figures of nobody. */
async function picture(id: string): Promise<Blob | null> {
  if (scenario === "hostile") return new Blob([new Uint8Array(100_000)], { type: "image/jpeg" });
  const canvas = new OffscreenCanvas(640, 360);
  const draw = canvas.getContext("2d")!;
  const boxes: [string, number, number, number, number][] = [["#39424c", 0, 0, 640, 360], ["#525d69", 0, 230, 640, 130], ["#c9b08a", 164, 152, 72, 140], ["#c9b08a", 178, 96, 44, 50], ["#8fa6c9", 354, 160, 68, 140], ["#8fa6c9", 366, 106, 44, 48]];
  for (const [colour, ...box] of boxes) (draw.fillStyle = colour), draw.fillRect(...box);
  draw.fillStyle = "#dfe5ea";
  draw.font = "18px monospace";
  draw.fillText(`${id} (drawn, no camera)`, 14, 344);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 });
}

let looking: ReturnType<typeof setInterval> | undefined;
/** The camera `lane` is off, and another one freezes after three pictures. */
function look(source: string, camera: string): void {
  const view: LookView = { source, camera, state: "asking", why: "", detail: "", endsMs: null, others: [], pictureMs: null };
  clearInterval(looking);
  tell({ tell: "look", view, jpeg: null });
  if (camera === "lane") return void setTimeout(() => tell({ tell: "look", view: { ...view, state: "ended", why: "no-picture" }, jpeg: null }), 400);
  let count = 0;
  looking = setInterval(() => {
    if (++count > 3) return clearInterval(looking);
    const seen: LookView = { ...view, state: "looking", endsMs: now() + 20_000, others: ["Sipho", HOSTILE], pictureMs: now() };
    void picture(`now-${count}`).then((jpeg) => tell({ tell: "look", view: seen, jpeg }));
  }, 400);
}

const cancelled = new Set<number>();
/** Like a kiosk: answers after a moment, and changes the alarm only then. */
function order(ticket: number, name: string, args: AckArgs & Partial<ClipHoldArgs>): void {
  const tries = (n: number) => tell({ tell: "order", ticket, tries: n, isFinal: false, error: null, result: null });
  const answer = (code: string, status: "succeeded" | "rejected" | "failed") =>
    tell({ tell: "order", ticket, tries: 1, isFinal: true, error: null, result: { historical: false, command_id: String(ticket), name, status, code, text: `${code}, says the kiosk`, output: {} } });
  tries(1);
  if (scenario === "mute") return void setTimeout(() => tries(3), 1500);
  setTimeout(() => {
    const one = alarms.get(args.alarm_id);
    if (cancelled.has(ticket)) return;
    if (scenario === "unknown-key") return answer("unknown-key", "rejected");
    if (name === "clip-hold" || name === "clip") {
      const its = name === "clip" ? one : [...alarms.values()].find((each) => each.clips.some((known) => known.clip === args.clip));
      if (its === undefined) return answer("unknown-clip", "failed");
      const all = its.clips.map((known) => (known.clip === args.clip ? { ...known, held: args.hold ? (args.reason ?? "") : null } : known));
      changed({ alarms: [{ ...its, clips: name === "clip" ? [...all, clip(0, "recording", { camera: String((args as { camera?: string }).camera), beforeS: 14.8 })] : all }] });
      return answer("ok", "succeeded");
    }
    if (one === undefined || !one.isOpen) return answer("unknown-alarm", "failed");
    const { data } = one;
    if (args.action === "closed" && (args.press_count ?? 99) < data.press_count) return answer("pressed-since", "failed");
    if (args.action === "registered" && ((data.held_by !== undefined && data.held_by.by !== args.by) || scenario === "race")) {
      changed({ alarms: [{ ...one, isRinging: false, data: { ...data, stage: "registered", held_by: data.held_by ?? held("Thandi", 0) } }] });
      return answer("already-registered", "succeeded");
    }
    const mine = { issuer: key?.issuer ?? "", ...(args.by && { by: args.by }), at: iso(now()) };
    const stage: Stage = args.action === "closed" || args.action === "dispatched" ? args.action : data.stage === "dispatched" ? "dispatched" : "registered";
    const said = { ...mine, ...(args.unit && { unit: args.unit }), ...(args.reason && { reason: args.reason }), ...(args.note && { note: args.note }) };
    const held_by = args.action === "dispatched" || args.action === "closed" ? (data.held_by ?? mine) : mine;
    changed({ alarms: [{ ...one, isOpen: stage !== "closed", isRinging: false, raisesAgainMs: again(stage), lamps: LAMPS[stage] ?? one.lamps, data: { ...data, stage, held_by, latency_ms: { ...data.latency_ms, [stage]: now() - one.pressedMs }, answered_by: { ...data.answered_by, [args.action]: said } } }] });
    answer("ok", "succeeded");
  }, 400);
}

let pair: CryptoKeyPair | null = null;
const base64url = (bytes: ArrayBuffer | Uint8Array<ArrayBuffer>) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** What a hostile link calls itself, as far as names go. */
const LINKS: KeyView = {
  kid: "operator-1234--old-key-has-ended--take-this-one--Edge-Support..1", role: "admin", issuer: "Johannesburg-command-centre--security--please-accept-this-key-now", fingerprint: "ffff0000ffff0000ffff", sinceMs: null,
  public: { kty: "OKP", crv: "Ed25519", kid: "x", use: "sig", role: "admin", iss: "x", x: "" },
};

async function makeKey(role: KeyView["role"], issuer: string): Promise<void> {
  pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) as CryptoKeyPair;
  const x = (await crypto.subtle.exportKey("jwk", pair.publicKey)).x ?? "";
  const kid = `${role}-0badcafe`;
  key = { kid, role, issuer, fingerprint: "0123456789abcdef0123", sinceMs: Date.now(), public: { kty: "OKP", crv: "Ed25519", kid, use: "sig", role, iss: issuer, x } };
  tell({ tell: "key", key });
}

async function sign(ticket: number, payload: Record<string, unknown>): Promise<void> {
  if (pair === null || key === null) return;
  const encoder = new TextEncoder();
  const text = `${base64url(encoder.encode(JSON.stringify({ alg: "EdDSA", kid: key.kid })))}.${base64url(encoder.encode(JSON.stringify(payload)))}`;
  tell({ tell: "signed", ticket, token: `${text}.${base64url(await crypto.subtle.sign("Ed25519", pair.privateKey, encoder.encode(text)))}` });
}

self.onmessage = ({ data }: MessageEvent<Ask>) => {
  switch (data.ask) {
    case "open":
      settings = data.settings;
      isWatching = false;
      isRefused = data.login.password === "wrong";
      links();
      if (isRefused) return;
      play();
      return;
    case "begin":
    case "end":
      isWatching = data.ask === "begin";
      return links();
    case "log-out":
      [settings, isWatching] = [null, false];
      return;
    case "order":
      return order(data.ticket, data.name, data.args as unknown as AckArgs);
    case "cancel":
      return void cancelled.add(data.ticket);
    case "settle":
      return changed({ gone: [data.alarmId] });
    case "make-key":
      return void makeKey(data.role, data.issuer);
    case "import-key":
      if (scenario === "slow-key") return; // until it happens
      if (data.isSure && key === null) return void makeKey("operator", "imported");
      tell({ tell: "offered", key: LINKS });
      return tell({ tell: "key", key });
    case "answer-key":
      if (data.isTaken) key = LINKS;
      tell({ tell: "offered", key: null });
      return tell({ tell: "key", key });
    case "forget-key":
      key = null;
      return tell({ tell: "key", key });
    case "sign":
      return void sign(data.ticket, data.payload);
    case "look":
      return look(data.source, data.camera);
    case "look-away":
      return clearInterval(looking);
    case "picture":
      if (data.id === LATE) tell({ tell: "picture", id: LATE, jpeg: null });
      return void setTimeout(() => picture(data.id).then((jpeg) => tell({ tell: "picture", id: data.id, jpeg })), data.id === LATE ? 1000 : 0);
  }
};

tell({ tell: "key", key });
setInterval(links, 1000);
new BroadcastChannel("happen").onmessage = ({ data }: MessageEvent<string>) => happen(data);
