// What the office's server has of a recording, asked for through the worker, which has the login.
import { signal } from "@preact/signals";
import type { AlarmView, ClipView, PartView, Tell } from "../protocol";
import { ask, nextTicket } from "./ask";
import { filesOf } from "./archive";
import { t } from "./strings";
import { plain } from "./words";

type Answer = Extract<Tell, { tell: "recording" }>;
const waiting = new Map<number, (answer: Answer) => void>();

function fetched(what: "part" | "verdict" | "export", alarm: AlarmView, clip: ClipView, parts: readonly PartView[], sha256: string | null = null): Promise<Answer> {
  const ticket = nextTicket();
  const named = parts.map(({ name }) => encodeURIComponent(name)).join(",").replaceAll("%2F", "/");
  const path = `/clips/${alarm.source.slice("/edge/".length)}/${clip.camera}/${what}?parts=${named}&clip=${encodeURIComponent(clip.clip)}&alarm=${encodeURIComponent(alarm.data.alarm_id)}`;
  ask({ ask: "recording", ticket, path, sha256 });
  return new Promise((resolve) => waiting.set(ticket, resolve));
}

export function hearRecording(answer: Answer): void {
  waiting.get(answer.ticket)?.(answer);
  waiting.delete(answer.ticket);
}

const whyNot = ({ failure, why }: Answer): string => (failure === null || failure === "says" || failure === "busy" ? t.footage.says(plain(why, 300)) : t.footage.failures[failure]);

export interface Verdict {
  /** In the words of the verifier; null where it could not be found. */
  word: string | null;
  says: string[];
  /** There is no word because the signature of these pictures is not in these parts. */
  isPending: boolean;
  /** The end of what a signature covers, from its first picture; null if that is all, or nothing. */
  provenMs: number | null;
  parts: number;
  atMs: number;
}

/** What an export has beside the parts. */
const BESIDE = ["verdict.json", "custody.json", "HOW-TO-VERIFY.txt"];
const AGAIN_MS = 15_000;
const BEHIND_S = 0.3;
/** Of what was played, where a browser has no room for more. */
const KEPT_S = 60;

/** A recording that somebody watches: parts come as the kiosk tells of them, and only those that are as it has sent them. */
export class Footage {
  readonly shown = signal<readonly PartView[]>([]);
  /** Parts that are not shown, as they are not what was sent, or not there; and why. */
  readonly refused = signal<readonly { part: PartView; why: string }[]>([]);
  /** Why nothing more is fetched until somebody asks again; empty while it goes on. */
  readonly trouble = signal("");
  readonly verdict = signal<Verdict | null>(null);
  readonly isChecking = signal(false);
  /** Of the picture that is shown, by the device's clock; null before the first. */
  readonly pictureMs = signal<number | null>(null);
  #alarm: AlarmView;
  #clip: ClipView;
  #video: HTMLVideoElement | null = null;
  #media: MediaSource | null = null;
  #buffer: SourceBuffer | null = null;
  #address = "";
  #beginMs: number | null = null;
  #isFetching = false;
  #isOver = false;
  #checkedMs = 0;
  #isBusy = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(alarm: AlarmView, clip: ClipView) {
    [this.#alarm, this.#clip] = [alarm, clip];
  }

