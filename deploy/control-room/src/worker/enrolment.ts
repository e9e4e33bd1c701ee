// The devices that wait to be let in: asked for again and again, decided one by one, and followed until they have what they wanted.
import type { DecisionView, EnrolmentView, RegistrarTrouble, Tell, WaitingView } from "../protocol";
import type { Clock, TrueTime } from "./clock";
import type { Keys } from "./keys";
import { Registrar, TroubleError } from "./registrar";

const LOOKED_AT_MS = 5000;
const OTHERWISE_MS = 60_000;
const DEVICES_MS = 60_000;
/** Whoever is approved comes for its certificate within 10 s; after this time nobody waits for it any more. */
const COMES_WITHIN_MS = 300_000;
const MOST_DECISIONS = 20;
const ROLES = ["supervisor", "admin"];
const NOTHING: EnrolmentView = { waiting: null, devices: null, heardMs: null, askedMs: null, trouble: null, decisions: [] };

export class Enrolment {
  readonly #clock: Clock;
  readonly #keys: Keys;
  readonly #time: TrueTime;
  readonly #tell: (tell: Tell) => void;
  #registrar: Registrar | null = null;
  #isLookedAt = false;
  /** The key that asks. */
  #kid: string | null = null;
  #view = NOTHING;
  /** By the key of a device that was decided about: when the certificate ended that its name and board had; null without one. */
  readonly #had = new Map<string, number | null>();
  #dueMs = 0;
  #devicesDueMs = 0;

  constructor(clock: Clock, keys: Keys, time: TrueTime, tell: (tell: Tell) => void) {
    this.#clock = clock;
    this.#keys = keys;
    this.#time = time;
    this.#tell = tell;
  }

  watch(at: { url: string; province: string }, isLookedAt: boolean): void {
    this.#registrar ??= new Registrar(at.url, at.province, this.#keys, this.#time);
    if (isLookedAt && !this.#isLookedAt) this.#dueMs = 0;
    this.#isLookedAt = isLookedAt;
  }

  /** Call it ten times a second. */
  tick(nowMs: number): void {
    if (this.#registrar === null) return;
    const key = this.#keys.view;
    const kid = key !== null && ROLES.includes(key.role) ? key.kid : null;
    if (kid !== this.#kid) {
      // What one key was told is not for the next.
      this.#kid = kid;
      this.#dueMs = this.#devicesDueMs = 0;
      this.#change(NOTHING);
    }
    if (kid !== null && this.#view.askedMs === null && nowMs >= this.#dueMs) void this.#look(this.#registrar, kid, nowMs);
  }

  /** @param replaces As the person saw it. */
  async decide(key: string, replaces: string | null, isApproval: boolean, reason: string): Promise<void> {
    const known = this.#view.waiting?.find((each) => each.key === key);
    const device = known && { ...known, replaces };
    const kid = this.#kid;
    if (this.#registrar === null || kid === null || device === undefined) return;
    if (this.#view.decisions.some((each) => each.device.key === key && each.state === "asking")) return;
    if (this.#view.devices !== null) this.#had.set(key, this.#endsMs(device));
    const atMs = this.#clock.nowMs();
    const decision: DecisionView = { device, isApproval, reason, atMs, state: "asking", trouble: null, endsMs: null };
    this.#change({ decisions: [decision, ...this.#view.decisions].slice(0, MOST_DECISIONS) });
    let state: DecisionView["state"] = "done";
    let trouble: RegistrarTrouble | null = null;
    try {
      await this.#registrar.decide(device, isApproval, reason);
    } catch (error) {
      trouble = troubleOf(error);
      state = trouble.why === "says" ? "failed" : "unknown";
    }
    if (kid !== this.#kid) return;
    this.#replace(decision, { ...decision, state, trouble });
    if (state === "done") this.#change({ waiting: this.#view.waiting?.filter((each) => each.key !== key) ?? null });
    this.#dueMs = this.#devicesDueMs = 0;
  }

  async #look(registrar: Registrar, kid: string, nowMs: number): Promise<void> {
    this.#dueMs = nowMs + (this.#isLookedAt ? LOOKED_AT_MS : OTHERWISE_MS);
    const isAwaited = this.#view.decisions.some((each) => isComing(each, nowMs));
    const wantsDevices = this.#isLookedAt && (nowMs >= this.#devicesDueMs || isAwaited);
    this.#change({ askedMs: nowMs });
    let change: Partial<EnrolmentView> = { trouble: null };
    try {
      const before = this.#view.waiting;
      const waiting = await registrar.waiting();
      // What was decided while the answer was under way is in neither list; the next one tells.
      if (before === this.#view.waiting) change = { ...change, waiting, heardMs: this.#clock.nowMs() };
      if (wantsDevices) {
        const devices = await registrar.devices();
        this.#devicesDueMs = nowMs + DEVICES_MS;
        change = { ...change, devices };
      }
    } catch (error) {
      change = { ...change, trouble: troubleOf(error) };
    }
    if (kid !== this.#kid) return;
    this.#change({ ...change, askedMs: null });
    for (const each of this.#view.decisions) {
      const endsMs = this.#endsMs(each.device);
      if (isComing(each, nowMs) && this.#had.has(each.device.key) && endsMs !== this.#had.get(each.device.key)) this.#replace(each, { ...each, endsMs });
    }
  }

  #endsMs({ name, board }: WaitingView): number | null {
    return this.#view.devices?.find((one) => one.name === name && one.board === board && one.revoked === null)?.endsMs ?? null;
  }

  #replace(decision: DecisionView, by: DecisionView): void {
    this.#change({ decisions: this.#view.decisions.map((each) => (each === decision ? by : each)) });
  }

  #change(part: Partial<EnrolmentView>): void {
    this.#view = { ...this.#view, ...part };
    this.#tell({ tell: "enrolment", view: this.#view });
  }
}

function isComing(decision: DecisionView, nowMs: number): boolean {
  return decision.isApproval && decision.state === "done" && decision.endsMs === null && nowMs - decision.atMs < COMES_WITHIN_MS;
}

function troubleOf(error: unknown): RegistrarTrouble {
  return error instanceof TroubleError ? error.trouble : { why: "no-connection", detail: "" };
}
