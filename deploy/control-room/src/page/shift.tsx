// The shift: one click begins it, its figures run beside those that the field asks for, and a signed list ends it.
import { signal, useSignal } from "@preact/signals";
import type { Role } from "../protocol";
import { ask } from "./ask";
import { FiguresCard, PlacesCard, RateCard } from "./goals";
import { HandOverCard } from "./handover";
import { KeyCard } from "./keycard";
import { complaint, LinksCard, logIn, LogInAgain, LoginFields, name, needsLogin } from "./login";
import { unlock } from "./sound";
import { forgetCases, isKeyBrought, key, keyAnswers, keyIsKnown, links, login, openAlarms, seat, shift } from "./state";
import { t } from "./strings";
import { now, wall } from "./time";
import { clock, plain } from "./words";

export function ShiftView() {
  return (
    <div class="shift-view">
      <h1>{t.shift.title}</h1>
      <div class="cards">
        {shift.value === null && <Begin />}
        <div class="column">
          {shift.value !== null && <Running />}
          <KeyCard />
          <LinksCard />
        </div>
        <div class="column">
          <FiguresCard />
        </div>
        <div class="column">
          <RateCard />
          <PlacesCard />
        </div>
        <HandOverCard />
      </div>
    </div>
  );
}

const by = signal(localStorage.getItem("by") ?? "");
const role = signal<Role>("operator");

async function begin(): Promise<void> {
  const who = by.peek().trim();
  if (who === "" || (login.peek() === null && name.peek().trim() === "")) {
    complaint.value = t.shift.missing;
    return;
  }
  // First of all, while the browser still counts this as the person's click.
  const heard = unlock();
  if ((login.peek() === null || needsLogin()) && !(await logIn())) return;
  await heard;
  const wasAwaited = isKeyBrought.peek() && keyAnswers.peek() > 0;
  await keyIsKnown();
  if (wasAwaited && key.peek() === null) {
    complaint.value = t.shift.keyNotTaken;
    return;
  }
  if (key.peek() === null) ask({ ask: "make-key", role: role.peek(), issuer: login.peek() ?? "" });
  localStorage.setItem("by", who);
  ask({ ask: "begin", by: who });
  shift.value = { by: who, sinceMs: now() };
  forgetCases();
}

function Begin() {
  const isIn = login.value !== null && !links.value.some((link) => link.state === "refused");
  const submit = (event: Event) => {
    event.preventDefault();
    void begin();
  };
  return (
    <section class="card wide begin" aria-labelledby="begin-title">
      <h2 id="begin-title">{t.shift.begin}</h2>
      <form class="form" onSubmit={submit}>
        <div class="fields">
          {!isIn && <LoginFields />}
          <label>
            {t.shift.by}
            <input type="text" name="by" autocomplete="name" maxLength={64} value={by.value} onInput={(event) => (by.value = event.currentTarget.value)} />
          </label>
        </div>
        {keyAnswers.value > 0 ? (
          <p>{t.shift.keyComing}</p>
        ) : key.value === null ? (
          <>
            <p>{t.shift.keyNone}</p>
            <fieldset>
              <legend>{t.shift.role}</legend>
              <div class="choices">
                {(["operator", "supervisor"] as const).map((one) => (
                  <label key={one} class="choice">
                    <input type="radio" name="role" checked={role.value === one} onChange={() => (role.value = one)} />
                    {t.shift.roles[one]}
                  </label>
                ))}
              </div>
            </fieldset>
          </>
        ) : (
          <p>{t.shift.keyHave(key.value.kid, t.shift.roles[key.value.role])}</p>
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

function Running() {
  const isEnding = useSignal(false);
  const now_ = shift.value;
  if (now_ === null) return null;
  const end = () => {
    ask({ ask: "end" });
    shift.value = null;
  };
  return (
    <section class="card begin" aria-labelledby="running-title">
      <h2 id="running-title">{t.shift.running(plain(now_.by, 64), clock(wall(now_.sinceMs), false))}</h2>
      <p>{t.shift.as(seat.value)}</p>
      {links.value.some((link) => link.state === "refused") && <LogInAgain />}
      <p>
        {t.shift.heard} <button type="button" onClick={() => void unlock()}>{t.shift.again}</button>
      </p>
      {isEnding.value ? (
        <>
          <p>{t.shift.endSure(openAlarms.value.length)}</p>
          <div class="buttons">
            <button type="button" class="do" onClick={end}>{t.shift.endYes}</button>
            <button type="button" onClick={() => (isEnding.value = false)}>{t.cancel}</button>
          </div>
        </>
      ) : (
        <button type="button" onClick={() => (isEnding.value = true)}>{t.shift.end}</button>
      )}
    </section>
  );
}
