// What the page knows, and its talk with the device: one long poll, and the signatures that the walk asks for.
import { batch, computed, effect, signal } from "@preact/signals";
import { type End, enter, GoneError, getState, type Order, RefusedError, sendOrders, type State } from "./api";
import { Key, KeyError } from "./key";
import { t } from "./strings";

export type Tab = keyof typeof t.tabs;

/** `unknown`: nobody has asked the device yet. */
export const session = signal<"unknown" | "none" | "open" | End>("unknown");
export const state = signal<State | null>(null);
export const key = signal<Key | null>(null);
/** The device that the technician has said they stand in front of; only for it is anything signed. */
export const device = signal<string | null>(null);
export const tab = signal<Tab>("walk");
/** Since when the device does not answer, on the clock of `nowMs`. */
export const lostSinceMs = signal<number | null>(null);
export const nowMs = signal(performance.now());
export const said = signal<{ text: string; isBad: boolean }>({ text: "", isBad: false });
/** Whether the walk waits for the end of an alarm in earnest. */
export const isInEarnest = computed(() => state.value?.walk?.state === "waiting");
const heardMs = signal(0);

/** The device's clock now, in seconds since 1970. */
export const deviceTimeS = (): number => (state.peek()?.time ?? 0) + (performance.now() - heardMs.peek()) / 1000;
/** `province/site/id` of the device's whole name. */
export const nameOf = (source: string): string => source.replace(/^\/edge\//, "");

/** How many seconds are left of what had so many when the device last said so. */
export const left = (seconds: number): number => Math.max(0, seconds - Math.max(0, nowMs.value - heardMs.value) / 1000);

export function say(text: string, isBad = false): void {
  said.value = { text, isBad };
}

/** Do what may fail, and say why it has; return whether it was done. */
export async function attempt(what: () => Promise<void>): Promise<boolean> {
  try {
    await what();
    return true;
  } catch (error) {
    if (error instanceof GoneError) session.value = error.end;
    else say(error instanceof RefusedError ? error.message || t.refused(error.status) : t.noAnswer, true);
    return false;
  }
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 4000;
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Ask the device for its state for as long as the session lasts. */
async function poll(): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  let after: number | null = null;
  while (session.peek() === "open" || session.peek() === "unknown") {
    try {
      const heard = await getState(after);
      after = heard.n;
      pauseMs = FIRST_PAUSE_MS;
      hear(heard);
    } catch (error) {
      if (error instanceof GoneError) {
        // Before the first state nobody was let in.
        session.value = session.peek() === "unknown" && error.end === "ended" ? "none" : error.end;
        return;
      }
      lostSinceMs.value ??= performance.now();
      after = null; // the device may have begun to count again
      await sleep(pauseMs);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }
}

function hear(heard: State): void {
  batch(() => {
    if (lostSinceMs.peek() !== null) say(t.lost.back);
    else if (said.peek().text === t.asking) say("");
    lostSinceMs.value = null;
    session.value = "open";
    heardMs.value = nowMs.value = performance.now();
    state.value = heard;
  });
}

/** The nonce under which each order was signed last. */
const signed = new Map<string, string | null>();

/** What a walk may need signed. A device that asks for anything else does not get it. */
const COMMANDS = new Set(["rebirth", "identify", "test-mode", "self-test"]);
function isFair({ topic, name, args }: Order): boolean {
  if (name === "ack") return topic === `ack/${String(args["alarm_id"])}` && args["action"] === "closed" && args["reason"] === "test";
  return COMMANDS.has(name) && topic === `command/${name}`;
}

async function signOrders({ device: named, nonce, orders }: State, by: Key): Promise<void> {
  if (nonce === null || named !== device.peek()) return;
  const asked = orders.filter(({ id }) => signed.get(id) !== nonce);
  const fair = asked.filter(isFair);
  if (fair.length < asked.length) say(t.walk.unfair, true);
  for (const { id } of asked) signed.set(id, nonce);
  if (fair.length === 0) return;
  const tokens = fair.map(({ id, name, args }) => ({ id, token: by.order(id, name, args, named, nonce, deviceTimeS()) }));
  if (await attempt(async () => void (await sendOrders(tokens)))) return;
  for (const { id } of fair) signed.delete(id);
  await sleep(LONGEST_PAUSE_MS);
  const now = state.peek();
  if (now !== null && key.peek() === by) await signOrders(now, by);
}

/** Take the technician's key from a file. */
export async function takeKey(file: File): Promise<void> {
  try {
    const read = Key.read(await file.text());
    key.peek()?.forget();
    key.value = read;
    say("");
  } catch (error) {
    say(error instanceof KeyError ? t.key.faults[error.fault](error.detail) : t.key.faults["not-json"](), true);
  }
}

export function forgetKey(): void {
  key.peek()?.forget();
  key.value = null;
}

/** Enter the code; return how many tries are left, null when it was right or the page has closed. */
export async function enterCode(code: string): Promise<number | null> {
  try {
    await enter(code);
  } catch (error) {
    if (error instanceof RefusedError && error.status === 403) return Number(error.body["tries_left"] ?? 0);
    if (error instanceof GoneError) session.value = error.end;
    else say(error instanceof RefusedError ? error.message || t.refused(error.status) : t.noAnswer, true);
    return null;
  }
  say("");
  state.value = null;
  session.value = "open";
  void poll();
  return null;
}

export function begin(): void {
  setInterval(() => (nowMs.value = performance.now()), 500);
  effect(() => {
    const [now, by] = [state.value, device.value === null ? null : key.value];
    if (now !== null && by !== null) void signOrders(now, by);
  });
  effect(() => {
    document.documentElement.toggleAttribute("data-earnest", isInEarnest.value);
    document.title = isInEarnest.value ? t.earnest.title : `${state.value?.device.split("/").at(-1) ?? ""} ${t.title}`.trim();
  });
  void poll();
}
