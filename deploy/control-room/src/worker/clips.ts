// What one device says of its recordings. They are not retained: what was said before this page was loaded is not known here.
import { type Data, type Message } from "../centre/notices";
import { compare, type Order } from "../centre/order";
import type { AlarmData } from "../contract";
import type { ClipView, PartView } from "../protocol";

/** Older ones are on the card all the same. */
const MOST = 200;
/** More than a recording of twenty minutes has. */
const MOST_PARTS = 300;
/** Health knows of a clip that has begun at the latest so long after. */
const KNOWN_AFTER_MS = 10_000;
const STAGES = ["asked", "recording", "ended", "cut", "deleted"] as const;
const STAGE_OF = new Map<string, (typeof STAGES)[number]>([["begun", "recording"], ["ended", "ended"], ["cut", "cut"], ["deleted", "deleted"]]);

interface Known {
  view: ClipView;
  alarmId: string | null;
  /** The clip in which it is, if it shares one. */
  into: string | null;
  sinceMs: number;
  heldOrder: Order | null;
}

export class Clips {
  readonly #known = new Map<string, Known>();
  /** The clips that are written, by the newest health; null before the first. */
  #written: Set<string> | null = null;
  #writtenMs = 0;
  #healthOrder: Order | null = null;

  /** Take in a message that is new; return whether clips are to be told anew. */
  learn({ what, heardMs, envelope: { data, type } }: Message, order: Order): boolean {
    if (what === "health") return this.#hearHealth(data, order, heardMs);
    if (what !== "evidence" || typeof data["clip"] !== "string") return false;
    const change = type.split(".")[2]!;
    const known = this.#get(data["clip"], String(data["camera"]), heardMs);
    const { view } = known;
    known.alarmId ??= text(data, "alarm_id");
    known.into ??= text(data, "into");
    if (change === "uploaded" || change === "upload-failed") {
      learnOfUpload(view, data, change === "uploaded");
      return true;
    }
    view.begins ??= text(data, "begins");
    view.ends ??= text(data, "ends");
    if (typeof data["before_s"] === "number") view.beforeS = data["before_s"];
    const stage = STAGE_OF.get(change);
    if (stage !== undefined && STAGES.indexOf(stage) > STAGES.indexOf(view.state as (typeof STAGES)[number])) {
      [view.state, view.reason, known.sinceMs] = [stage, text(data, "reason") ?? "", heardMs];
    }
    if (change === "failed") view.failure = text(data, "reason") ?? "";
    if ((change === "held" || change === "released") && (known.heldOrder === null || compare(order, known.heldOrder) > 0)) {
      [known.heldOrder, view.held] = [order, change === "held" ? (text(data, "reason") ?? "") : null];
    }
    return true;
  }

  /** Note the clips that an alarm itself names, and return all that are known of it. */
  of({ alarm_id, clips }: AlarmData, nowMs: number): ClipView[] {
    for (const { clip, camera } of clips ?? []) this.#get(clip, camera, nowMs).alarmId ??= alarm_id;
    return [...this.#known.values()].filter((known) => known.alarmId === alarm_id).map((known) => this.#view(known));
  }

  #view(known: Known): ClipView {
    const file = (known.into !== null && this.#known.get(known.into)) || known;
    const isWritten = this.#written?.has(file.view.clip) === true;
    let { state } = file.view;
    if (state === "asked" && isWritten) state = "recording";
    else if ((state === "asked" || state === "recording") && !isWritten && this.#writtenMs > file.sinceMs + KNOWN_AFTER_MS) state = "unheard";
    const { camera, begins, beforeS, failure } = known.view;
    return { ...file.view, state, camera, begins: begins ?? file.view.begins, beforeS, failure: failure ?? file.view.failure, clip: known.into ?? file.view.clip };
  }

  #get(clip: string, camera: string, nowMs: number): Known {
    let known = this.#known.get(clip);
    if (known === undefined) {
      known = { view: { clip, camera, state: "asked", begins: null, ends: null, beforeS: null, reason: "", failure: null, held: null, parts: [], unsent: [], beyond: 0, isWhole: false }, alarmId: null, into: null, sinceMs: nowMs, heldOrder: null };
      this.#known.set(clip, known);
      for (const oldest of this.#known.keys()) if (this.#known.size > MOST) this.#known.delete(oldest);
    }
    return known;
  }

  #hearHealth(data: Data, order: Order, heardMs: number): boolean {
    if (this.#healthOrder !== null && compare(order, this.#healthOrder) <= 0) return false;
    this.#healthOrder = order;
    const cameras = Object.values(data["cameras"] as Record<string, { recording?: { recording?: string[] } }>);
    this.#written = new Set(cameras.flatMap((camera) => camera.recording?.recording ?? []));
    this.#writtenMs = heardMs;
    return [...this.#known.values()].some(({ view }) => view.state === "asked" || view.state === "recording");
  }
}

/** A segment is at the store, or is not. One that failed at a host (`place`) is tried again with another URL. Neither says anything of the clip's own beginning and end. */
function learnOfUpload(view: ClipView, data: Data, isThere: boolean): void {
  const [object, sha256, begins, ends] = [text(data, "object") ?? "", text(data, "sha256"), text(data, "begins"), text(data, "ends")];
  const { first, last } = data;
  if (object.endsWith("_end")) {
    view.isWhole ||= isThere;
  } else if (!isThere) {
    const isFinal = text(data, "place") === null && !view.parts.some(({ name }) => name === nameOf(object));
    if (isFinal) view.unsent = [...view.unsent.filter((each) => each.object !== object), { object, why: text(data, "reason") ?? "" }].slice(-MOST_PARTS);
  } else if (sha256 !== null && begins !== null && ends !== null && typeof first === "number" && typeof last === "number") {
    const part: PartView = { name: nameOf(object), sha256, begins, ends, first, last };
    view.unsent = view.unsent.filter((each) => each.object !== object);
    if (view.parts.some(({ name }) => name === part.name)) return;
    if (view.parts.length >= MOST_PARTS) view.beyond++;
    else view.parts = [...view.parts, part].sort((a, b) => a.first - b.first || a.last - b.last);
  }
}

const nameOf = (object: string): string => object.slice(object.indexOf("/") + 1).replace(/\.mp4$/, "");
const text = (data: Data, field: string): string | null => (typeof data[field] === "string" ? data[field] : null);
