// What page and worker say to each other: plain data only. The worker has the brokers, the contract's rules, the key and
// all timers; the page shows, and asks. Every time is in ms of the worker's clock, performance.timeOrigin +
// performance.now(): it never jumps, whatever somebody does to the clock of the PC.
import type { AlarmData, Envelope, HealthData, MetaData, PublicJwk, ResultData, StateData } from "./contract";

/** As in control-room.json. */
export interface Settings {
  centre: string;
  title: string;
  language: string;
  root: string;
  brokers: { name: string; url: string }[];
  outlines: string[];
  tiles: string | null;
  units: string[];
  ring_after_s: number;
  supervisor_after_s: number;
  /** Where devices enrol, and of which province it must be; null where nobody approves them at this page. */
  registrar: { url: string; province: string } | null;
  /** Whether uploaded recordings are served beside the page. */
  clips: boolean;
  /** Whether a browser's first key may come by a link without a question: only in the demo, whose key opens nothing else. */
  key_by_link: boolean;
  /** Whether exercises ring like calls: only in the demo, so that a newcomer sees and hears what an operator does. The page says so. */
  exercises_ring: boolean;
}

export type Role = "operator" | "supervisor" | "technician" | "admin";
export type LinkState = "connecting" | "open" | "deaf" | "down" | "refused";
export type LinkWhy = "" | "no-connection" | "no-echo" | "no-answer" | "refused" | "subscription-refused" | "taken-over";
/** Why an order has no result. `abandoned`: an ack of an alarm that is closed. */
export type OrderError = "no-key" | "no-device" | "no-answer" | "abandoned" | "cancelled";
/** What could not be done. `key-halves`: the two halves are not of one key. */
export type Failure = "no-key" | "no-store" | "key-name" | "key-role" | "key-form" | "key-halves" | "key-changed" | "bad-seat" | "other";
export type Pattern = "off" | "on" | "steady" | "flash" | "fast-flash" | "slow-pulse" | "alternate";
export type Presence = "unknown" | "online" | "silent" | "offline" | "lost";

/** One broker. `connecting`: for the first time. `deaf`: the connection stands and our own echo has not come for 5 s. */
export interface LinkView {
  name: string;
  url: string;
  state: LinkState;
  /** Since when it is open, or is not. */
  sinceMs: number;
  /** Why it is not open; empty if it is. */
  why: LinkWhy;
  /** How long the last echo took; null before the first. */
  echoMs: number | null;
  /** When another page of this login last connected under this page's name, so that this one took another; null if never. */
  takenMs: number | null;
}

export interface KeyView {
  kid: string;
  role: Role;
  issuer: string;
  /** The first 20 hex digits of the SHA-256 of its public half. A key's maker can choose names, but not this. */
  fingerprint: string;
  /** Since when this browser has it, in ms since 1970; null if an earlier version of the page saved it. */
  sinceMs: number | null;
  public: PublicJwk;
}

export interface Lamps {
  yellow: Pattern;
  green: Pattern;
  beacon: Pattern;
  tone: Pattern;
}

/** A piece of a recording that is at the office's store, as the device says. */
export interface PartView {
  /** `DAY/HOUR/MM-SS.mmmZ.N`, of the form of the contract. */
  name: string;
  sha256: string;
  /** Its first and its last picture, by the device's clock. */
  begins: string;
  ends: string;
  /** Its first and last fragment, by their numbers in the recording. */
  first: number;
  last: number;
}

/** A recording on the card of a device. Its texts are the device's own. */
export interface ClipView {
  /** The identifier of its file: also where several share one. */
  clip: string;
  camera: string;
  /** `asked`: the device has not said yet that it has begun. `unheard`: it is not written now, and no word of its end has come here. */
  state: "asked" | "recording" | "ended" | "cut" | "deleted" | "unheard";
  /** Its first and its last picture, by the device's clock. */
  begins: string | null;
  ends: string | null;
  /** How long before the press it begins. */
  beforeS: number | null;
  /** Why it ended, or was deleted: a word of the contract. */
  reason: string;
  /** Why it is not there, or not whole. */
  failure: string | null;
  /** Why it is held; null if it is not, or that was not heard. */
  held: string | null;
  /** What has reached the store, in the order of its pictures; what was said before this page was loaded is not in it. */
  parts: PartView[];
  /** What will not reach the store any more, and why. */
  unsent: { object: string; why: string }[];
  /** How many parts are at the store that `parts` has no room for. */
  beyond: number;
  /** The store has its end: nothing follows. */
  isWhole: boolean;
}