  /** Play in this element. */
  attach(video: HTMLVideoElement): void {
    this.#video = video;
    this.#media = new MediaSource();
    this.#media.addEventListener("sourceopen", () => void this.#fetchAll(), { once: true });
    this.#address = URL.createObjectURL(this.#media);
    video.src = this.#address;
    video.addEventListener("waiting", this.#skip);
    video.addEventListener("timeupdate", () => {
      if (this.#beginMs !== null) this.pictureMs.value = this.#beginMs + video.currentTime * 1000;
    });
    video.addEventListener("error", () => (this.trouble.value = t.footage.cannotPlay));
  }

  /** Take in what is known of it now. */
  update(alarm: AlarmView, clip: ClipView): void {
    const isSame = clip.parts === this.#clip.parts && clip.isWhole === this.#clip.isWhole;
    [this.#alarm, this.#clip] = [alarm, clip];
    if (!isSame) void this.#fetchAll();
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (this.#address !== "") URL.revokeObjectURL(this.#address);
  }

  /** Return a file with all parts as the kiosk sent them, and how many it lacks; or why there is none. */
  async export(): Promise<{ file: Blob; lacks: number } | string> {
    const { parts, camera } = this.#clip;
    const answer = await fetched("export", this.#alarm, this.#clip, parts);
    if (answer.content === null) return whyNot(answer);
    const there = await filesOf(answer.content);
    const known = new Map(parts.map((part) => [objectOf(camera, part), part.sha256]));
    const isStrange = [...there ?? []].some(([name, sha256]) => known.get(name) !== sha256 && !BESIDE.includes(name));
    if (there === null || isStrange) return t.footage.otherExport;
    return { file: new Blob([answer.content], { type: "application/zip" }), lacks: [...known.keys()].filter((name) => !there.has(name)).length };
  }

  /** Fetch again what did not come. */
  again(): void {
    this.refused.value = [];
    this.trouble.value = "";
    if (this.verdict.peek()?.word === null) this.verdict.value = null;
    void this.#fetchAll();
  }

  async #fetchAll(): Promise<void> {
    if (this.#isFetching || this.#media?.readyState === "closed") return;
    this.#isFetching = true;
    const isNew = (part: PartView) => !this.shown.peek().some(({ name }) => name === part.name) && !this.refused.peek().some((each) => each.part.name === part.name);
    for (let part = this.#clip.parts.find(isNew); part !== undefined && !this.#isOver && this.trouble.peek() === ""; part = this.#clip.parts.find(isNew)) await this.#show(part);
    this.#isFetching = false;
    if (this.#isOver) return;
    if (this.#clip.isWhole && this.#media?.readyState === "open" && this.#buffer !== null) this.#media.endOfStream();
    this.#check();
  }

  async #show(part: PartView): Promise<void> {
    const answer = await fetched("part", this.#alarm, this.#clip, [part], part.sha256);
    if (this.#isOver) return;
    if (answer.failure === "altered" || answer.failure === "missing") {
      this.refused.value = [...this.refused.peek(), { part, why: t.footage.failures[answer.failure] }];
      return;
    }
    if (answer.content === null) {
      this.trouble.value = whyNot(answer);
      return;
    }
    try {
      await this.#append(answer.content, part);
      this.shown.value = [...this.shown.peek(), part].sort((a, b) => a.first - b.first);
    } catch (error) {
      this.trouble.value = isFull(error) ? t.footage.full : t.footage.cannotPlay;
    }
  }

  async #append(content: ArrayBuffer, part: PartView): Promise<void> {
    const [media, video] = [this.#media!, this.#video!];
    if (this.#buffer === null) {
      const type = typeOf(new Uint8Array(content));
      if (type === null || !MediaSource.isTypeSupported(type)) throw new Error(t.footage.cannotPlay);
      this.#buffer = media.addSourceBuffer(type);
      this.#buffer.mode = "segments";
    }
    const buffer = this.#buffer;
    const before = ranges(buffer);
    try {
      await done(buffer, () => buffer.appendBuffer(content));
    } catch (error) {
      const played = video.currentTime - KEPT_S;
      if (!isFull(error) || played <= 0) throw error;
      await done(buffer, () => buffer.remove(0, played));
      await done(buffer, () => buffer.appendBuffer(content));
    }
    if (media.readyState === "open") media.duration = buffer.buffered.end(buffer.buffered.length - 1);
    if (before.length > 0) return;
    this.#beginMs = Date.parse(part.begins) - buffer.buffered.start(0) * 1000;
    video.currentTime = buffer.buffered.start(0);
    // A browser that forbids it has a button for it.
    void video.play().catch(() => undefined);
  }

  /** Go on behind what is missing. */
  readonly #skip = (): void => {
    const [video, buffer] = [this.#video, this.#buffer];
    if (video === null || buffer === null) return;
    const at = video.currentTime;
    const isInside = ranges(buffer).some(([begin, end]) => begin <= at + 0.05 && at < end - BEHIND_S);
    const next = ranges(buffer).find(([begin]) => begin > at);
    if (!isInside && next !== undefined) video.currentTime = next[0];
  };

  /** Have all that is known now verified, and not more often than every 15 s while it grows. */
  #check(): void {
    const { parts, isWhole } = this.#clip;
    if (parts.length === 0 || this.isChecking.peek() || this.verdict.peek()?.parts === parts.length) return;
    const inMs = (isWhole && !this.#isBusy) || this.#checkedMs === 0 ? 0 : this.#checkedMs + AGAIN_MS - performance.now();
    clearTimeout(this.#timer);
    if (inMs > 0) this.#timer = setTimeout(() => this.#check(), inMs);
    else void this.#verify(parts);
  }

  async #verify(parts: readonly PartView[]): Promise<void> {
    this.isChecking.value = true;
    const answer = await fetched("verdict", this.#alarm, this.#clip, parts);
    if (this.#isOver) return;
    this.#checkedMs = performance.now();
    this.isChecking.value = false;
    this.#isBusy = answer.failure === "busy";
    if (!this.#isBusy) this.verdict.value = { ...verdictOf(answer, this.#clip.camera, parts), parts: parts.length, atMs: Date.now() };
    this.#check();
  }
}

const objectOf = (camera: string, { name }: PartView): string => `${camera}/${name}.mp4`;

function verdictOf(answer: Answer, camera: string, parts: readonly PartView[]): Pick<Verdict, "word" | "says" | "isPending" | "provenMs"> {
  const none = (why: string) => ({ word: null, isPending: false, provenMs: null, says: [why] });
  if (answer.content === null) return none(t.footage.notChecked(whyNot(answer)));
  try {
    const { verdict, says, is_pending, proven_s, objects } = JSON.parse(new TextDecoder().decode(answer.content)) as Record<string, unknown>;
    const sentences = Array.isArray(says) ? says.map((each) => plain(String(each), 400)) : [];
    const word = typeof verdict === "string" ? verdict : null;
    const checked = new Map(Object.entries(objects ?? {}));
    const isPending = word === null && is_pending === true;
    const isOther = (part: PartView): boolean => {
      const sha256 = checked.get(objectOf(camera, part));
      return sha256 === undefined ? word === "authentic" || word === "authentic, alone" : sha256 !== part.sha256;
    };
    if ((word === null ? isPending : word !== "not authentic") && parts.some(isOther)) return none(t.footage.otherParts);
    return { word, isPending, provenMs: typeof proven_s === "number" ? proven_s * 1000 : null, says: sentences };
  } catch {
    return none(t.footage.notChecked(t.footage.says("?")));
  }
}

const isFull = (error: unknown): boolean => (error as Error).name === "QuotaExceededError";

/** Change what a buffer holds. Rejects with the browser's own error. */
const done = (buffer: SourceBuffer, change: () => void): Promise<void> =>
  new Promise((resolve, reject) => {
    const gone = new AbortController();
    const end = (then: () => void) => () => (gone.abort(), then());
    buffer.addEventListener("updateend", end(resolve), { signal: gone.signal });
    buffer.addEventListener("error", end(() => reject(new Error(t.footage.cannotPlay))), { signal: gone.signal });
    try {
      change();
    } catch (error) {
      end(() => reject(error))();
    }
  });

const ranges = ({ buffered }: SourceBuffer): [number, number][] => Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);

/** What a segment holds, by the record of its H.264 (`avcC`); null if it has none. */
function typeOf(content: Uint8Array): string | null {
  for (let at = 4; at + 8 < Math.min(content.length, 8192); at++) {
    if (content[at] === 0x61 && content[at + 1] === 0x76 && content[at + 2] === 0x63 && content[at + 3] === 0x43) {
      return `video/mp4; codecs="avc1.${[...content.slice(at + 5, at + 8)].map((octet) => octet.toString(16).padStart(2, "0")).join("")}"`;
    }
  }
  return null;
}
