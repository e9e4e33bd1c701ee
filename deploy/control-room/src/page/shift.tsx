// The shift: one click begins it, its figures run beside those that the field asks for, and a signed list ends it.
import { signal, useSignal } from "@preact/signals";
import type { KeyView, Role } from "../protocol";
import { ask } from "./ask";
import { dispatchedWithin, falseAlarmsByPlace, perTenMinutes, takenWithin, type Share } from "./figures";
import { HandOverCard, save } from "./handover";
import { unlock } from "./sound";
import { cases, casesChanged, casesSinceMs, forgetCases, key, keyAnswers, keyIsKnown, links, login, openAlarms, seat, settings, shift } from "./state";
import { t } from "./strings";
import { now, second, wall } from "./time";
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

const name = signal("");
const password = signal("");
const by = signal(localStorage.getItem("by") ?? "");
const role = signal<Role>("operator");
const complaint = signal("");

/** Each page of a login is a centre of its own, so that closing one does not tell kiosks that nobody watches. */
async function takeSeat(wanted: string): Promise<string | null> {
  for (const suffix of ["", "-2", "-3"]) {
    const held = await new Promise<boolean>((resolve) => {
      // Held as long as this page lives.
      void navigator.locks.request(`control-room ${wanted}${suffix}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise<void>(() => undefined);
      });
    });
    if (held) return `${wanted}${suffix}`;
  }
  return null;
}

async function logIn(): Promise<boolean> {
  const wanted = name.peek().trim();
  const present = settings.peek();
  if (wanted === "" || present === null) {
    complaint.value = t.shift.missing;
    return false;
  }
  const mine = login.peek() === wanted ? seat.peek() : await takeSeat(wanted);
  if (mine === null) {
    complaint.value = t.shift.seatsFull(wanted);
    return false;
  }
  complaint.value = "";
  seat.value = mine;
  login.value = wanted;
  ask({ ask: "open", settings: present, login: { name: wanted, password: password.peek() }, seat: mine });
  // A new connection ends the worker's shift, and the person's goes on.
  const running = shift.peek();
  if (running !== null) ask({ ask: "begin", by: running.by });
  password.value = "";
  return true;
}

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
  const wasBrought = keyAnswers.peek() > 1;
  await keyIsKnown();
  if (wasBrought && key.peek() === null) {
    complaint.value = t.shift.keyNotTaken;
    return;
  }
  if (key.peek() === null) ask({ ask: "make-key", role: role.peek(), issuer: login.peek() ?? "" });
  localStorage.setItem("by", who);
  ask({ ask: "begin", by: who });
  shift.value = { by: who, sinceMs: now() };
  forgetCases();
}

function needsLogin(): boolean {
  return links.peek().length > 0 && links.peek().every((link) => link.state === "refused");
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

/** The login was refused, or a broker has forgotten it: the shift goes on. */
function LogInAgain() {
  const submit = (event: Event) => {
    event.preventDefault();
    void logIn();
  };
  return (
    <form class="form" onSubmit={submit}>
      <LoginFields />
      <p role="alert" class="complaint">{complaint.value}</p>
      <div class="buttons">
        <button type="submit" class="do">{t.shift.relogin}</button>
      </div>
    </form>
  );
}

function LoginFields() {
  return (
    <>
      <label>
        {t.shift.loginName}
        <input type="text" name="login" autocomplete="username" autocapitalize="off" spellcheck={false} maxLength={64} value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
      </label>
      <label>
        {t.shift.password}
        <input type="password" name="password" autocomplete="current-password" value={password.value} onInput={(event) => (password.value = event.currentTarget.value)} />
      </label>
    </>
  );
}

function KeyCard() {
  const mine = key.value;
  const isForgetting = useSignal(false);
  const isCopied = useSignal(false);
  if (mine === null) return null;
  const jwk = JSON.stringify(mine.public);
  const file = `${mine.kid}.public.json`;
  return (
    <section class="card" aria-labelledby="key-title">
      <h2 id="key-title">{t.shift.keyHave(mine.kid, t.shift.roles[mine.role])}</h2>
      <p>{t.shift.keyPublic}:</p>
      <pre tabIndex={0} aria-label={t.shift.keyPublic}>{jwk}</pre>
      <div class="buttons">
        <button type="button" onClick={() => void navigator.clipboard.writeText(jwk).then(() => (isCopied.value = true))}>{isCopied.value ? t.shift.keyCopied : t.shift.keyCopy}</button>
        <button type="button" onClick={() => save(file, jwk)}>{t.shift.keySave}</button>
      </div>
      <p class="small">{t.shift.keyWhy}</p>
      <pre tabIndex={0} aria-label={t.shift.keyWhy}>{enrol(mine, file)}</pre>
      {isForgetting.value ? (
        <div class="buttons">
          <span>{t.shift.keyForgetSure}</span>
          <button type="button" onClick={() => (ask({ ask: "forget-key" }), (isForgetting.value = false))}>{t.shift.keyForgetYes}</button>
          <button type="button" onClick={() => (isForgetting.value = false)}>{t.cancel}</button>
        </div>
      ) : (
        <button type="button" onClick={() => (isForgetting.value = true)}>{t.shift.keyForget}</button>
      )}
    </section>
  );
}

function enrol(mine: KeyView, file: string): string {
  return t.shift.keyEnrol(file, mine.issuer).replace("--role operator", `--role ${mine.role}`);
}

function LinksCard() {
  return (
    <section class="card" aria-labelledby="links-title">
      <h2 id="links-title">{t.shift.links}</h2>
      <ul class="plain">
        {links.value.map((link) => (
          <li key={link.name}>
            <strong>{plain(link.name, 40)}</strong> {t.status.links[link.state]} {t.status.since(clock(wall(link.sinceMs)))}
            {link.echoMs !== null && link.state === "open" && ` · ${t.status.echo(Math.round(link.echoMs))}`}
            {link.why !== "" && `: ${t.status.why[link.why]}`}
          </li>
        ))}
        {links.value.length === 0 && <li>{t.status.notLoggedIn}</li>}
      </ul>
    </section>
  );
}

const GOALS = [
  { seconds: 10, goal: t.shift.goals.nfpa10, least: 0.9, figure: takenWithin },
  { seconds: 15, goal: t.shift.goals.nena15, least: 0.9, figure: takenWithin },
  { seconds: 20, goal: t.shift.goals.nena20, least: 0.95, figure: takenWithin },
  { seconds: 60, goal: t.shift.goals.nfpa60, least: 0.9, figure: dispatchedWithin },
] as const;

function FiguresCard() {
  casesChanged.value;
  second.value;
  return (
    <section class="card" aria-labelledby="figures-title">
      <h2 id="figures-title">{t.shift.figures(clock(wall(casesSinceMs.value), false))}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{t.shift.figure}</th>
            <th scope="col">{t.shift.now}</th>
            <th scope="col">{t.shift.goal}</th>
          </tr>
        </thead>
        <tbody>
          {GOALS.map(({ seconds, goal, least, figure }) => (
            <FigureRow key={seconds} word={figure === takenWithin ? t.shift.taken(seconds) : t.shift.sent(seconds)} goal={goal} least={least} share={figure(cases.values(), seconds, now())} />
          ))}
        </tbody>
      </table>
      <p class="small">{t.shift.figuresWhy}</p>
    </section>
  );
}

function FigureRow({ word, goal, least, share }: { word: string; goal: string; least: number; share: Share }) {
  const isMet = share.within >= least * share.of;
  return (
    <tr>
      <th scope="row">{word}</th>
      <td>
        {share.of === 0 ? (
          t.shift.noneYet
        ) : (
          <>
            <strong>{Math.floor((100 * share.within) / share.of)} %</strong> <span class="small share">{t.shift.share(share.within, share.of)}</span>
          </>
        )}
      </td>
      <td>
        {goal}
        {share.of > 0 && <span class={isMet ? "verdict good" : "verdict bad"}>{isMet ? `✓ ${t.shift.met}` : `✗ ${t.shift.missed}`}</span>}
      </td>
    </tr>
  );
}

const FLOOD = 10;

function RateCard() {
  casesChanged.value;
  second.value;
  const rates = perTenMinutes(cases.values(), 24, now());
  const newest = rates.at(-1) ?? 0;
  const most = Math.max(...rates);
  const top = Math.max(12, most);
  return (
    <section class="card" aria-labelledby="rate-title">
      <h2 id="rate-title">{t.shift.rate}</h2>
      <p>
        <strong>{t.shift.rateNow(newest)}</strong> · {t.shift.ratePeak(most)}
      </p>
      <svg class="bars" viewBox="0 0 240 60" role="img" aria-label={t.shift.rateCurve(rates.join(", "))} preserveAspectRatio="none">
        {rates.map((count, i) => (
          <rect key={i} x={i * 10 + 1} width="8" y={60 - (count / top) * 60} height={(count / top) * 60} class={count > FLOOD ? "bar over" : "bar"} />
        ))}
        <line x1="0" x2="240" y1={60 - (FLOOD / top) * 60} y2={60 - (FLOOD / top) * 60} />
      </svg>
      <p class={newest > FLOOD ? "bad" : "small"}>{newest > FLOOD ? `▲ ${t.shift.flood}` : `${t.shift.noFlood} (${t.shift.limit})`}</p>
    </section>
  );
}

function PlacesCard() {
  casesChanged.value;
  const places = falseAlarmsByPlace(cases.values());
  return (
    <section class="card" aria-labelledby="places-title">
      <h2 id="places-title">{t.shift.falseAlarms}</h2>
      {places.length === 0 ? (
        <p>{t.shift.falseNone}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t.shift.placeHead}</th>
              <th scope="col">{t.shift.countHead}</th>
            </tr>
          </thead>
          <tbody>
            {places.slice(0, 20).map((one) => (
              <tr key={one.source}>
                <th scope="row">{one.place}</th>
                <td>{t.shift.falseOf(one.falseAlarms, one.all)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
