// What a subscriber can find out: small values, one for each thing that happens.
import type { AlarmData, Envelope } from "../contract";
import type { Presence } from "../protocol";
import type { Order } from "./order";

/** Why messages of the record are given up: the device no longer has them; it says that it has sent them, and they never
 * come; it has lost its memory; or there were too many holes to remember this one. */
export type LossReason = "missing" | "not-sent" | "epoch" | "crowded-out";
/** Why a device no longer knows an open alarm: its power was cut before its disk had the press; the same, or it was closed
 * while nobody listened here, and no replay has brought its close; or the device has lost its memory. */
export type DeviceLoss = "vanished" | "unheard" | "epoch";

export type Data = Record<string, unknown>;

/** One envelope. Nothing in it is believed about another device than `source`. */
export interface Message {
  kind: "message";
  broker: string;
  topic: string;
  retain: boolean;
  heardMs: number;
  source: string;
  envelope: Envelope<string, Data>;
  /** Which of the types that have rules this is, its data checked; "other" has data as it came. */
  what: "alarm" | "alarms" | "state" | "meta" | "health" | "result" | "security" | "event" | "evidence" | "other";
}

export interface NewPicture {
  kind: "picture";
  source: string;
  pictureId: string;
  jpeg: Uint8Array;
}

/** A picture of a camera through which somebody looks, each time it comes. */
export interface LivePicture {
  kind: "live-picture";
  source: string;
  camera: string;
  jpeg: Uint8Array;
}

export interface Unreadable {
  kind: "unreadable";
  broker: string;
  topic: string;
  reason: string;
}

/** An alarm as its newest message has it. */
export interface Alarm {
  source: string;
  data: AlarmData;
  epoch: string;
  seq: number;
  changedMs: number;
  /** The boot that `data.raises_again_monoms` counts in. */
  bootid: string;
  /** Why the device no longer knows it. It is open until a person has found out. */
  lost: DeviceLoss | null;
}

export const isOpen = (alarm: Alarm): boolean => alarm.data.stage !== "closed";
export const isSelfTest = (alarm: Alarm): boolean => alarm.data.input === "self-test";
/** Whether it is no test and no exercise. */
export const maySendSomebody = (alarm: Alarm): boolean => alarm.data.status === "actual" && !isSelfTest(alarm);

export type RecordNotice =
  | { kind: "hole-found"; source: string; first: number; last: number }
  | { kind: "hole-filled"; source: string; number: number }
  | { kind: "record-lost"; source: string; first: number; last: number; why: LossReason }
  | { kind: "record-skipped"; source: string; first: number; last: number };
export type AlarmNotice =
  /** `before`: the stage that was last told; null of a new alarm. `by`: the retained list that says it, if it waited for others. */
  | { kind: "alarm-changed"; alarm: Alarm; before: AlarmData["stage"] | null; by?: Message }
  /** One that was heard closed is open: the device lost its power before the close was on its disk. `pressesAtClose`:
   * how often somebody had pressed by then. */
  | { kind: "alarm-reopened"; alarm: Alarm; pressesAtClose: number }
  | { kind: "alarm-lost"; alarm: Alarm }
  /** A person has settled a lost one, or it was dropped for newer ones of a device with more than any kiosk can have. */
  | { kind: "alarm-forgotten"; alarm: Alarm };
export type PresenceNotice = {
  kind: "presence-changed";
  source: string;
  presence: Presence;
  before: Presence;
  restarted: boolean;
};
export type OutageNotice =
  /** Nobody would hear a press at these: lost, silent or shut down, and not back soon. Each is told once, and those of a place
   * that went dark at the same time together. `place`: what they have in common, `gp/site/kiosk`, `gp/soweto`, or "" for all.
   * `of`: how many were there before. `unheard`: by which brokers they last spoke, if we are connected to none of them.
   * `heardMs`: when the last of them spoke; -Infinity if none has since this page was loaded. */
  | { kind: "devices-gone"; place: string; sources: string[]; of: number; unheard: string[]; heardMs: number }
  /** Some that were told gone in the message of that place speak again; so many of it are still gone. */
  | { kind: "devices-back"; place: string; sources: string[]; left: number };
export type Notice =
  /** `order` is null where it does not belong to the device's count. */
  | { kind: "new-message"; message: Message; order: Order | null }
  | NewPicture
  | LivePicture
  | { kind: "duplicate"; source: string; id: string; broker: string; message: Message | null }
  | Unreadable
  | { kind: "epoch-changed"; source: string; epoch: string }
  | PresenceNotice
  | OutageNotice
  | RecordNotice
  | AlarmNotice;