/** One alarm, with the newest that is known of it. */
export interface AlarmView {
  /** Its `alarm_id`. If two devices speak of one, that of the second has its source behind it: no device is believed about
   * the alarm of another. An order of an ack takes either. */
  alarmId: string;
  source: string;
  data: AlarmData;
  isOpen: boolean;
  /** Why the device no longer knows it; null while it does. */
  lost: "epoch" | "vanished" | "unheard" | null;
  /** Of a self-test: never shown among the alarms. */
  isSelfTest: boolean;
  /** When the press was, by our clock: from the device's time if that can be trusted, else when it was first heard. */
  pressedMs: number;
  /** Somebody has waited longer than `pressedMs` says: it was open before it was received here, and its device's clock is not set. */
  isAtLeast: boolean;
  firstHeardMs: number;
  /** When it raises itself again unless somebody acks it before; null while nobody has it, and while that is not known. */
  raisesAgainMs: number | null;
  /** Names of the brokers that have brought the newest message. */
  brokers: string[];
  /** From the press until it was first heard here. Null while the device's clock is not to be trusted, and if `wasOpenBefore`. */
  lateMs: number | null;
  /** First heard of in what a broker had kept, or in a list of the open alarms: how late we were says nothing of its way here. */
  wasOpenBefore: boolean;
  /** What the lamps of its kiosk show now. */
  lamps: Lamps;
  isRinging: boolean;
  /** Its picture has come. */
  hasPicture: boolean;
  clips: ClipView[];
}

export interface DeviceView {
  source: string;
  presence: Presence;
  sinceMs: number;
  /** By broker's name, what that broker says of it. */
  brokers: Record<string, StateData["state"]>;
  lastHeardMs: number;
  meta: MetaData | null;
  health: HealthData | null;
  /** The newest 60 health reports, oldest first: for small curves. */
  past: { atMs: number; cpuC: number | null; memoryMiB: number | null; diskFreeMiB: number | null; waiting: number | null }[];
  /** Open tampers and faults, in the words of the contract: `door`, `front covered`, `police stuck`... */
  troubles: string[];
  /** Whether a press would be heard of, by the device's own word. */
  isInService: boolean;
  openAlarms: number;
  /** True time, in ms since 1970, by the device's newest health; null where that does not say. */
  certificateEndsMs: number | null;
  version: string;
  timeq: Envelope<string, unknown>["timeq"] | null;
}

export interface EventView {
  id: string;
  source: string;
  type: string;
  heardMs: number;
  /** Null while the device's clock is not to be trusted. */
  timeMs: number | null;
  historical: boolean;
  data: Record<string, unknown>;
}

/** Numbers of a device's record that did not come. */
export interface LossView {
  source: string;
  first: number;
  last: number;
  state: "asked" | "lost";
}

/** Devices of a place that went at the same time, or one by itself. */
export interface OutageView {
  id: number;
  /** `gp/site/kiosk` if it is one, `gp/soweto` for what has that in common, "" for all. */
  place: string;
  /** Those that are still gone; empty for a while after all are back. */
  sources: string[];
  /** How many were there at that place before. */
  of: number;
  /** The brokers by which they last spoke, if this page is connected to none of them. */
  unheard: string[];
  /** When the last of them spoke; null if none has since this page was loaded. */
  sinceMs: number | null;
  /** How many are back, and since when. */
  back: number;
  backMs: number | null;
}

/** A device that waits to be let in. Its texts are its own, or its technician's. */
export interface WaitingView {
  /** SHA-256 of its public key, in hex. */
  key: string;
  /** What its technician reads out. */
  code: string;
  name: string;
  board: string | null;
  site: string | null;
  place: string | null;
  sinceMs: number;
  /** The board whose place it would take. */
  replaces: string | null;
  /** What the registrar knows of its key or its board from before. */
  remark: string | null;
  address: string;
}

/** A device that has a certificate, by the registrar's records. */
export interface EnrolledView {
  name: string;
  board: string | null;
  /** True time, in ms since 1970. */
  endsMs: number;
  revoked: string | null;
  seenMs: number | null;
}

/** What this page's person sees of a camera now. Its texts are the device's own. */
export interface LookView {
  source: string;
  camera: string;
  /** `asking`: the device has not said yet that it is in its record. */
  state: "asking" | "looking" | "ended";
  /** Why it has ended: the code of a result, why there is none, `stopped` by the person, or `over` by the device. */
  why: string;
  /** The device's words to that. */
  detail: string;
  /** When the device ends it, unless it is gone on with, as this page does. */
  endsMs: number | null;
  /** Who else looks through this camera. */
  others: string[];
  /** When the last picture came. */
  pictureMs: number | null;
}

/** Why nothing of an uploaded recording came. `altered`: what came is not what the device has said. `missing`: the store has it not.
 * `says`: the server says why. */
