// Devices that wait to be let in. A person finds one by the code that its technician reads out, and in no other way: whoever picks
// from a list by a name that looks right lets in whoever claims that name.
import { signal, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { DecisionView, EnrolledView, WaitingView } from "../protocol";
import { Age } from "./standing";
import { ask } from "./ask";
import "./enrolment.css";
import { Fact } from "./panes";
import { clockWrongByMs, enrolment, key } from "./state";
import { t } from "./strings";
import { now, second, wall } from "./time";
import { age, clock, day, plain } from "./words";

const CODE_LENGTH = 12;
const MOST_DEVICES = 100;
const typed = signal("");
const refusing = signal<string | null>(null);

/** What a person has typed of a code: the letters that Crockford's alphabet leaves out are the digits that they look like. */
function read(text: string): string {
  return text.toUpperCase().replace(/[\s-]/g, "").replaceAll("O", "0").replace(/[IL]/g, "1");
}

function mayDecide(): boolean {
  return key.value?.role === "supervisor" || key.value?.role === "admin";
}

/** How many wait, for the navigation. */
export function WaitingCount() {
  const seen = enrolment.value;
  if (!mayDecide() || seen === null) return null;
  const n = seen.waiting?.length ?? 0;
  const isUnknown = seen.trouble !== null;
  if (n === 0 && !isUnknown) return null;
  return (
    <span class="count">
      {" "}
      <span aria-hidden="true">{n > 0 && n}{isUnknown && "?"}</span>
      <span class="visually-hidden">{n > 0 && t.enrolment.count(n)} {isUnknown && t.enrolment.countUnknown}</span>
    </span>
  );
}

export function Enrolment() {
  const role = key.value?.role;
  if (!mayDecide()) {
    return (
      <div class="enrolment">
        <h1>{t.enrolment.title(null)}</h1>
        <p class="obstacle">{role === undefined ? t.enrolment.noKey : t.enrolment.notYours(t.shift.roles[role])}</p>
      </div>
    );
  }
  const seen = enrolment.value;
  const found = seen?.waiting?.find((each) => read(each.code) === read(typed.value));
  const refused = seen?.waiting?.find((each) => each.key === refusing.value);
  return (
    <div class="enrolment">
      <h1>{t.enrolment.title(seen?.waiting?.length ?? null)}</h1>
      <Standing />
      <div class="card">
        <CodeField />
        {/* Who was asked about one board has not agreed to another. */}
        {found === undefined ? <Missing isKnown={seen?.waiting != null} /> : <Found key={`${found.key} ${found.replaces} ${found.remark}`} device={found} />}
      </div>
      {refused !== undefined && <Refuse key={refused.key} device={refused} />}
      {seen !== null && seen.decisions.length > 0 && (
        <section class="card" aria-labelledby="decided-title">
          <h2 id="decided-title">{t.enrolment.decided}</h2>
          <ul class="plain decided" role="status">
            {seen.decisions.map((each) => (
              <li key={`${each.device.key} ${each.atMs}`}><Decision decision={each} /></li>
            ))}
          </ul>
        </section>
      )}
      {seen?.waiting != null && (
        <section aria-labelledby="waiting-title">
          <h2 id="waiting-title">{t.enrolment.waiting}</h2>
          {seen.waiting.length === 0 ? <p>{t.enrolment.none}</p> : (
            <ul class="waiting">
              {seen.waiting.map((each) => (
                <li key={each.key} class="card">
                  <h3>{plain(each.name, 120)}</h3>
                  <Facts device={each} />
                  <button type="button" aria-expanded={refusing.value === each.key} onClick={() => (refusing.value = each.key)}>{t.enrolment.refuse}</button>
                </li>
              ))}
            </ul>
          )}
          <p class="small">{t.enrolment.waitingWhy}</p>
        </section>
      )}
      {seen?.devices != null && <DevicesTable devices={seen.devices} />}
    </div>
  );
}

/** Whether what stands here is so. */
function Standing() {
  const seen = enrolment.value;
  second.value;
  const askedMs = seen?.askedMs ?? null;
  const waitsS = askedMs === null ? 0 : Math.floor((now() - askedMs) / 1000);
  const trouble = seen?.trouble ?? null;
  const at = seen?.heardMs == null ? null : clock(wall(seen.heardMs));
  return (
    <>
      {trouble !== null && (
        <p class="notice bad" role="alert">
          ▲ {t.enrolment.trouble[trouble.why](plain(trouble.detail, 400))} {at === null ? t.enrolment.staleNever : t.enrolment.stale(at)}
        </p>
      )}
      <p class="small">
        {trouble === null && (at === null ? t.enrolment.never : t.enrolment.asOf(at))} {waitsS >= 2 && t.enrolment.asking(t.seconds(String(waitsS)))}
      </p>
    </>
  );
}

function CodeField() {
  const heading = () => document.querySelector<HTMLElement>(".found h2")?.focus();
  return (
    <form onSubmit={(event) => (event.preventDefault(), heading())}>
      <label>
        {t.enrolment.find}
        <input type="text" class="code" name="code" autocomplete="off" autocapitalize="characters" spellcheck={false} maxLength={30} placeholder="XXXX-XXXX-XXXX" aria-describedby="code-form" value={typed.value} onInput={(event) => (typed.value = event.currentTarget.value)} />
      </label>
      <p id="code-form" class="small">{t.enrolment.findForm} {t.enrolment.findWhy}</p>
    </form>
  );
}

function Missing({ isKnown }: { isKnown: boolean }) {
  const left = CODE_LENGTH - read(typed.value).length;
  const isEmpty = left === CODE_LENGTH;
  return (
    <p role="status" class={left <= 0 ? "said bad" : "small"}>
      {isEmpty ? "" : left > 0 ? t.enrolment.more(left) : left < 0 ? t.enrolment.tooMany : isKnown ? t.enrolment.noSuch : t.enrolment.never}
    </p>
  );
}

function Found({ device }: { device: WaitingView }) {
  const isSure = useSignal(false);
  const isAsking = enrolment.value?.decisions.some((each) => each.device.key === device.key && each.state === "asking") ?? false;
  const needsSure = device.replaces !== null || device.remark !== null;
  const approve = () => {
    if (isAsking) return;
    ask({ ask: "decide", key: device.key, replaces: device.replaces, isApproval: true, reason: "" });
    typed.value = "";
    toField();
  };
  return (
    <div class="found" role="group" aria-labelledby="found-code">
      <h2 id="found-code" tabIndex={-1} class="code">{device.code}</h2>
      <p>{t.enrolment.spell([...read(device.code)].map((each) => t.enrolment.letters[each] ?? each).join(" "))}</p>
      <Facts device={device} isFound />
      <p class="check"><strong>{t.enrolment.ask}</strong></p>
      {isSure.value && <p class="said bad" role="alert">{t.enrolment.approveSure(device.replaces === null ? null : boardOf(device.replaces))}</p>}
      {isSure.value ? (
        // A second click or Enter of a hasty hand falls on the first of them.
        <div class="buttons">
          <button type="button" onClick={() => (isSure.value = false)}>{t.cancel}</button>
          <button type="button" class="do act-now" aria-disabled={isAsking} onClick={approve}>{t.enrolment.approveYes}</button>
        </div>
      ) : (
        <div class="buttons">
          <button type="button" class="do act-now" aria-disabled={isAsking} onClick={() => (needsSure ? (isSure.value = true) : approve())}>{t.enrolment.approve}</button>
          <button type="button" class="do" aria-expanded={refusing.value === device.key} onClick={() => (refusing.value = device.key)}>{t.enrolment.refuse}</button>
        </div>
      )}
    </div>
  );
}

/** The registrar says a serial, or that there is none in words. */
function boardOf(replaced: string): string {
  const said = plain(replaced, 64);
  return /\s/.test(said) ? said : t.enrolment.serial(said);
}

function toField(): void {
  document.querySelector<HTMLElement>("input.code")?.focus();
}

function Facts({ device, isFound = false }: { device: WaitingView; isFound?: boolean }) {
  return (
    <>
      {device.replaces !== null && <p class="warning">▲ {t.enrolment.replaces(boardOf(device.replaces))}</p>}
      {device.remark !== null && <p class="warning">▲ {t.enrolment.remark}: {plain(device.remark)}</p>}
      <dl>
        <Fact name={t.enrolment.board}><strong class="serial">{plain(device.board, 64) || t.enrolment.noBoard}</strong></Fact>
        {isFound && <Fact name={t.enrolment.name}>{plain(device.name, 120)}</Fact>}
        <Fact name={t.enrolment.site}>{plain(device.site, 120) || t.enrolment.noSite}</Fact>
        <Fact name={t.enrolment.place}>{plain(device.place, 120) || t.unknown}</Fact>
        <Fact name={t.enrolment.since}><Age sinceMs={device.sinceMs} />, {t.enrolment.sinceAt(clock(wall(device.sinceMs), false))}</Fact>
        <Fact name={t.enrolment.address}>{plain(device.address, 64)}</Fact>
      </dl>
    </>
  );
}

function Refuse({ device }: { device: WaitingView }) {
  const form = useRef<HTMLFormElement>(null);
  const reason = useSignal("");
  useLayoutEffect(() => form.current?.querySelector<HTMLElement>("input")?.focus(), []);
  const leave = () => ((refusing.value = null), toField());
  const refuse = (event: Event) => {
    event.preventDefault();
    if (reason.value.trim() === "") return;
    ask({ ask: "decide", key: device.key, replaces: device.replaces, isApproval: false, reason: reason.value.trim() });
    leave();
  };
  return (
    <form ref={form} class="card form refuse" onSubmit={refuse} aria-labelledby="refuse-title" onKeyDown={(event) => event.key === "Escape" && leave()}>
      <h2 id="refuse-title">{t.enrolment.refuseTitle(plain(device.name, 120))}</h2>
      <fieldset>
        <legend>{t.enrolment.reason}</legend>
        <div class="choices">
          {t.enrolment.reasons.map((each) => (
            <label key={each} class="choice">
              <input type="radio" name="reason" checked={reason.value === each} onChange={() => (reason.value = each)} />
              {each}
            </label>
          ))}
        </div>
        <label>
          {t.enrolment.reasonOther}
          <input type="text" maxLength={200} value={reason.value} onInput={(event) => (reason.value = event.currentTarget.value)} />
        </label>
      </fieldset>
      <div class="buttons">
        <button type="submit" class="do" aria-disabled={reason.value.trim() === ""}>{t.enrolment.refuseYes}</button>
        <button type="button" onClick={leave}>{t.cancel} <kbd>Esc</kbd></button>
      </div>
    </form>
  );
}

function Decision({ decision }: { decision: DecisionView }) {
  const { device, isApproval, reason, state, trouble, endsMs } = decision;
  const isGood = state === "done" && (endsMs !== null || !isApproval);
  const what = isApproval ? (endsMs === null ? t.enrolment.approved : t.enrolment.has(day(endsMs))) : t.enrolment.refused(plain(reason, 200));
  return (
    <p class={state === "failed" || state === "unknown" ? "bad" : isGood ? "good" : ""}>
      <span aria-hidden="true">{state === "failed" || state === "unknown" ? "✗" : isGood ? "✓" : "◌"}</span> <strong>{plain(device.name, 120)}</strong> ({device.code}, {clock(wall(decision.atMs), false)}):{" "}
      {state === "done" ? what : `${isApproval ? t.enrolment.wasApproval : t.enrolment.wasRefusal}: ${t.enrolment.states[state]}`}
      {trouble !== null && ` ${t.enrolment.trouble[trouble.why](plain(trouble.detail, 400))}`}
    </p>
  );
}

function DevicesTable({ devices }: { devices: readonly EnrolledView[] }) {
  const filter = useSignal("");
  const wanted = filter.value.trim().toLowerCase();
  const trueMs = Date.now() - (clockWrongByMs.value ?? 0);
  const found = devices.filter((each) => wanted === "" || `${each.name} ${each.board ?? ""}`.toLowerCase().includes(wanted));
  const rows = found.sort((a, b) => Number(a.revoked !== null) - Number(b.revoked !== null) || a.endsMs - b.endsMs).slice(0, MOST_DEVICES);
  return (
    <details>
      <summary>{t.enrolment.devices(devices.length)}</summary>
      <label>
        {t.enrolment.findDevice}
        <input type="search" value={filter.value} onInput={(event) => (filter.value = event.currentTarget.value)} />
      </label>
      <p class="small">{t.enrolment.devicesWhy(MOST_DEVICES)}</p>
      <table>
        <thead>
          <tr>
            {[t.enrolment.name, t.enrolment.board, t.enrolment.ends, t.enrolment.seen].map((each) => <th key={each} scope="col">{each}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map((each) => (
            <tr key={each.name}>
              <th scope="row">{plain(each.name, 120)}</th>
              <td>{plain(each.board, 64) || t.enrolment.noBoard}</td>
              <td>{each.revoked !== null ? t.enrolment.revoked(plain(each.revoked, 120)) : each.endsMs < trueMs ? t.enrolment.ended(day(each.endsMs)) : day(each.endsMs)}</td>
              <td>{each.seenMs === null ? t.unknown : t.enrolment.ago(age(now() - each.seenMs))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
