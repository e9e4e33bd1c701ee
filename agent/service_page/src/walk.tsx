// The walk: one step a screen.
import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { plain, sentence } from "../../../deploy/control-room/src/plain";
import { RefusedError, sendAnswer, type Verdict, type WalkView } from "./api";
import { busily, isBusy, Screen, settle, Sheet, steadily } from "./parts";
import { attempt, left, say, state, tab } from "./state";
import { t } from "./strings";

const spoken = (step: string): string => plain(step, 80).replaceAll("-", " ");

async function answer(what: string, walk: WalkView, reason = ""): Promise<boolean> {
  let isDone = false;
  await busily(async () => {
    say("");
    await attempt(async () => {
      try {
        await sendAnswer(what, walk.say, reason);
        isDone = true;
      } catch (error) {
        if (!(error instanceof RefusedError) || error.status !== 409) throw error;
        say(plain(error.message, 160) || t.walk.late, true);
      }
    });
  });
  return isDone;
}

export function Walk() {
  const now = state.value;
  const leaving = useSignal(""); // the step
  const walk = now?.walk;
  useLayoutEffect(settle, [walk?.step, walk?.say, walk?.state]);
  useLayoutEffect(() => {
    if (leaving.value === "" || leaving.value === walk?.step) return;
    leaving.value = ""; // a reason for that step is none for the next
    if (!isBusy.peek()) say(t.walk.late, true);
  }, [walk?.step]);
  if (now === null || walk === undefined || walk === null) return <Screen title={t.tabs.walk} thumb={null}><p>{t.asking}</p></Screen>;
  if (walk.state === "waiting") return <InEarnest />;
  const verdicts = <Verdicts verdicts={now.verdicts} />;
  if (walk.state === "done") {
    return (
      <Screen title={t.walk.done} thumb={<button type="button" class="big do" onClick={() => (tab.value = "report")}>{t.walk.toReport}</button>}>
        {verdicts}
      </Screen>
    );
  }
  const tapped = (what: string) => steadily(() => void answer(what, walk));
  const isFailed = walk.state === "failed";
  return (
    <Screen
      title={`${t.walk.step(walk.number, walk.count)}: ${spoken(walk.step)}`}
      thumb={
        <>
          <div class="row">
            {!isFailed && <button type="button" aria-disabled={isBusy.value || walk.state !== "acting"} onClick={walk.state === "acting" ? tapped("again") : undefined}>{t.walk.again}</button>}
            <button type="button" onClick={steadily(() => (leaving.value = walk.step))}>{t.walk.leaveOut}</button>
          </div>
          <div class="row is-tall">
            {isFailed ? (
              <>
                <button type="button" onClick={tapped("go-on")}>{t.walk.goOn}</button>
                <button type="button" class="do" onClick={tapped("again")}>{t.walk.again}</button>
              </>
            ) : walk.asks ? (
              <>
                <button type="button" aria-disabled={isBusy.value} onClick={tapped("no")}><span aria-hidden="true">✗ </span>{t.walk.no}</button>
                <button type="button" class="do" aria-disabled={isBusy.value} onClick={tapped("yes")}><span aria-hidden="true">✓ </span>{t.walk.yes}</button>
              </>
            ) : (
              <p class="awaited">{walk.state === "preparing" ? t.walk.preparing : t.walk.awaited}</p>
            )}
          </div>
          {leaving.value === walk.step && <LeaveOut walk={walk} onClose={() => (leaving.value = "")} />}
        </>
      }
    >
      <progress max={walk.count} value={walk.number - 1} aria-label={t.walk.step(walk.number, walk.count)} />
      <p class="step-state">
        <span>{isFailed ? <strong class="bad">✗ {t.walk.failed}</strong> : walk.expected > 0 ? <Heard walk={walk} /> : walk.state === "preparing" ? t.walk.preparing : ""}</span>
        <span class="step-left">{isFailed ? "" : t.walk.left(left(walk.seconds_left))}</span>
      </p>
      <div aria-live="polite">
        <p class="sentence">{sentence(plain(walk.say, 400))}</p>
      </div>
      {verdicts}
    </Screen>
  );
}

function Heard({ walk }: { walk: WalkView }) {
  return (
    <>
      <span aria-hidden="true" class="dots">{"●".repeat(Math.min(walk.heard, 12))}{"○".repeat(Math.min(Math.max(0, walk.expected - walk.heard), 12))}</span> {t.walk.heard(walk.heard, walk.expected)}
    </>
  );
}

/** Nobody may take this for a step of the walk. */
function InEarnest() {
  return (
    <Screen isBare title="" thumb={<p class="awaited">{t.earnest.waits}</p>}>
      <main class="earnest">
        <svg viewBox="0 0 24 24" aria-hidden="true"><polygon points="12,1 23.5,22 0.5,22" /><text x="12" y="20" text-anchor="middle">!</text></svg>
        <div role="alert">
          <h1>{t.earnest.head}</h1>
          <p class="sentence">{t.earnest.waits}</p>
          <p>{t.earnest.what}</p>
        </div>
      </main>
    </Screen>
  );
}

function LeaveOut({ walk, onClose }: { walk: WalkView; onClose: () => void }) {
  const chosen = useSignal("");
  const other = useSignal("");
  const reason = other.value.trim() || chosen.value;
  const send = async (event: Event) => {
    event.preventDefault();
    if (reason !== "" && (await answer("leave-out", walk, reason))) onClose();
  };
  return (
    <Sheet title={t.walk.reason} onClose={onClose}>
      <form onSubmit={send}>
        <fieldset>
          <legend class="visually-hidden">{t.walk.reason}</legend>
          {t.walk.reasons.map((each) => (
            <label key={each} class="choice">
              <input type="radio" name="reason" checked={chosen.value === each && other.value === ""} onChange={() => ((chosen.value = each), (other.value = ""))} />
              {each}
            </label>
          ))}
        </fieldset>
        <label>
          {t.walk.reasonOther}
          <input type="text" maxLength={200} value={other.value} onInput={(event) => (other.value = event.currentTarget.value)} />
        </label>
        <div class="row is-tall">
          <button type="button" onClick={onClose}>{t.cancel}</button>
          <button type="submit" class="do" aria-disabled={reason === "" || isBusy.value}>{reason === "" ? t.walk.noReason : t.walk.leaveOutYes}</button>
        </div>
      </form>
    </Sheet>
  );
}

const MARKS: Record<Verdict["outcome"], string> = { passed: "✓", failed: "✗", "left-out": "–" };

export function Verdicts({ verdicts }: { verdicts: readonly Verdict[] }) {
  if (verdicts.length === 0) return null;
  return (
    <section class="verdicts" aria-labelledby="verdicts">
      <h2 id="verdicts">{t.walk.verdicts(verdicts.length)}</h2>
      <ul>
        {[...verdicts].reverse().map(({ step, outcome, reason, tries }) => (
          <li key={step} class={`is-${outcome}`}>
            <span class="mark" aria-hidden="true">{MARKS[outcome]}</span>
            <span>
              {spoken(step)}: <strong>{t.walk.outcomes[outcome]}</strong>
              {tries > 1 && `, ${t.walk.tries(tries)}`}
              {reason !== "" && <span class="small">{plain(reason, 200)}</span>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
