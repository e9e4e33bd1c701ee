// Reads what a broker brings: an envelope, a picture, or neither.
import type { AlarmData, Envelope } from "../contract";
import { check, ENVELOPE, formOf, LEVEL, NotOurs } from "./form";
import type { Data, LivePicture, Message, NewPicture, Unreadable } from "./notices";

export const MAX_PAYLOAD_BYTES = 132 * 1024;
const LONGEST_NAME = 128;
const LONGEST_REASON = 200;
/** As deep as the library reads. No message of the contract goes a tenth as deep, and what is passed on to a page must not
 * exhaust its stack. */
const DEEPEST = 200;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Read one publication. Never throws. */
export function read(
  broker: string,
  topic: string,
  payload: Uint8Array,
  retain: boolean,
  nowMs: number,
  root: string,
): Message | NewPicture | LivePicture | Unreadable {
  try {
    const levels = topic.slice(root.length + 1).split("/");
    if (!topic.startsWith(`${root}/`) || levels.length < 5 || levels[3] !== "up") {
      throw new NotOurs("no device speaks on such a topic");
    }
    if (!levels.every((level) => LEVEL.test(level))) throw new NotOurs("the topic has a level that is none of the contract");
    if (payload.length > MAX_PAYLOAD_BYTES) throw new NotOurs(`${payload.length} bytes are more than any message has`);
    if (payload.length === 0) throw new NotOurs("empty: somebody has cleared what was retained there");
    const source = `/edge/${levels.slice(0, 3).join("/")}`;
    if (levels[4] === "snapshot") return { kind: "picture", source, pictureId: pictured(levels.slice(5), payload), jpeg: payload };
    if (levels[4] === "live") {
      if (retain) throw new NotOurs("live view shows nothing that a broker has kept");
      return { kind: "live-picture", source, camera: pictured(levels.slice(5), payload), jpeg: payload };
    }
    const envelope = envelopeOf(payload, source);
    return { kind: "message", broker, topic, retain, heardMs: nowMs, source, envelope, what: whatOf(envelope, levels.slice(4)) };
  } catch (error) {
    return refused(broker, topic, error instanceof NotOurs ? error.message : "it can't be read");
  }
}

/** The notice about what was not taken. */
export function refused(broker: string, topic: string, reason: string): Unreadable {
  return { kind: "unreadable", broker, topic: topic.slice(0, LONGEST_REASON), reason: reason.slice(0, LONGEST_REASON) };
}

const isJpeg = (payload: Uint8Array): boolean => payload[0] === 0xff && payload[1] === 0xd8 && payload[2] === 0xff;

/** What a picture is of. */
function pictured(about: string[], payload: Uint8Array): string {
  if (about.length !== 1) throw new NotOurs("a picture has one level for what it is of");
  if (!isJpeg(payload)) throw new NotOurs("no JPEG");
  return about[0]!;
}

function envelopeOf(payload: Uint8Array, source: string): Envelope<string, Data> {
  if (isJpeg(payload)) throw new NotOurs("a picture where a message is due");
  let read: unknown;
  try {
    const text = UTF8.decode(payload);
    if (isTooDeep(text)) throw new NotOurs("it is nested too deeply");
    read = JSON.parse(text);
    // Not every language has a text with half a surrogate pair: as JSON it is an escape again.
    if (/\\u[dD][89a-fA-F]/.test(text) && /(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(JSON.stringify(read))) throw new NotOurs("half a surrogate pair");
  } catch (error) {
    throw error instanceof NotOurs ? error : new NotOurs("it is not JSON");
  }
  check(read, ENVELOPE, "");
  const envelope = read as Envelope<string, Data>;
  if (envelope.source !== source) throw new NotOurs("it names another device as its source");
  const names = [envelope.id, envelope.type, envelope.epoch ?? "", envelope.bootid];
  if (names.some((name) => name.length > LONGEST_NAME) || envelope.id === "") {
    throw new NotOurs("an identifier is empty or too long");
  }
  return envelope;
}

function whatOf(envelope: Envelope<string, Data>, levels: string[]): Message["what"] {
  const { type, data } = envelope;
  const form = formOf(type);
  const where = levels.join("/");
  const event = /^edge\.event\.([a-z0-9-]+)\.v[0-9]+$/.exec(type);
  if (form === null) {
    // What this version does not know may have a topic of a form that it does not know.
    return event !== null && where === `event/${event[1]}` ? "event" : "other";
  }
  const [what, fields] = form;
  check(data, fields, "data.");
  const alarms = what === "alarm" ? [data as unknown as AlarmData] : what === "alarms" ? (data["open"] as AlarmData[]) : [];
  // Earlier versions leave them out where they are 0, or empty.
  for (const alarm of alarms) {
    alarm.reraised ??= 0;
    alarm.repeats ??= 0;
    alarm.historical ??= false;
    alarm.answered_by ??= {};
  }
  // Who may write one topic must not speak for the others.
  const isAtHome =
    what === "alarm" ? where === `alarm/${data["input"]}`
    : what === "security" ? where === `security/${data["kind"]}`
    : what === "result" ? levels[0] === "result" && levels.length === 2 // a command may ask for another last level
    : what === "event" ? where === `event/${event![1]}`
    : where === what;
  if (!isAtHome) throw notAtHome(type);
  if (what === "security" || what === "result") data[what === "security" ? "detail" : "output"] ??= {};
  return what;
}

const notAtHome = (type: string): NotOurs => new NotOurs(`${type} does not belong on this topic`);

function isTooDeep(text: string): boolean {
  let depth = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isString) {
      if (code === 0x5c) at++;
      else if (code === 0x22) isString = false;
    } else if (code === 0x22) isString = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > DEEPEST) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}
