// The form of what is read, as far as it is used here: a field of a wrong type makes a message unreadable.
import type { AlarmData, DataOf } from "../contract";
import type { Message } from "./notices";

/** Raised for what is no message of the contract; its text says why. */
export class NotOurs extends Error {}

export const LEVEL = /^[a-z0-9-]{1,64}$/;
interface Check {
  (value: unknown): boolean;
  /** What of such a value is known here, its fields always in the same order. All of it where this is left out. */
  known?: (value: any) => unknown;
}
type Form = { readonly [field: string]: Check };

const text: Check = (value) => typeof value === "string";
const bool: Check = (value) => typeof value === "boolean";
const number: Check = (value) => typeof value === "number";
/** A whole number that can be counted with. The contract's are below 2^53. */
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const level: Check = (value) => typeof value === "string" && LEVEL.test(value);
const one =
  (...values: string[]): Check =>
  (value) =>
    values.includes(value as string);
/** Left out where it has no value; some senders write null. */
const maybe = (check: Check): Check =>
  Object.assign((value: unknown) => value === undefined || value === null || check(value), {
    known: (value: unknown) => (value === undefined || value === null ? undefined : knownOf(check, value)),
  });
const list = (check: Check): Check =>
  Object.assign((value: unknown) => Array.isArray(value) && value.every(check), {
    known: (value: unknown[]) => value.map((each) => knownOf(check, each)),
  });
const table = (check: Check): Check =>
  Object.assign((value: unknown) => isObject(value) && Object.values(value).every(check), {
    known: (value: object) => Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => [name, knownOf(check, each)]),
  });
const object = (form: Form): Check =>
  Object.assign((value: unknown) => isObject(value) && wrongField(value, form) === null, {
    known: (value: Record<string, unknown>) => Object.entries(form).map(([field, check]) => knownOf(check, value[field])),
  });
const knownOf = (check: Check, value: unknown): unknown => (check.known === undefined ? value : check.known(value));

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The name of the first field that is missing or of a wrong type; null if there is none. */
function wrongField(value: Record<string, unknown>, form: Form): string | null {
  for (const field in form) {
    // What an object inherits is no field of a message.
    if (!form[field]!(Object.hasOwn(value, field) ? value[field] : undefined)) return field;
  }
  return null;
}

/** Raises NotOurs that names the field. */
export function check(value: unknown, form: Form, where: string): void {
  if (!isObject(value)) throw new NotOurs(`${where || "it "}is not an object`);
  const wrong = wrongField(value, form);
  if (wrong !== null) {
    throw new NotOurs(`${where}${wrong} is ${Object.hasOwn(value, wrong) ? "not of its type" : "missing"}`);
  }
}

export const ENVELOPE: Form = {
  specversion: one("1.0"),
  id: text,
  source: text,
  type: text,
  subject: text,
  time: text,
  dataschema: text,
  datacontenttype: maybe(one("application/json")),
  bootid: text,
  epoch: maybe(text),
  seq: count,
  record: maybe(count),
  recordtop: maybe(count),
  recorddone: maybe(count),
  monoms: count,
  timeq: one("synced", "holdover", "unsynced"),
  nonce: maybe(text),
  data: isObject,
};

const told = { historical: maybe(bool) };
const place = maybe(object({ lat: number, lon: number, text }));
const codes = object({ contact_id: text, sia: text });
const answer = object({
  issuer: text,
  by: maybe(text),
  at: text,
  unit: maybe(text),
  reason: maybe(one("helped", "false-alarm", "test", "duplicate", "other")),
  note: maybe(text),
});
const ALARM: Form = {
  ...told,
  alarm_id: level,
  input: text,
  kind: text,
  status: one("actual", "test", "exercise"),
  silent: bool,
  press_count: count,
  stage: one("idle", "raised", "sent", "delayed", "unconfirmed", "registered", "dispatched", "closed"),
  repeats: maybe(count),
  reraised: maybe(count),
  raised_at: text,
  location: place,
  codes,
  latency_ms: table(Number.isInteger),
  camera: maybe(object({ name: text, persons: maybe(Number.isInteger), tracks: maybe(list(text)), snapshot: maybe(text), converging: maybe(object({ people: Number.isInteger, since_s: number })) })),
  held_by: maybe(answer),
  answered_by: maybe(table(answer)),
  sent_before: maybe(answer),
  raises_again_monoms: maybe(count),
  durable: maybe(bool),
  clips: maybe(list(object({ camera: text, clip: text }))),
};
const alarm = object(ALARM);
/** What an alarm's message says, as far as it is known here: two that say the same are the same text. */
export const said = (data: AlarmData): string => JSON.stringify(knownOf(alarm, { ...data, historical: false }));

const faults = list(text);
const part = object({ state: one("ok", "degraded"), detail: maybe(text) });
const condition: Form = { ...told, input: text, kind: text, active: bool, since: text };
const ofCamera: Form = { ...told, event_id: text, camera: text, persons: count, zone: maybe(text), phase: maybe(text), unseen: maybe(bool) };

const EVIDENCE: Form = { ...told, camera: level, clip: maybe(level), alarm_id: maybe(text), into: maybe(level), begins: maybe(text), ends: maybe(text), before_s: maybe(number), object: maybe(text), sha256: maybe(text), first: maybe(count), last: maybe(count), reason: maybe(text) };

