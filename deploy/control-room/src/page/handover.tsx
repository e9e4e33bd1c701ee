// The hand-over: a list of the open cases with a note each, signed by who goes and signed again by who comes.
import { signal } from "@preact/signals";
import type { KeyView } from "../protocol";
import { standing } from "./alarms";
import { alarms, key, openAlarms, seat, shift } from "./state";
import { readToken, sign } from "./signing";
import { t } from "./strings";
import { clock, deviceName, place, plain } from "./words";

interface HandOver {
  /** The list, signed by who goes. */
  hand_over: string;
  key: KeyView["public"];
  /** The same list's fingerprint, signed by who comes. */
  taken_over?: string;
  taken_key?: KeyView["public"];
}
interface Case {
  alarm_id: string;
  source: string;
  place: string;
  stage: string;
  standing: string;
  note: string;
}
interface Read {
  file: HandOver;
  by: string;
  at: string;
  kid: string;
  isWhole: boolean;
  note: string;
  cases: Case[];
  taken: { by: string; at: string; isWhole: boolean } | null;
}

const STORE = "hand-over";
const notes = signal<Readonly<Record<string, string>>>({});
/** An alarm may be called `constructor`. */
const noteOf = (all: Record<string, string>, id: string): string => (Object.hasOwn(all, id) ? (all[id] ?? "") : "");
const general = signal("");
const signedAt = signal<string | null>(null);
const before = signal<Read | null>(null);
const problem = signal("");

/** Read what the shift before has left in this browser. */
export function recall(): void {
  const kept = localStorage.getItem(STORE);
  if (kept !== null) void load(kept);
}

export function HandOverCard() {
  const open = openAlarms.value;
  return (
    <section class="card wide" aria-labelledby="handover-title">
      <h2 id="handover-title">{t.handover.title}</h2>
      <Before />
      <p class="small">{t.handover.why}</p>
      {open.length === 0 && <p>{t.handover.none}</p>}
      <ol class="cases">
        {open.map((alarm) => (
          <li key={alarm.alarmId}>
            <span>
              <strong>{place(alarm)}</strong> · {standing(alarm)} · {deviceName(alarm.source)}
            </span>
            <input
              type="text"
              maxLength={300}
              aria-label={t.handover.note(place(alarm))}
              value={noteOf(notes.value, alarm.alarmId)}
              onInput={(event) => (notes.value = { ...notes.peek(), [alarm.alarmId]: event.currentTarget.value })}
            />
          </li>
        ))}
      </ol>
      <label>
        {t.handover.general}
        <input type="text" maxLength={1000} value={general.value} onInput={(event) => (general.value = event.currentTarget.value)} />
      </label>
      <div class="buttons">
        <button type="button" class="do" aria-disabled={key.value === null || shift.value === null} onClick={() => void signAndSave()}>
          {t.handover.sign}
        </button>
        {key.value === null && <span>{t.handover.needKey}</span>}
        <span role="status">{signedAt.value !== null && t.handover.signed(signedAt.value)}</span>
      </div>
    </section>
  );
}

function Before() {
  const read = before.value;
  return (
    <div class="before">
      {read !== null && (
        <section aria-labelledby="before-title">
          <h3 id="before-title">{t.handover.from}</h3>
          <p>{t.handover.by(plain(read.by, 64), instant(read.at), plain(read.kid, 64))}</p>
          <p class={read.isWhole ? "said good" : "said bad"}>{read.isWhole ? t.handover.whole : t.handover.broken}</p>
          {read.note !== "" && <p>{plain(read.note, 1000)}</p>}
          <ol class="cases">
            {read.cases.map((one) => (
              <li key={one.alarm_id}>
                <span>
                  <strong>{plain(one.place, 120)}</strong> · {plain(one.standing, 200)} · {alarms.get(one.alarm_id)?.value.isOpen === true ? t.handover.stillOpen : t.handover.notOpen}
                </span>
                <span>{plain(one.note) || t.handover.noNote}</span>
              </li>
            ))}
          </ol>
          {read.taken !== null ? (
            <p class={read.taken.isWhole ? "said good" : "said bad"}>{t.handover.taken(plain(read.taken.by, 64), instant(read.taken.at))}</p>
          ) : (
            <button type="button" class="do" aria-disabled={key.value === null || shift.value === null || !read.isWhole} onClick={() => void take(read)}>
              {t.handover.take}
            </button>
          )}
        </section>
      )}
      <label class="file">
        {t.handover.load}
        <input type="file" accept="application/json,.json" onChange={(event) => void choose(event.currentTarget)} />
      </label>
      <span role="status">{problem.value}</span>
    </div>
  );
}

// Emptied at once, so that the same file can be chosen again.
async function choose(input: HTMLInputElement): Promise<void> {
  const file = input.files?.[0];
  const text = await file?.text();
  input.value = "";
  if (text !== undefined) await load(text);
}

function instant(at: string): string {
  return clock(Date.parse(at), false);
}

async function signAndSave(): Promise<void> {
  const mine = key.peek();
  const by = shift.peek()?.by;
  if (mine === null || by === undefined) return;
  const cases: Case[] = openAlarms.peek().map((alarm) => ({ alarm_id: alarm.alarmId, source: alarm.source, place: place(alarm), stage: alarm.data.stage, standing: standing(alarm), note: noteOf(notes.peek(), alarm.alarmId) }));
  const at = new Date().toISOString();
  const token = await sign({ type: "hand-over", iss: mine.issuer, by, centre: seat.peek(), at, note: general.peek(), cases });
  const file: HandOver = { hand_over: token, key: mine.public };
  keep(file, at);
  signedAt.value = instant(at);
  await load(JSON.stringify(file));
}

async function take(read: Read): Promise<void> {
  const mine = key.peek();
  const by = shift.peek()?.by;
  if (mine === null || by === undefined || !read.isWhole) return;
  const at = new Date().toISOString();
  const token = await sign({ type: "hand-over-taken", iss: mine.issuer, by, centre: seat.peek(), at, hand_over: await fingerprint(read.file.hand_over) });
  const file: HandOver = { ...read.file, taken_over: token, taken_key: mine.public };
  keep(file, at);
  await load(JSON.stringify(file));
}

function keep(file: HandOver, at: string): void {
  localStorage.setItem(STORE, JSON.stringify(file));
  save(t.handover.file(at.slice(0, 16).replace(":", "")), JSON.stringify(file, null, 1));
}

/** Give a person a file. */
export function save(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

async function fingerprint(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function load(text: string): Promise<void> {
  problem.value = "";
  try {
    const file = JSON.parse(text) as HandOver;
    const token = await readToken(file.hand_over, file.key);
    if (token === null || token.payload["type"] !== "hand-over" || !Array.isArray(token.payload["cases"])) throw new Error();
    const { payload } = token;
    before.value = {
      file,
      by: String(payload["by"]),
      at: String(payload["at"]),
      kid: token.kid,
      isWhole: token.isWhole && file.key.kid === token.kid,
      note: String(payload["note"] ?? ""),
      cases: (payload["cases"] as Case[]).filter((one) => typeof one?.alarm_id === "string"),
      taken: await readTaken(file),
    };
  } catch {
    problem.value = t.handover.notOne;
  }
}

async function readTaken(file: HandOver): Promise<Read["taken"]> {
  if (file.taken_over === undefined || file.taken_key === undefined) return null;
  const token = await readToken(file.taken_over, file.taken_key);
  if (token === null) return null;
  const isWhole = token.isWhole && token.payload["hand_over"] === (await fingerprint(file.hand_over));
  return { by: String(token.payload["by"]), at: String(token.payload["at"]), isWhole };
}
