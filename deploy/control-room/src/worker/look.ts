// One look through a camera: asked for, gone on with, and ended, by signed commands.
import type { Message } from "../centre/notices";
import type { Ending, Wanted } from "../centre/orders";
import type { LookView } from "../protocol";

const FPS = 2;
const LEASE_S = 20;
/** So soon it is gone on with: one word may be lost, and the kiosk goes on. */
const AGAIN_MS = 6000;
const PATIENCE_MS = 15_000;

interface Around {
  nowMs(): number;
  give(wanted: Wanted): unknown;
  /** The view has changed, or a picture has come. */
  tell(view: LookView, jpeg: Uint8Array | null): void;
}

export class Look {
  readonly #around: Around;
  readonly #said: { camera: string; by: string; reason: string };
  #view: LookView;
  #live: string | null = null;
  #againMs = Infinity;
  /** By their looks, who looks; this one is not among them. */
  readonly #others = new Map<string, string>();

  constructor(source: string, said: { camera: string; by: string; reason: string }, around: Around) {
    this.#around = around;
    this.#said = said;
    this.#view = { source, camera: said.camera, state: "asking", why: "", detail: "", endsMs: null, others: [], pictureMs: null };
    this.#start({});
    this.#show({});
  }

  get isOver(): boolean {
    return this.#view.state === "ended";
  }

  /** Do what is due. */
  tick(): void {
    const nowMs = this.#around.nowMs();
    if (this.#view.state !== "looking") return;
    if (this.#view.endsMs !== null && nowMs >= this.#view.endsMs) return this.#end("over", "");
    if (nowMs < this.#againMs) return;
    this.#againMs = nowMs + AGAIN_MS;
    this.#start({ live: this.#live! });
  }

  /** End it. */
  stop(): void {
    if (this.isOver) return;
    this.#end("stopped", "");
    this.#stopAtKiosk();
  }

  see(source: string, camera: string, jpeg: Uint8Array): void {
    if (this.#view.state !== "looking" || source !== this.#view.source || camera !== this.#view.camera) return;
    this.#show({ pictureMs: this.#around.nowMs() }, jpeg);
  }

  /** Take in what the kiosk tells of looks. */
  hear({ source, envelope: { data } }: Message): void {
    const { live, camera, issuer, by } = data["detail"] as { [field: string]: unknown };
    if (source !== this.#view.source || camera !== this.#view.camera || typeof live !== "string") return;
    if (data["kind"] === "live-stopped" && live === this.#live) return this.isOver ? undefined : this.#end("over", String(data["text"]));
    if (data["kind"] === "live-stopped") this.#others.delete(live);
    else if (data["kind"] === "live-started" && this.#live !== null && live !== this.#live) this.#others.set(live, String(by ?? issuer));
    else return;
    this.#show({});
  }

  #start(more: { live?: string }): void {
    const givenMs = this.#around.nowMs();
    const { camera, by, reason } = this.#said;
    const args = { camera, by, reason, fps: FPS, lease_s: LEASE_S, ...more };
    this.#around.give({ source: this.#view.source, name: "live-start", args, deadlineMs: PATIENCE_MS, onEnd: (ending) => this.#answered(ending, givenMs) });
  }

  #answered(ending: Ending, givenMs: number): void {
    const isOk = typeof ending === "object" && ending.status === "succeeded";
    if (!isOk) {
      // That one word of going on was lost is no end: the next may come through.
      const isLost = typeof ending === "string" && this.#view.state === "looking";
      if (!this.isOver && !isLost) this.#end(typeof ending === "string" ? ending : ending.code, typeof ending === "string" ? "" : ending.text);
      return;
    }
    const { live, looks } = ending.output as { live?: unknown; looks?: { live: string; issuer: string; by?: string }[] };
    if (typeof live === "string") this.#live = live;
    if (this.isOver) return this.#stopAtKiosk();
    this.#others.clear();
    for (const each of Array.isArray(looks) ? looks : []) if (each.live !== live) this.#others.set(each.live, String(each.by ?? each.issuer));
    this.#againMs = Math.min(this.#againMs, givenMs + AGAIN_MS);
    this.#show({ state: "looking", endsMs: givenMs + LEASE_S * 1000 });
  }

  #stopAtKiosk(): void {
    if (this.#live === null) return; // if it begins all the same, its result comes, and it ends then
    this.#around.give({ source: this.#view.source, name: "live-stop", args: { live: this.#live, by: this.#said.by }, deadlineMs: PATIENCE_MS });
  }

  #end(why: string, detail: string): void {
    this.#show({ state: "ended", why, detail, endsMs: null });
  }

  #show(changed: Partial<LookView>, jpeg: Uint8Array | null = null): void {
    this.#view = { ...this.#view, ...changed, others: [...this.#others.values()] };
    this.#around.tell(this.#view, jpeg);
  }
}
