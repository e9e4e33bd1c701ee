// What is around every view: whether the page is live, whether somebody watches, and the alarms that nobody has.
import { signal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { AlarmView, LinkState } from "../protocol";
import { isSoon, leftMs } from "./again";
import { Alarms, openAlarm } from "./alarms";
import { DoNot, kindWord, shapeOf, Waited } from "./standing";
import { Devices } from "./devices";
import { Enrolment, WaitingCount } from "./enrolment";
import { Events } from "./events";
import { isHelpOpen, jump } from "./keys";
import { MapView } from "./map";
import { OfferedKey } from "./offered";
import { Outages } from "./outages";
import { Shape } from "./shapes";
import { ShiftView } from "./shift";
import { audio, unlock } from "./sound";
import { announced, clockWrongByMs, errors, folds, greySinceMs, isChecking, isForSupervisor, isLouder, isMine, isWatching, key, links, login, openAlarms, settings, shift, shownAlarms, unreadable, unsent, untaken, view, views, workerSilentSinceMs, type View } from "./state";
import { t } from "./strings";
import { now, second, wall } from "./time";
import { LookingOn } from "./watchers";
import { age, clock, doNot, nameOf, place, plain, span } from "./words";

/** How long the page says that another one connected with this login. */
const TAKEN_STAYS_MS = 600_000;

const CONTENT: Record<View, () => preact.JSX.Element> = { alarms: Alarms, map: MapView, devices: Devices, events: Events, shift: ShiftView, enrolment: Enrolment };

export function App() {
  const Content = CONTENT[view.value];
  const main = useRef<HTMLElement>(null);
  useLayoutEffect(() => main.current?.scrollTo(0, 0), [view.value]);
  return (
    <>
      <a class="skip" href="#content" onClick={(event) => (event.preventDefault(), document.getElementById("content")?.focus())}>
        {t.skip}
      </a>
      <header class="top">
        <p class="title">
          {plain(settings.value?.title, 60)} <span>{t.product}</span>
        </p>
        <Views />
        <Watch />
        <LinkChips />
        <Clock />
        <Theme />
        <button type="button" class="quiet keys" aria-expanded={isHelpOpen.value} onClick={() => (isHelpOpen.value = !isHelpOpen.value)}>
          <span class="word">{t.status.help}</span> <kbd>?</kbd>
        </button>
      </header>
      <section class="notices" aria-label={t.status.notices}>
        <OfferedKey />
        <Grey />
        <Untaken />
        <Notices />
      </section>
      <Announcer />
      {isHelpOpen.value && <Help />}
      <main ref={main} id="content" tabIndex={-1}>
        {/* The map's colours are taken when it is made. */}
        <Content key={view.value === "map" ? `${theme.value} ${isNight.value} ${greySinceMs.value === null}` : view.value} />
      </main>
    </>
  );
}

function Views() {
  return (
    <nav aria-label={t.product}>
      <ul>
        {views.value.map((name, i) => (
          <li key={name}>
            <button type="button" aria-current={view.value === name ? "page" : undefined} aria-keyshortcuts={String(i + 1)} onClick={() => (view.value = name)}>
              <kbd>{i + 1}</kbd> {t.views[name]}
              {name === "enrolment" && <WaitingCount />}
              {name === "alarms" && shownAlarms.value.length > 0 && <span class="count"> {shownAlarms.value.length}</span>}
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Whether somebody watches, in every view. */
function Watch() {
  const running = shift.value;
  if (running === null) {
    return (
      <p class="watch off">
        <span aria-hidden="true">◌</span> <strong>{t.status.lookingOn}</strong>
      </p>
    );
  }
  return (
    <p class={isWatching.value ? "watch on" : "watch off"}>
      <span aria-hidden="true">{isWatching.value ? "●" : "◌"}</span> <strong>{isWatching.value ? t.status.watching(plain(running.by, 64)) : t.status.notHeard(plain(running.by, 64))}</strong> <span class="small">{t.status.since(clock(wall(running.sinceMs), false))}</span>
    </p>
  );
}

const LINK_MARKS: Record<LinkState, string> = { open: "●", connecting: "◌", deaf: "◐", down: "✗", refused: "✗" };

function LinkChips() {
  if (links.value.length === 0) return <p class="chips">{t.status.notLoggedIn}</p>;
  return (
    <ul class="chips">
      {links.value.map((link) => (
        <li key={link.name} class={`chip link-${link.state}`} title={[t.status.broker(plain(link.name, 20)), t.status.links[link.state], link.why && t.status.why[link.why]].filter((each) => each !== "").join(": ")}>
          <span aria-hidden="true">{LINK_MARKS[link.state]}</span> {plain(link.name, 20)} <span class="small">{link.state === "open" && link.echoMs !== null ? t.status.echo(Math.round(link.echoMs)) : t.status.links[link.state]}</span>
        </li>
      ))}
    </ul>
  );
}

function Clock() {
  second.value;
  return <p class="clock">{clock(wall(now()))}</p>;
}

const chosen = localStorage.getItem("theme");
const theme = signal<"system" | "light" | "dark">(chosen === "light" || chosen === "dark" ? chosen : "system");

const night = matchMedia("(prefers-color-scheme: dark)");
const isNight = signal(night.matches);
night.addEventListener("change", () => (isNight.value = night.matches));

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme.value;
}

function Theme() {
  // Every click changes what is seen. The colours of the system are followed again once they are chosen here too.
  const isDark = theme.value === "dark" || (theme.value === "system" && isNight.value);
  const words = isDark ? t.status.lighten : t.status.darken;
  const turn = () => {
    theme.value = isDark === isNight.peek() ? (isDark ? "light" : "dark") : "system";
    localStorage.setItem("theme", theme.peek());
    applyTheme();
  };
  return (
    <button type="button" class="quiet" aria-label={words} title={words} onClick={turn}>
      <span aria-hidden="true">{isDark ? "☀" : "☾"}</span>
    </button>
  );
}

function Grey() {
  const since = greySinceMs.value;
  if (since === null) return null;
  second.value;
  const neverOpen = links.value.every((link) => link.state === "connecting");
  return (
    <div class="grey-banner" role="alert">
      <strong>{neverOpen && workerSilentSinceMs.value === null ? t.status.greyConnecting : t.status.grey(clock(wall(since)))}</strong>
      {!neverOpen && <span aria-live="off"> {age(now() - since)}</span>}
      <p>{workerSilentSinceMs.value !== null ? t.status.workerSilent : neverOpen ? "" : t.status.greyWhy}</p>
    </div>
  );
}

/** The alarms that come first, over every view. */
function Untaken() {
  const waiting = untaken.value;
  if (waiting.length === 0) return <Calm />;
  const first = waiting[0]!;
  const isSupervisors = isForSupervisor.value && key.value?.role === "supervisor";
  const why = isSupervisors ? t.banner.supervisor : t.banner.louder;
  return (
    <section class={`untaken-banner${isLouder.value ? " louder" : ""}${isSupervisors ? " supervisor" : ""}`} aria-label={t.banner.untaken(waiting.length)}>
      <p class="banner-title">
        <Shape name={shapeOf(first)} />
        {doNot(first) !== null ? (
          <span class="banner-words">
            <DoNot alarm={first} /> <span>{t.banner.untaken(waiting.length)}{(isSupervisors || isLouder.value) && ` · ${why}`}</span>
          </span>
        ) : (
          <>
            <strong>{t.banner.untaken(waiting.length)}</strong>
            {/* Its space is reserved, so that the buttons beside it do not move. */}
            <span class={isSupervisors || isLouder.value ? "tag" : "tag is-absent"}>{why}</span>
          </>
        )}
      </p>
      <ul>
        {waiting.slice(0, 3).map((alarm, i) => (
          <li key={alarm.alarmId}>
            <button type="button" onClick={() => jump(i)} aria-keyshortcuts={`Alt+${i + 1}`}>
              {i > 0 && <Shape name={shapeOf(alarm)} />} <span class="banner-age"><Waited alarm={alarm} /></span> <span class="banner-place">{nameOf(alarm)}</span> <kbd>Alt+{i + 1}</kbd>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** In the same room, so that nothing moves when somebody presses. It shows a case of mine that is about to ring again. */
function Calm() {
  const soon = openAlarms.value.find((alarm) => isMine(alarm) && isSoon(alarm));
  if (soon !== undefined) {
    return (
      <section class="calm-banner is-soon" aria-label={t.status.notices}>
        <p>▲ {t.banner.soon(age(leftMs(soon) ?? 0))}</p>
        <button type="button" onClick={() => ((view.value = "alarms"), openAlarm(soon.alarmId))}>{nameOf(soon)}</button>
      </section>
    );
  }
  if (login.value === null || greySinceMs.value !== null) return <p class="calm-banner">{login.value === null ? t.alarms.notConnected : t.banner.unknown}</p>;
  if (isChecking.value) return <p class="calm-banner">◌ {t.banner.checking}</p>;
  const isQuiet = unsent.value.length === 0;
  const drills = openAlarms.value.filter(({ data, isRinging }) => data.status !== "actual" && !isRinging).length;
  return (
    <p class="calm-banner">
      {isQuiet ? "✓" : "●"} {t.banner.calm} {drills > 0 && t.banner.drills(drills)} {shift.value !== null && audio.value === "running" ? t.banner.calmRings : t.banner.calmSilent} {!isQuiet && <strong>{t.banner.unsent(unsent.value.length)}</strong>}
    </p>
  );
}

function Notices() {
  const wrongBy = clockWrongByMs.value;
  const part = greySinceMs.value === null ? links.value.filter((link) => link.state !== "open" && link.state !== "connecting") : [];
  const isSilent = shift.value !== null && audio.value !== "running";
  const hasShift = shift.value !== null;
  const takenMs = Math.max(...links.value.map((link) => link.takenMs ?? -Infinity));
  const isTaken = second.value > 0 && now() - takenMs < TAKEN_STAYS_MS;
  return (
    <>
      {isSilent && (
        <p class="notice bad" role="alert">
          ▲ {t.status.soundStopped} <button type="button" onClick={() => void unlock()}>{t.status.soundOn}</button>
        </p>
      )}
      <LookingOn />
      {settings.value?.exercises_ring === true && <p class="notice" role="status">{t.status.demo}</p>}
      {hasShift && !isWatching.value && greySinceMs.value === null && <p class="notice bad">▲ {t.status.notTold}</p>}
      {part.map((link) => (
        <p key={link.name} class="notice bad" role="status">▲ {t.status.oneOf(plain(link.name, 40), t.status.links[link.state], clock(wall(link.sinceMs)))}{link.why !== "" && ` (${t.status.why[link.why]})`}</p>
      ))}
      <Outages />
      {isTaken && <p class="notice" role="status">{t.status.taken(clock(wall(takenMs)))}</p>}
      {login.value !== null && wrongBy !== null && <p class="notice">{t.status.clockWrong(span(Math.abs(wrongBy)), wrongBy > 0)}</p>}
      {unreadable.value.count > 0 && view.value === "devices" && <p class="notice">{t.status.unreadable(unreadable.value.count, plain(unreadable.value.last))}</p>}
      {errors.value.map((text, i) => (
        <p key={i} class="notice bad" role="alert">
          ▲ {plain(text)} <button type="button" onClick={() => (errors.value = errors.peek().filter((_, other) => other !== i))}>{t.dismiss}</button>
        </p>
      ))}
    </>
  );
}

// Read aloud at once, but not each of a flood: at most one sentence in two seconds.
function Announcer() {
  const said = useRef<HTMLParagraphElement>(null);
  const last = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const count = useRef(0);
  const worst = useRef<AlarmView | null>(null);
  useSignalEffect(() => {
    const news = announced.value;
    if (news.length === 0) return;
    count.current += news.length;
    const ours = [...news, ...(worst.current === null ? [] : [worst.current])].filter(({ source }) => !folds.peek().has(source));
    worst.current = ours.find(({ data }) => data.silent) ?? ours.at(-1) ?? news[0]!;
    if (timer.current !== null) return;
    timer.current = setTimeout(
      () => {
        timer.current = null;
        last.current = performance.now();
        const one = worst.current;
        if (one !== null && said.current !== null) said.current.textContent = `${doNot(one) ?? ""} ${t.banner.announce(count.current, kindWord(one.data.kind), place(one), untaken.peek().length)}`.trim();
        [count.current, worst.current] = [0, null];
      },
      Math.max(0, 2000 - (performance.now() - last.current)),
    );
  });
  return <p ref={said} class="visually-hidden" role="alert" />;
}

function Help() {
  return (
    <section class="help" aria-labelledby="help-title">
      <h2 id="help-title">{t.help.title}</h2>
      <dl>
        {t.help.keys.filter(([keys]) => keys !== "6" || views.value.includes("enrolment")).map(([keys, what]) => (
          <div key={keys} class="fact">
            <dt><kbd>{keys}</kbd></dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p class="small">{t.help.field}</p>
      <button type="button" onClick={() => (isHelpOpen.value = false)}>{t.help.close} <kbd>Esc</kbd></button>
    </section>
  );
}
