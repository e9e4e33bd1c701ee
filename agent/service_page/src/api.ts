// What the device answers, and how it is asked. The table is in docs/decisions/0054.
import type { Drawing } from "./drawing";

export interface WalkView {
  state: "preparing" | "acting" | "failed" | "waiting" | "done";
  step: string;
  number: number;
  count: number;
  say: string;
  asks: boolean;
  heard: number;
  expected: number;
  seconds_left: number;
}

export interface Order {
  id: string;
  topic: string;
  name: string;
  args: Record<string, unknown>;
}

export interface Verdict {
  step: string;
  outcome: "passed" | "failed" | "left-out";
  reason: string;
  seconds: number;
  tries: number;
}

export interface State {
  n: number;
  /** `/edge/province/site/id`: whom a signature is for. */
  device: string;
  place: string;
  serial: string;
  /** Until the page closes. */
  seconds_left: number;
  nonce: string | null;
  /** The device's clock, in seconds since 1970. */
  time: number;
  /** Null while the agent does not run. */
  walk: WalkView | null;
  orders: Order[];
  verdicts: Verdict[];
  trouble: string | null;
}

export interface Camera extends Drawing {
  name: string;
  width: number | null;
  height: number | null;
}

export interface Shot {
  jpeg: Blob;
  number: number;
  focus: number;
  light: number;
}

export interface Drawn {
  revision: number;
  place: string;
  cameras: Camera[];
}

/** As in a settings file. A list is the whole one of its table. */
export type Changes = Readonly<Record<string, unknown>>;

/** A setting that is no drawing, as `agent/settings/form.py` tells it. */
export interface Row {
  path: string;
  meaning: string;
  value: string | number | string[];
  /** Whether the value is told without a login that it has. */
  hidden: boolean;
  type: "number" | "whole" | "text" | "texts" | "time";
  least?: number;
  most?: number;
  above?: number;
  below?: number;
  /** Whether it takes a second signature. */
  two: boolean;
  from: "default" | "file" | "change";
}

export interface Mistake {
  path: string;
  sentence: string;
}

export interface Check {
  mistakes: Mistake[];
  /** Why it takes a second signature; null if it does not. */
  two: string | null;
}

export interface Result {
  status: string;
  code: string;
  text: string;
}

export interface Step {
  name: string;
  title: string;
  verdict: Verdict["outcome"];
  said: string;
}

export interface Report {
  id: string;
  device: { name: string; board?: string; agent_version: string; certificate_ends: string };
  by: { issuer: string; kid: string };
  verdict: "passed" | "incomplete" | "failed";
  pictures: { name: string; what: string }[];
  steps: Step[];
  in_earnest: { input: string; step: string }[];
}

export interface Sealed {
  /** Its identifier. */
  report: string;
}

/** Before the code: does the office vouch for this page, and under which name? */
export interface Door {
  host: string;
  vouched: boolean;
}

/** Why the page is not let in any more. */
export type End = "taken-over" | "ended" | "closed";
export class GoneError extends Error {
  constructor(readonly end: End) {
    super(end);
  }
}

/** The device has answered, and its answer is no. */
export class RefusedError extends Error {
  constructor(
    readonly status: number,
    readonly body: Record<string, unknown>,
  ) {
    super(typeof body["sentence"] === "string" ? body["sentence"] : "");
  }
}

const ANSWER_MS = 10_000;
const POLL_MS = 25_000;
/** A trial of settings may take two minutes, a report with a key in a TPM three. */
const LONG_MS = 200_000;

async function call(path: string, { body, patienceMs = ANSWER_MS }: { body?: unknown; patienceMs?: number } = {}): Promise<Response> {
  const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const answer = await fetch(`api/${path}`, { ...sent, cache: "no-store", signal: AbortSignal.timeout(patienceMs) });
  if (answer.ok) return answer;
  const said = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  if (answer.status === 410) throw new GoneError("closed");
  if (answer.status === 401) throw new GoneError(said["why"] === "taken-over" ? "taken-over" : "ended");
  throw new RefusedError(answer.status, said);
}

const json = async <T>(answer: Promise<Response>): Promise<T> => (await (await answer).json()) as T;

export const getDoor = () => json<Door>(call("door"));
export const enter = (code: string) => call("enter", { body: { code } });
/** `after` is the number of the state that is known; null: answer at once. */
export const getState = (after: number | null) => json<State>(call(after === null ? "state" : `state?after=${after}`, { patienceMs: POLL_MS }));
export const sendOrders = (orders: { id: string; token: string }[]) => call("orders", { body: { orders } });
/** `say` is the sentence that is answered: the walk may have gone on meanwhile. */
export const sendAnswer = (answer: string, say: string, reason = "") => call("answer", { body: { answer, reason, say } });
/** Begin another walk, at the end of this one. */
export const sendNewWalk = () => call("walk", { body: {} });
export const getSettings = () => json<Drawn>(call("cameras"));
export const getForm = () => json<{ settings: Row[] }>(call("settings"));
export const checkSettings = (changes: Changes) => json<Check>(call("settings/check", { body: { changes } }));
export const sendSettings = (token: string) => json<Result>(call("settings", { body: { token }, patienceMs: LONG_MS }));
/** A draft and what to sign of it; or, if the walk has its report already, that. */
export const getReport = (query: Record<string, string>) => json<{ draft?: { report: Report; payload: string }; sealed?: Sealed }>(call(`report?${new URLSearchParams(query)}`, { patienceMs: LONG_MS }));
export const sendReport = (report: string, seal: { protected: string; signature: string }) => json<{ sealed: Sealed }>(call("report", { body: { report, ...seal }, patienceMs: LONG_MS }));

export async function getPicture(camera: string, after: number | null): Promise<Shot> {
  const answer = await call(`cameras/${encodeURIComponent(camera)}/picture${after === null ? "" : `?after=${after}`}`);
  const [number, focus, light] = ["X-Number", "X-Focus", "X-Light"].map((name) => Number(answer.headers.get(name) ?? NaN));
  return { jpeg: await answer.blob(), number: number ?? NaN, focus: focus ?? NaN, light: light ?? NaN };
}
