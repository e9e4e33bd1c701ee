// The settings that are no drawing, in groups: what each is, its value in force, and what somebody has typed instead.
import { computed, signal, useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { plain, sentence } from "../../../deploy/control-room/src/plain";
import { getForm, type Mistake, type Row } from "./api";
import { changesOf, groupOf, groupsOf, limitsOf, textOf, told, unitOf, valueOf } from "./form";
import { busily, isBusy, Screen } from "./parts";
import { check, type Checked } from "./changes";
import { Saving } from "./saving";
import { attempt, say } from "./state";
import { t } from "./strings";

const rows = signal<Row[] | null>(null);
/** By the path of a setting. It outlives a change of the view and the end of a session. */
const typed = signal<Record<string, string>>({});
const chosen = signal("device");
const changed = computed(() => (rows.value ?? []).flatMap((row) => (isChanged(row) ? [[row, typed.value[row.path] ?? ""] as const] : [])));
const isChanged = (row: Row): boolean => (typed.value[row.path] ?? textOf(row)) !== textOf(row);
export const isAnyTyped = (): boolean => changed.peek().length > 0;

async function load(): Promise<void> {
  await attempt(async () => void (rows.value = (await getForm()).settings));
}

export function Settings() {
  useLayoutEffect(() => void load(), []);
  const mistakes = useSignal<readonly Mistake[]>([]);
  const checked = useSignal<Checked | null>(null);
  useLayoutEffect(() => document.querySelector(".settings [aria-invalid=true]")?.closest(".field")?.scrollIntoView({ block: "center" }), [mistakes.value]);
  const all = rows.value;
  if (all === null) return <Screen title={t.settings.title} thumb={null}><p>{t.asking}</p></Screen>;
  const groups = groupsOf(all);
  const group = groups.includes(chosen.value) ? chosen.value : (groups[0] ?? "");
  const mine = all.filter((row) => groupOf(row) === group);
  const of = (row: Row): Mistake[] => mistakes.value.filter(({ path }) => path === row.path || path.startsWith(`${row.path}.`));
  const count = changed.value.length;

  const ask = (event?: Event) => {
    event?.preventDefault();
    if (count === 0) return;
    void busily(async () => {
      const outcome = await check(changesOf(changed.peek()));
      if (outcome === null) return;
      if (!Array.isArray(outcome)) return void (checked.value = outcome);
      mistakes.value = outcome;
      const first = all.find((row) => of(row).length > 0);
      if (first !== undefined) chosen.value = groupOf(first);
      const elsewhere = outcome.find((each) => !all.some((row) => of(row).includes(each)));
      say(elsewhere === undefined ? t.settings.mistakes(outcome.length) : plain(elsewhere.sentence, 160), true);
    });
  };
  const end = (outcome: "saved" | "failed" | "left") => {
    checked.value = null;
    if (outcome === "saved") {
      typed.value = {};
      void load();
    }
  };
  const type = (row: Row, text: string) => {
    typed.value = { ...typed.value, [row.path]: text };
    if (of(row).length > 0) mistakes.value = mistakes.peek().filter((each) => !of(row).includes(each));
  };
  return (
    <Screen
      title={t.settings.title}
      thumb={<button type="button" class="big do" aria-disabled={count === 0 || isBusy.value} onClick={() => ask()}>{count === 0 ? t.settings.unchanged : t.settings.check(count)}</button>}
    >
      <div class="chips" role="group" aria-label={t.settings.groups}>
        {groups.map((name) => {
          const inside = all.filter((row) => groupOf(row) === name);
          const isBad = inside.some((row) => of(row).length > 0);
          return (
            <button key={name} type="button" aria-pressed={name === group} class={isBad ? "is-bad" : ""} onClick={() => (chosen.value = name)}>
              {isBad && <span aria-hidden="true">▲ </span>}
              {t.settings.group(plain(name, 80))}
              {inside.some(isChanged) && <span class="small"> · {t.settings.typed}</span>}
            </button>
          );
        })}
      </div>
      <form class="settings" onSubmit={ask}>
        {mine.map((row) => <Field key={row.path} row={row} bad={of(row)} onType={(text) => type(row, text)} />)}
      </form>
      {checked.value !== null && (
        <Saving
          title={t.settings.saveTitle(count)}
          changes={changed.value.map(([row, text]) => ({ name: `${t.settings.group(plain(groupOf(row), 80))}: ${plain(row.meaning, 120)}`, from: plain(told(row), 200), to: plain(told(row, valueOf(row, text)), 200), two: row.two }))}
          checked={checked.value}
          onEnd={end}
        />
      )}
    </Screen>
  );
}

function Field({ row, bad, onType }: { row: Row; bad: readonly Mistake[]; onType: (text: string) => void }) {
  const text = typed.value[row.path] ?? textOf(row);
  const unit = unitOf(row);
  const about = `about-${row.path}`;
  const shared = { value: text, "aria-describedby": about, "aria-invalid": bad.length > 0, autocomplete: "off", autocapitalize: "none", spellcheck: false } as const;
  const now = [t.settings.now(plain(told(row), 120)), t.settings.from[row.from], limitsOf(row, t.settings.limits)].filter((part) => part !== "").join(" · ");
  return (
    <div class="field">
      <label>
        <span>{sentence(plain(row.meaning, 120))}{row.two && <span class="two">{t.save.twoSign}</span>}</span>
        <span class="with-unit">
          {row.type === "texts" ? (
            <textarea rows={Math.max(2, text.split("\n").length)} {...shared} onInput={(event) => onType(event.currentTarget.value)} />
          ) : row.type === "time" ? (
            <input type="time" {...shared} onInput={(event) => onType(event.currentTarget.value)} />
          ) : (
            <input type="text" inputMode={row.type === "number" ? "decimal" : row.type === "whole" ? "numeric" : "text"} maxLength={1000} {...shared} onInput={(event) => onType(event.currentTarget.value)} />
          )}
          {unit !== "" && <span class="unit">{unit}</span>}
        </span>
      </label>
      <div id={about}>
        {bad.map(({ sentence: why }) => <p key={why} class="bad">▲ {sentence(plain(why))}</p>)}
        {row.hidden && <p class="small">{t.settings.hidden}</p>}
        {row.type === "texts" && <p class="small">{t.settings.lines}</p>}
        <p class="small">{now}</p>
      </div>
    </div>
  );
}