export type RecordingFailure = "no-connection" | "busy" | "slow" | "login" | "altered" | "missing" | "says";

/** Why the registrar could not be asked. `says`: `detail` is its own sentence. */
export interface RegistrarTrouble {
  why: "no-connection" | "slow" | "html" | "nonsense" | "status" | "says";
  detail: string;
}

/** What was decided at this page. `unknown`: no answer came, and the registrar may have done it. */
export interface DecisionView {
  device: WaitingView;
  isApproval: boolean;
  reason: string;
  atMs: number;
  state: "asking" | "done" | "failed" | "unknown";
  trouble: RegistrarTrouble | null;
  /** It has come for its certificate, which ends then (true time, in ms since 1970). */
  endsMs: number | null;
}

export interface EnrolmentView {
  /** Null before the registrar has answered for the first time. */
  waiting: WaitingView[] | null;
  devices: EnrolledView[] | null;
  /** When `waiting` was so. */
  heardMs: number | null;
  /** Since when it has been asked without an answer; null while nothing is asked. */
  askedMs: number | null;
  /** What became of the newest question. */
  trouble: RegistrarTrouble | null;
  /** The newest first. */
  decisions: DecisionView[];
}

/** Page to worker. */
export type Ask =
  | { ask: "open"; settings: Settings; login: { name: string; password: string }; seat: string }
  | { ask: "begin"; by: string }
  | { ask: "end" }
  /** End the shift and every connection, and forget the login and all that was heard. */
  | { ask: "log-out" }
  | { ask: "order"; ticket: number; source: string; name: string; args: Record<string, unknown> }
  | { ask: "cancel"; ticket: number }
  | { ask: "settle"; source: string; alarmId: string }
  | { ask: "make-key"; role: Role; issuer: string }
  /** A `key` comes in answer, even if it was not accepted. It is accepted at once if `isSure` and there is none; otherwise it is `offered`. */
  | { ask: "import-key"; jwk: Record<string, unknown>; isSure: boolean }
  /** The person's answer to the offered key. */
  | { ask: "answer-key"; isTaken: boolean }
  | { ask: "forget-key" }
  | { ask: "sign"; ticket: number; payload: Record<string, unknown> }
  | { ask: "picture"; id: string }
  /** Look through a camera until `look-away`; it ends the look before. */
  | { ask: "look"; source: string; camera: string; by: string; reason: string }
  | { ask: "look-away" }
  /** Fetch something of an uploaded recording with the login; `sha256` is what its bytes must have, null if nobody has said. */
  | { ask: "recording"; ticket: number; path: string; sha256: string | null }
  /** Ask the registrar who waits, often while somebody looks at it. */
  | { ask: "enrolment"; registrar: { url: string; province: string }; isLookedAt: boolean }
  | { ask: "decide"; key: string; replaces: string | null; isApproval: boolean; reason: string };

/** Worker to page. */
export type Tell =
  /** `isChecking`: not every open alarm has come yet, as the page has just connected, or woken up. `watchers`: the other centres that say they watch, further pages of this login included. `clockWrongByMs`: how far the clock of this PC is ahead of the devices' (below 0: behind), if that is much. */
  | { tell: "links"; links: LinkView[]; isWatching: boolean; isChecking: boolean; watchers: string[]; nowMs: number; clockWrongByMs: number | null }
  | { tell: "key"; key: KeyView | null }
  /** A key from a link, which a person must accept or reject; null if there is none. Its maker chose its names. */
  | { tell: "offered"; key: KeyView | null }
  /** Whole rows, to take the place of those with the same alarm, source or id; but `losses` are all that there are. */
  | { tell: "changed"; alarms: AlarmView[]; gone: string[]; devices: DeviceView[]; events: EventView[]; losses: LossView[] }
  /** All that there are. */
  | { tell: "outages"; outages: OutageView[] }
  | { tell: "order"; ticket: number; tries: number; result: ResultData | null; error: OrderError | null; isFinal: boolean }
  | { tell: "signed"; ticket: number; token: string }
  | { tell: "picture"; id: string; jpeg: Blob | null }
  /** `jpeg` is null where no new picture has come. */
  | { tell: "look"; view: LookView; jpeg: Blob | null }
  /** `content` is null where it did not come, or is not what it must be (`altered`). `why`: the server's words. */
  | { tell: "recording"; ticket: number; content: ArrayBuffer | null; failure: RecordingFailure | null; why: string }
  | { tell: "enrolment"; view: EnrolmentView }
  /** How many messages were none of the contract so far, and the last of them. */
  | { tell: "unreadable"; count: number; last: string }
  | { tell: "error"; failure: Failure; detail: string };
