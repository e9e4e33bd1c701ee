// The hand-over: a list of the open cases with a note each, signed by who goes and signed again by who comes.
import { effect, signal } from "@preact/signals";
import type { AlarmView, KeyView } from "../protocol";
import { DoNot, standing } from "./standing";
import { greySinceMs, key, login, openAlarms, seat, shift, shownAlarms } from "./state";
import { readToken, sign } from "./signing";
import { t } from "./strings";
import { clock, deviceName, doNot, nameOf, plain } from "./words";

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
  /** What must not be done about it; only for a silent alarm. */
  do_not?: string;
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
/** What was signed in the shift that runs, and the name of its file. */
const mine = signal<{ read: Read; name: string } | null>(null);
const before = signal<Read | null>(null);
const problem = signal("");

// What somebody has signed is the next shift's to take over, and nothing of what they wrote stays in the fields.
effect(() => {
  if (shift.value !== null) return;
  before.value = mine.peek()?.read ?? before.peek();
  mine.value = null;
  notes.value = {};
  general.value = "";
});

/** Read what the shift before has left in this browser. */
export function recall(): void {
  const kept = localStorage.getItem(STORE);
  if (kept !== null) void load(kept);
}

export function HandOverCard() {
  return (
    <section class="card" aria-labelledby="handover-title">
      <h2 id="handover-title">{t.handover.title}</h2>
      <Before />
      {shift.value === null ? <p class="small">{t.handover.needShift}</p> : <ForTheNext />}
      <label class="file">
        {t.handover.load}
        <input type="file" accept="application/json,.json" onChange={(event) => void choose(event.currentTarget)} />
      </label>
      <span role="status">{problem.value}</span>
    </section>
  );
}

/** The list that is signed for the next shift. */
function ForTheNext() {
  const open = shownAlarms.value;
  const inFolds = openAlarms.value.length - open.length;
  return (
    <>
      <h3>{t.handover.forNext}</h3>
      <p class="small">{t.handover.why}</p>
      {open.length === 0 && <p>{t.handover.none}</p>}
      <ol class="cases">
        {open.map((alarm) => (
          <li key={alarm.alarmId}>
            <span>
              <DoNot alarm={alarm} /> <strong>{nameOf(alarm)}</strong> · {standing(alarm)} · {deviceName(alarm.source)}
            </span>
            <input
              type="text"
              maxLength={300}
              aria-label={t.handover.note(nameOf(alarm))}
              value={noteOf(notes.value, alarm.alarmId)}
              onInput={(event) => (notes.value = { ...notes.peek(), [alarm.alarmId]: event.currentTarget.value })}
            />
          </li>
        ))}
      </ol>
      {inFolds > 0 && <p>{t.handover.folded(inFolds)}</p>}
      <label>
        {t.handover.general}
        <input type="text" maxLength={1000} value={general.value} onInput={(event) => (general.value = event.currentTarget.value)} />
      </label>
      <div class="buttons">
        <button type="button" class="do" aria-disabled={key.value === null} onClick={() => void signAndSave()}>
          {mine.value === null ? t.handover.sign : t.handover.signAgain}
        </button>
      </div>
      <div role="status">
        {mine.value !== null && (
          <>
            <HandOverState />
            <p class="small">{t.handover.where(mine.value.name)}</p>
          </>
        )}
      </div>
    </>
  );
}

/** Whether the hand-over of this shift is signed, and what has changed since. */
export function HandOverState() {
  const signed = mine.value?.read;
  if (signed === undefined) return openAlarms.value.length === 0 ? null : <p class="said bad">▲ {t.handover.unsigned}</p>;
  const changes = changesSince(signed);
  return (
    <p class={changes === "" ? "said good" : "said bad"}>
      {changes === "" ? "✓" : "▲"} {t.handover.signed(instant(signed.at))} {changes === "" ? t.handover.unchanged : t.handover.changed(changes)}
    </p>
  );
}

function changesSince(signed: Read): string {
  const known = new Map(signed.cases.map((one) => [one.alarm_id, one]));
  const open = openAlarms.value;
  const now = open.map(caseOf);
  const come = now.filter((one) => !known.has(one.alarm_id)).length;
  const counts = {
    come,
    gone: known.size - (now.length - come),
    stand: now.filter((one) => known.has(one.alarm_id) && known.get(one.alarm_id)?.standing !== one.standing).length,
    notes: signed.note !== general.value || now.some((one) => known.has(one.alarm_id) && known.get(one.alarm_id)?.note !== one.note),
  };
  return t.handover.changes(counts);
}