/** Of every event that the contract has: one without a form would be heard by nobody here. */
const EVENTS: { readonly [type in Extract<keyof DataOf, `edge.event.${string}`>]: Form } = {
  "edge.event.person-entered.v2": ofCamera,
  "edge.event.person-left.v2": ofCamera,
  "edge.event.loitering.v1": ofCamera,
  "edge.event.line-crossed.v1": ofCamera,
  "edge.event.crowd.v1": ofCamera,
  "edge.event.after-hours.v1": ofCamera,
  "edge.event.person-down.v1": ofCamera,
  "edge.event.running.v1": ofCamera,
  "edge.event.line-count.v1": { ...told, camera: text, line: text, hour: text, left_to_right: Number.isSafeInteger, right_to_left: Number.isSafeInteger },
  "edge.event.part-degraded.v1": { ...told, part: text, detail: text },
  "edge.event.part-restored.v1": { ...told, part: text, detail: text },
  "edge.event.time-correction.v1": { ...told, boot_id: text, offset_ms: Number.isSafeInteger },
  "edge.event.out-of-service.v1": { ...told, reasons: list(text) },
  "edge.event.in-service.v1": { ...told, reasons: list(text) },
  "edge.event.input-fault.v1": { ...told, input: text, fault: text, active: bool, detail: text },
  "edge.event.tamper.v1": condition,
  "edge.event.camera-tamper.v1": { ...told, event_id: text, camera: text, kind: text, active: bool },
  "edge.event.hardly-able-to-see.v1": { ...told, event_id: text, camera: text, reason: text, active: bool, detail: text },
  "edge.event.power.v1": condition,
  "edge.event.self-test.v1": { ...told, outcome: text, reason: text, alarm_id: maybe(text), steps: list(object({ name: text, ok: bool })) },
  "edge.event.siren-sounded.v1": { ...told, alarm_id: text, input: text, reason: text },
  "edge.event.siren-stopped.v1": { ...told, alarm_id: text, input: text, reason: text },
};

/** By type, but for security events, which are all of one form. */
const FORMS = new Map<string, [Message["what"], Form]>([
  ["edge.alarm.raised.v1", ["alarm", ALARM]],
  ["edge.alarm.updated.v1", ["alarm", ALARM]],
  ["edge.alarm.closed.v1", ["alarm", ALARM]],
  ["edge.alarms.v1", ["alarms", { ...told, open: list(alarm) }]],
  [
    "edge.state.v1",
    [
      "state",
      {
        ...told,
        state: one("online", "offline", "lost"),
        bdseq: count,
        epoch: text,
        boot_nonce: text,
        agent_version: text,
        config_revision: text,
      },
    ],
  ],
  [
    "edge.meta.v1",
    [
      "meta",
      {
        ...told,
        inputs: list(object({ name: text, kind: text, silent: maybe(bool) })),
        outputs: list(text),
        cameras: list(object({ name: text, source: text, model: text, masks: maybe(count), recorded: maybe(bool) })),
        location: place,
        capabilities: list(text),
        schemas: list(text),
        config: object({ revision: count, wanted: count, state: text, reason: text }),
        commissioned: maybe(object({ report: text, at: text, by: text, verdict: one("passed", "incomplete", "failed"), failed: list(text), left_out: list(text) })),
      },
    ],
  ],
  [
    "edge.health.v1",
    [
      "health",
      {
        ...told,
        status: one("ok", "degraded"),
        parts: table(part),
        uptime_s: number,
        outbox: table(number),
        dropped: table(number),
        cpu_percent: number,
        memory_bytes: number,
        disk_free_bytes: number,
        temperature_c: maybe(number),
        cameras: table(object({ state: maybe(text), detail: maybe(text), tampers: maybe(list(object({ kind: text }))), hardly_able_to_see: maybe(object({ reason: text })), recording: maybe(object({ state: text, detail: text, recording: maybe(list(text)) })) })),
        self_test: maybe(object({ time: text, passed: bool, failed: list(text) })),
        siren: maybe(object({ on: bool })),
        inputs: table(object({ faults: maybe(faults), active: maybe(bool) })),
      },
    ],
  ],
  [
    "edge.result.v1",
    [
      "result",
      {
        ...told,
        command_id: text,
        name: text,
        status: one("accepted", "rejected", "in-progress", "succeeded", "failed", "timed-out"),
        code: text,
        text,
        output: maybe(isObject),
      },
    ],
  ],
  ...["begun", "ended", "cut", "failed", "deleted", "held", "released", "head", "uploaded", "upload-failed"].map((change): [string, [Message["what"], Form]] => [`edge.evidence.${change}.v1`, ["evidence", EVIDENCE]]),
  ...Object.entries(EVENTS).map(([type, form]): [string, [Message["what"], Form]] => [type, ["event", form]]),
]);
const SECURITY: Form = {
  ...told,
  kind: text,
  severity: one("info", "warning", "alert"),
  text,
  detail: maybe(isObject),
  suppressed: maybe(count),
};

/** What a type is and the form of its data; null of a type that this version does not know. */
export function formOf(type: string): [Message["what"], Form] | null {
  if (type.startsWith("edge.security.")) return ["security", SECURITY];
  return FORMS.get(type) ?? null;
}
