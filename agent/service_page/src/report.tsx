// The report: what it says, the technician's signature, and what happens then.
import { signal, useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { plain } from "../../../deploy/control-room/src/plain";
import { getReport, type Report, sendNewWalk, sendReport, type Step } from "./api";
import { busily, isBusy, Screen, Sheet } from "./parts";
import { attempt, device, key, nameOf, say, state, tab } from "./state";
import { isOf } from "./statement";
import { t } from "./strings";

const report = signal<Report | null>(null);
/** The report of this walk, once it has one. */
export const sealed = signal<string | null>(null);
const note = signal("");

async function load(): Promise<{ report: Report; payload: string } | null> {
  const by = key.peek();
  if (by === null) return null;
  const made = await getReport({ kid: by.kid, note: note.peek().trim() });
  if (made.sealed !== undefined) sealed.value = made.sealed.report;
  report.value = made.draft?.report ?? null;
  return made.draft ?? null;
}

async function seal(): Promise<void> {
  const by = key.peek();
  const made = await load();
  if (by === null || made === null) return;
  if (made.report.by.kid !== by.kid || made.report.device.name !== nameOf(device.peek() ?? "")) return say(t.report.other, true);
  if (!isOf(made.payload, made.report)) return say(t.report.wrong, true);
  sealed.value = (await sendReport(made.report.id, by.seal(made.payload))).sealed.report;
  say("");
}

export function ReportView() {
  const walk = state.value?.walk;
  const isDone = walk?.state === "done";
  const noteField = useSignal(note.peek());
  useLayoutEffect(() => {
    if (isDone && sealed.peek() === null) void attempt(async () => void (await load()));
  }, [isDone]);
  if (!isDone) {
    return (
      <Screen title={t.report.title} thumb={<button type="button" class="big do" onClick={() => (tab.value = "walk")}>{t.report.toWalk}</button>}>
        <p class="sentence">{walk === undefined || walk === null ? t.asking : t.report.notYet(Math.min(walk.number, walk.count), walk.count)}</p>
      </Screen>
    );
  }
  if (sealed.value !== null) {
    return (
      <Screen title={t.report.title} thumb={null}>
        <p class="verdict-big is-passed"><span aria-hidden="true">✓ </span>{t.report.sealed}</p>
        <ol class="then">{t.report.then.map((each) => <li key={each}>{each}</li>)}</ol>
        <p class="small">{t.report.id} {plain(sealed.value, 64)}</p>
        <AnotherWalk />
      </Screen>
    );
  }
  const shown = report.value;
  return (
    <Screen
      title={t.report.title}
      thumb={<button type="button" class="big do" aria-disabled={shown === null || isBusy.value} onClick={() => void busily(() => attempt(seal))}>{isBusy.value ? t.report.sealing : t.report.seal}</button>}
    >
      {shown === null ? <p>{t.report.making}</p> : <Summary of={shown} />}
      <label>
        {t.report.note}
        <textarea rows={2} maxLength={200} value={noteField.value} aria-describedby="note-why" onInput={(event) => (note.value = noteField.value = event.currentTarget.value)} />
      </label>
      <p id="note-why" class="small">{t.report.noteWhy}</p>
      <p class="small">{t.report.why}</p>
      <AnotherWalk />
    </Screen>
  );
}

async function beginAnother(): Promise<void> {
  await sendNewWalk();
  sealed.value = report.value = null;
  note.value = "";
  tab.value = "walk";
}

function AnotherWalk() {
  const isAsked = useSignal(false);
  return (
    <>
      <button type="button" onClick={() => (isAsked.value = true)}>{t.report.another}</button>
      {isAsked.value && (
        <Sheet title={t.report.anotherTitle} onClose={() => (isAsked.value = false)}>
          <p>{t.report.anotherWhy}</p>
          <div class="row is-tall">
            <button type="button" onClick={() => (isAsked.value = false)}>{t.cancel}</button>
            <button type="button" class="do" aria-disabled={isBusy.value} onClick={() => void busily(() => attempt(beginAnother))}>{t.report.anotherYes}</button>
          </div>
        </Sheet>
      )}
    </>
  );
}

const MARK = { passed: "✓ ", incomplete: "◐ ", failed: "✗ " };

function Summary({ of }: { of: Report }) {
  const by = (verdict: Step["verdict"]) => of.steps.filter((step) => step.verdict === verdict);
  const [passed, failed, leftOut] = [by("passed"), by("failed"), by("left-out")];
  return (
    <>
      <p class={`verdict-big is-${of.verdict}`}><span aria-hidden="true">{MARK[of.verdict]}</span>{t.report.verdict[of.verdict]}</p>
      <p>{t.report.counts(passed.length, failed.length, leftOut.length)}</p>
      <Steps title={t.report.failed} steps={failed} />
      <Steps title={t.report.leftOut} steps={leftOut} />
      {of.in_earnest.length > 0 && (
        <section>
          <h2>{t.report.earnest(of.in_earnest.length)}</h2>
          <ul class="plain">{of.in_earnest.map(({ input, step }, at) => <li key={at}>{t.report.during(plain(input, 64), plain(step, 64))}</li>)}</ul>
        </section>
      )}
      <details>
        <summary>{t.report.passed} ({passed.length})</summary>
        <ul class="plain">{passed.map(({ name, title }) => <li key={name}>{plain(title, 200)}</li>)}</ul>
      </details>
      {of.pictures.length > 0 && <p>{t.report.pictures(of.pictures.length)}: {of.pictures.map(({ name }) => plain(name, 64)).join(", ")}.</p>}
    </>
  );
}

function Steps({ title, steps }: { title: string; steps: readonly Step[] }) {
  if (steps.length === 0) return null;
  return (
    <section>
      <h2>{title} ({steps.length})</h2>
      <ul class="plain">
        {steps.map((step) => (
          <li key={step.name}>
            <strong>{plain(step.title, 200)}</strong>
            <span class="small">{plain(step.said, 300)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