/** What the shift before has left, until this one has its own to leave. */
function Before() {
  const read = before.value;
  if (read === null) return null;
  const isKnown = login.value !== null && greySinceMs.value === null;
  return (
    <section class="before" aria-labelledby="before-title">
      <h3 id="before-title">{t.handover.from}</h3>
      <p>{t.handover.by(plain(read.by, 64), instant(read.at), plain(read.kid, 64))}</p>
      <p class={read.isWhole ? "said good" : "said bad"}>{read.isWhole ? t.handover.whole : t.handover.broken}</p>
      {read.note !== "" && <p>{plain(read.note, 1000)}</p>}
      <ol class="cases">
        {read.cases.map((one) => (
          <li key={one.alarm_id}>
            <span>
              {typeof one.do_not === "string" && <strong class="do-not">{plain(one.do_not, 120)} </strong>}
              <strong>{plain(one.place, 120)}</strong> · {plain(one.standing, 200)}
              {isKnown && ` · ${openAlarms.value.some(({ alarmId }) => alarmId === one.alarm_id) ? t.handover.stillOpen : t.handover.notOpen}`}
            </span>
            <span>{plain(one.note) || t.handover.noNote}</span>
          </li>
        ))}
      </ol>
      {read.taken !== null ? (
        <p class={read.taken.isWhole ? "said good" : "said bad"}>{t.handover.taken(plain(read.taken.by, 64), instant(read.taken.at))}</p>
      ) : (
        shift.value !== null && (
          <button type="button" class="do" aria-disabled={key.value === null || !read.isWhole} onClick={() => void take(read)}>
            {t.handover.take}
          </button>
        )
      )}
    </section>
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

function caseOf(alarm: AlarmView): Case {
  const words = doNot(alarm);
  return { alarm_id: alarm.alarmId, source: alarm.source, place: nameOf(alarm), ...(words !== null && { do_not: words }), stage: alarm.data.stage, standing: standing(alarm), note: noteOf(notes.value, alarm.alarmId) };
}

async function signAndSave(): Promise<void> {
  const pair = key.peek();
  const by = shift.peek()?.by;
  if (pair === null || by === undefined) return;
  const at = new Date().toISOString();
  const token = await sign({ type: "hand-over", iss: pair.issuer, by, centre: seat.peek(), at, note: general.peek(), cases: openAlarms.peek().map(caseOf) });
  const file: HandOver = { hand_over: token, key: pair.public };
  const name = keep(file, at);
  const read = await readFile(file);
  if (read !== null) mine.value = { read, name };
}

async function take(read: Read): Promise<void> {
  const pair = key.peek();
  const by = shift.peek()?.by;
  if (pair === null || by === undefined || !read.isWhole) return;
  const at = new Date().toISOString();
  const token = await sign({ type: "hand-over-taken", iss: pair.issuer, by, centre: seat.peek(), at, hand_over: await fingerprint(read.file.hand_over) });
  const file: HandOver = { ...read.file, taken_over: token, taken_key: pair.public };
  keep(file, at);
  await load(JSON.stringify(file));
}

/** Keep it for the next shift at this browser, and give it to the person as a file; return the file's name. */
function keep(file: HandOver, at: string): string {
  localStorage.setItem(STORE, JSON.stringify(file));
  const name = t.handover.file(at.slice(0, 16).replace(":", ""));
  save(name, JSON.stringify(file, null, 1));
  return name;
}

/** Give a person a file. */
export function save(name: string, content: string | Blob, type = "application/json"): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
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
  let read: Read | null = null;
  try {
    read = await readFile(JSON.parse(text) as HandOver);
  } catch {
    // It is no JSON.
  }
  if (read === null) problem.value = t.handover.notOne;
  else if (read.file.hand_over === mine.peek()?.read.file.hand_over) problem.value = t.handover.yours;
  else before.value = read;
}

/** What is in a file; null if it is no hand-over. */
async function readFile(file: HandOver): Promise<Read | null> {
  const token = await readToken(file.hand_over, file.key);
  if (token === null || token.payload["type"] !== "hand-over" || !Array.isArray(token.payload["cases"])) return null;
  const { payload } = token;
  return {
    file,
    by: String(payload["by"]),
    at: String(payload["at"]),
    kid: token.kid,
    isWhole: token.isWhole && file.key.kid === token.kid,
    note: String(payload["note"] ?? ""),
    cases: (payload["cases"] as Case[]).filter((one) => typeof one?.alarm_id === "string"),
    taken: await readTaken(file),
  };
}

async function readTaken(file: HandOver): Promise<Read["taken"]> {
  if (file.taken_over === undefined || file.taken_key === undefined) return null;
  const token = await readToken(file.taken_over, file.taken_key);
  if (token === null) return null;
  const isWhole = token.isWhole && token.payload["hand_over"] === (await fingerprint(file.hand_over));
  return { by: String(token.payload["by"]), at: String(token.payload["at"]), isWhole };
}
