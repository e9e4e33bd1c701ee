// The shift: one click begins it, its figures run beside those that the field asks for, and a signed list ends it.
import { signal } from "@preact/signals";
import type { Role } from "../protocol";
import { ask } from "./ask";
import { focusOn } from "./focus";
import { FiguresCard, PlacesCard, RateCard } from "./goals";
import { HandOverCard } from "./handover";
import { isKeyNew, KeyCard } from "./keycard";
import { complaint, LinksCard, logIn, LoginFields, logOut, name, needsLogin } from "./login";
import { isHeard, Running } from "./running";
import { unlock } from "./sound";
import { figuresSinceMs, isKeyBrought, key, keyAnswers, keyIsKnown, links, login, offeredKey, settings, shift } from "./state";
import { t } from "./strings";
import { now, wall } from "./time";
import { afterEnd } from "./watchers";
import { clock, plain } from "./words";

/** When the last shift of this page was ended, and who watched then; null before the first end. */
const ended = signal<{ ms: number; watched: string } | null>(null);

export function ShiftView() {
  return (
    <div class="shift-view">
      <h1>{t.shift.title}</h1>
      <div class="cards">
        <div class="column main">
          {shift.value === null ? <Begin /> : <Running onEnd={end} />}
          <HandOverCard />
        </div>
        <div class="column">
          <FiguresCard />
          <RateCard />
          <PlacesCard />
          <LinksCard />
        </div>
        <KeyCard />
      </div>
    </div>
  );
}

const by = signal(localStorage.getItem("by") ?? "");
const role = signal<Role>("operator");

async function begin(): Promise<void> {
  const who = by.peek().trim();
  const wantsLogin = login.peek() === null;
  if (who === "" || (wantsLogin && name.peek().trim() === "")) {
    complaint.value = t.shift.missing;
    return;
  }
  // First of all, while the browser still counts this as the person's click.
  const heard = unlock();
  if ((wantsLogin || needsLogin()) && !(await logIn())) return;
  await heard;
  const wasAwaited = isKeyBrought.peek() && keyAnswers.peek() > 0;
  await keyIsKnown();
  if (offeredKey.peek() !== null && key.peek() === null) {
    complaint.value = t.shift.offered.decide;
    return;
  }
  if (wasAwaited && key.peek() === null) {
    complaint.value = t.shift.keyNotTaken;
    return;
  }
  isKeyNew.value ||= key.peek() === null;
  if (key.peek() === null) ask({ ask: "make-key", role: role.peek(), issuer: login.peek() ?? "" });
  localStorage.setItem("by", who);
  ask({ ask: "begin", by: who });
  shift.value = { by: who, sinceMs: now() };
  figuresSinceMs.value = now();
  isHeard.value = false;
  focusOn(".ready .do");
}

// The PC is the next shift's: it must neither see by this login nor answer by this name.
function end(): void {
  ended.value = { ms: now(), watched: afterEnd(true) };
  leave();
  focusOn(".ended");
}

function leave(): void {
  logOut();
  by.value = "";
  localStorage.removeItem("by");
}

function Begin() {
  const isIn = login.value !== null && !links.value.some((link) => link.state === "refused");
  const submit = (event: Event) => {
    event.preventDefault();
    void begin();
  };
  const out = () => {
    leave();
    focusOn(".begin [name=login]");
  };
  return (
    <section class="card begin" aria-labelledby="begin-title">
      {ended.value !== null && !isIn && (
        <div class="ended" tabIndex={-1}>
          <p class="standing">{t.shift.ended(clock(wall(ended.value.ms), false))}</p>
          <p>{t.shift.loggedOut}</p>
          <p>{t.shift.knownThen} {ended.value.watched}</p>
        </div>
      )}
      <h2 id="begin-title">{ended.value === null ? t.shift.begin : t.shift.beginAnew}</h2>
      <form class="form" onSubmit={submit}>
        <div class="fields">
          {!isIn && <LoginFields />}
          <label>
            {t.shift.by}
            <input type="text" name="by" autocomplete="name" maxLength={64} value={by.value} onInput={(event) => (by.value = event.currentTarget.value)} />
          </label>
        </div>
        <p class="small">{t.shift.names}</p>
        {isIn && (
          <p>
            {t.shift.stillIn(plain(login.value, 64))} <button type="button" onClick={out}>{t.shift.logOut}</button>
          </p>
        )}
        {keyAnswers.value > 0 && <p>{t.shift.keyComing}</p>}
        {keyAnswers.value === 0 && key.value === null && (
          <>
            <p>{settings.value?.key_by_link ? t.shift.keyElsewhere : t.shift.keyNone}</p>
            <fieldset>
              <legend>{t.shift.role}</legend>
              <div class="choices">
                {(["operator", "supervisor", "admin"] as const).map((one) => (
                  <label key={one} class="choice">
                    <input type="radio" name="role" checked={role.value === one} onChange={() => (role.value = one)} />
                    {t.shift.roles[one]}
                  </label>
                ))}
              </div>
            </fieldset>
          </>
        )}
        <p role="alert" class="complaint">{complaint.value}</p>
        <div class="buttons">
          <button type="submit" class="do act-now">{t.shift.begin}</button>
          {!isIn && <button type="button" onClick={() => void logIn()}>{t.shift.lookOn}</button>}
          <span class="small">{t.shift.beginWhy}</span>
        </div>
      </form>
    </section>
  );
}
