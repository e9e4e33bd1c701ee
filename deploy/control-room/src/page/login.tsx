// The operator's login at every broker, which a shift begins with, and which may have to be given again.
import { signal } from "@preact/signals";
import { ask } from "./ask";
import { forgetAll, links, login, seat, settings, shift } from "./state";
import { t } from "./strings";
import { wall } from "./time";
import { clock, plain } from "./words";

export const name = signal("");
const password = signal("");
/** What keeps a shift from beginning, in words. */
export const complaint = signal("");

/** By login, what this page is called: a name that it has taken it keeps as long as it lives. */
const seats = new Map<string, string>();

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
    if (held) {
      seats.set(wanted, `${wanted}${suffix}`);
      return `${wanted}${suffix}`;
    }
  }
  return null;
}

export async function logIn(): Promise<boolean> {
  const wanted = name.peek().trim();
  const present = settings.peek();
  if (wanted === "" || present === null) {
    complaint.value = t.shift.missing;
    return false;
  }
  const mine = seats.get(wanted) ?? (await takeSeat(wanted));
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

/** Close every connection, and forget the password and all that was heard. A shift that runs ends. */
export function logOut(): void {
  ask({ ask: "log-out" });
  shift.value = null;
  forgetAll();
  [seat.value, name.value, password.value, complaint.value] = ["", "", "", ""];
}

export function needsLogin(): boolean {
  return links.peek().length > 0 && links.peek().every((link) => link.state === "refused");
}

/** The login was refused, or a broker has forgotten it: the shift goes on. */
export function LogInAgain() {
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

export function LoginFields() {
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

export function LinksCard() {
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
      {seat.value !== "" && <p class="small">{t.shift.as(seat.value)}</p>}
    </section>
  );
}
