// Drawing zones, lines and masks on the picture of a camera.
import { signal, useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { plain } from "../../../deploy/control-room/src/plain";
import { type Camera, getSettings } from "./api";
import { faultOf, firstFault, isSame, type Kind, KINDS, type Ref } from "./drawing";
import { Edit } from "./edit";
import { busily, isBusy, Said, Sheet } from "./parts";
import { useWatched } from "./picture";
import { check, type Change, type Checked } from "./changes";
import { Saving } from "./saving";
import { attempt, say } from "./state";
import { held, nameOf, NUDGE, nudge, Stage, WHOLE } from "./stage";
import { t } from "./strings";

/** What is being drawn; null while nobody draws. */
export const drawn = signal<Edit | null>(null);
/** Of each camera. They stay when the view changes, when the camera is gone, and when the session ends. */
const edits = new Map<string, Edit>();

export function open(camera: Camera): void {
  let edit = edits.get(camera.name);
  if (edit === undefined) edits.set(camera.name, (edit = new Edit(camera)));
  else if (!edit.isChanged.peek()) edit.rebase(camera);
  say("");
  drawn.value = edit;
}

export const isUnsaved = (camera: string): boolean => edits.get(camera)?.isChanged.value ?? false;
export const isAnyUnsaved = (): boolean => [...edits.keys()].some(isUnsaved);

export function Draw({ edit }: { edit: Edit }) {
  const { shown, trouble } = useWatched(edit.camera);
  const zoom = useSignal(WHOLE);
  const isDetailed = useSignal(false);
  const checked = useSignal<Checked | null>(null);
  const { chosen, placing, corner } = edit;
  const drawing = edit.shown.value;
  const fault = chosen.value === null ? null : faultOf(drawing, chosen.value);
  useLayoutEffect(() => {
    const undo = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "z" && !(event.target instanceof HTMLInputElement)) {
        event.preventDefault();
        edit.undo();
      }
    };
    addEventListener("keydown", undo);
    return () => removeEventListener("keydown", undo);
  }, [edit]);

  const hint = (): [string, boolean] => {
    const bad = chosen.value === null ? undefined : edit.mistakesOf(chosen.value)[0];
    if (bad !== undefined) return [plain(bad.sentence, 160), true];
    if (fault !== null && chosen.value !== null) return [t.draw.faults[fault](chosen.value.kind), true];
    if (trouble.value !== "") return [t.draw.gone, true];
    if (placing.value !== null) return [t.draw.place[placing.value.kind](placing.value.points.length), false];
    if (chosen.value !== null && edit.isInForce(chosen.value)) return [t.draw.inForceWhy, false];
    if (chosen.value === null && edit.uncovered.value.length > 0) return [t.draw.goesWhy(edit.uncovered.value.length), false];
    return [chosen.value === null ? t.draw.start : t.draw.edit, false];
  };
  const [text, isBad] = hint();

  const ask = () => {
    const wrong = firstFault(edit.now.value);
    if (wrong !== null) {
      edit.choose(wrong[0]);
      return;
    }
    if (edit.isChanged.value) void busily(async () => (checked.value = await checkDrawing(edit)));
  };

  const canMove = placing.value !== null ? placing.value.points.length > 0 : corner.value !== null;
  const arrow = (name: keyof typeof t.draw.nudge, sign: string, x: number, y: number) => (
    <button type="button" class="arrow" aria-label={t.draw.nudge[name]} aria-disabled={!canMove} onClick={() => nudge(edit, x, y)}>{sign}</button>
  );
  const closer = (times: number) => () => (zoom.value = held({ ...zoom.value, times: zoom.value.times * times }));
  return (
    <>
      <main class="draw">
        <h1 class="visually-hidden">{t.draw.title(edit.camera)}</h1>
        <p class={`hint${isBad ? " is-bad" : ""}`} aria-live="polite">{isBad && <span aria-hidden="true">▲ </span>}{text}</p>
        <Stage edit={edit} shown={shown.value} zoom={zoom.value} onZoom={(next) => (zoom.value = next)} />
        <div class="stage-tools">
          <button type="button" aria-disabled={!edit.canUndo.value} onClick={() => edit.undo()}>{t.draw.undo}</button>
          <button type="button" class="arrow" aria-label={t.draw.farther} onClick={closer(1 / 1.5)}>−</button>
          <button type="button" class="arrow" aria-label={t.draw.closer} onClick={closer(1.5)}>+</button>
        </div>
        <div class="chips" role="group" aria-label={t.draw.things}>
          {KINDS.flatMap((kind) => drawing[kind].map((_, index) => <Chip key={`${kind}-${index}`} edit={edit} at={{ kind, index }} />))}
        </div>
      </main>
      <Said />
      <section class="thumb" aria-label={t.thumb}>
        {placing.value === null && chosen.value === null ? (
          <div class="row tools" role="group" aria-label={t.draw.adds}>
            {KINDS.map((kind) => <button key={kind} type="button" onClick={() => edit.begin(kind)}>{t.draw.add[kind]}</button>)}
          </div>
        ) : (
          <div class="row tools" role="group" aria-label={t.draw.arrows}>
            {arrow("left", "←", -NUDGE, 0)}
            {arrow("up", "↑", 0, -NUDGE)}
            {arrow("down", "↓", 0, NUDGE)}
            {arrow("right", "→", NUDGE, 0)}
          </div>
        )}
        <div class="row is-tall">
          {placing.value !== null ? (
            <>
              <button type="button" onClick={() => (edit.placing.value = null)}>{t.cancel}</button>
              <button type="button" class="do" onClick={() => edit.done()}>{t.draw.done}</button>
            </>
          ) : chosen.value !== null ? (
            <>
              {corner.value !== null && chosen.value.kind !== "lines" ? (
                <button type="button" onClick={() => edit.removeCorner()}>{t.draw.remove}</button>
              ) : (
                <button type="button" onClick={() => (isDetailed.value = true)}>{t.draw.details}</button>
              )}
              <button type="button" class="do" onClick={() => edit.choose(null)}>{t.draw.done}</button>
            </>
          ) : (
            <>
              <button type="button" onClick={() => (drawn.value = null)}>{t.draw.back}</button>
              <button type="button" class="do" aria-disabled={!edit.isChanged.value || isBusy.value} onClick={ask}>{edit.isChanged.value ? t.draw.save : t.draw.nothing}</button>
            </>
          )}
        </div>
        {isDetailed.value && chosen.value !== null && <Details edit={edit} at={chosen.value} onClose={() => (isDetailed.value = false)} />}
        {checked.value !== null && <Save edit={edit} checked={checked.value} onClose={() => (checked.value = null)} />}
      </section>
    </>
  );
}

function Chip({ edit, at }: { edit: Edit; at: Ref }) {
  const drawing = edit.shown.value;
  const isBad = faultOf(drawing, at) !== null || edit.mistakesOf(at).length > 0;
  const isMine = isSame(edit.chosen.value, at);
  return (
    <button type="button" aria-pressed={isMine} class={isBad ? "is-bad" : ""} onClick={() => ((edit.placing.value = null), edit.choose(isMine ? null : at))}>
      {isBad && <span aria-hidden="true">▲ </span>}
      {plain(nameOf(drawing, at), 64)}
      {edit.isInForce(at) && <span class="small"> · {t.draw.inForce}</span>}
    </button>
  );
}

function Details({ edit, at, onClose }: { edit: Edit; at: Ref; onClose: () => void }) {
  const { kind, index } = at;
  const zone = kind === "zones" ? edit.now.value.zones[index] : undefined;
  const line = kind === "lines" ? edit.now.value.lines[index] : undefined;
  const name = useSignal(zone?.name ?? line?.name ?? "");
  const loitering = useSignal(zone?.loitering_after_s?.toString() ?? "");
  const close = (event?: Event) => {
    event?.preventDefault();
    const now = edit.now.value;
    const seconds = Number(loitering.value.replace(",", "."));
    if (zone !== undefined) {
      const { loitering_after_s: _, ...rest } = zone;
      const next = { ...rest, name: name.value.trim(), ...(loitering.value.trim() !== "" ? { loitering_after_s: seconds } : {}) };
      if (next.name !== zone.name || next.loitering_after_s !== zone.loitering_after_s) edit.change({ ...now, zones: now.zones.map((each, number) => (number === index ? next : each)) });
    } else if (line !== undefined && line.name !== name.value.trim()) {
      edit.change({ ...now, lines: now.lines.map((each, number) => (number === index ? { ...each, name: name.value.trim() } : each)) });
    }
    onClose();
  };
  return (
    <Sheet title={t.details.title(plain(nameOf(edit.now.value, at), 64))} onClose={close}>
      <form onSubmit={close}>
        {kind !== "masks" && (
          <label>
            {t.details.name}
            <input type="text" maxLength={64} autocapitalize="none" autocomplete="off" spellcheck={false} value={name.value} aria-describedby="name-why" onInput={(event) => (name.value = event.currentTarget.value)} />
            <span id="name-why" class="small">{t.details.nameWhy}</span>
          </label>
        )}
        {zone !== undefined && (
          <label>
            {t.details.loitering}
            <input type="text" inputMode="decimal" maxLength={6} value={loitering.value} aria-describedby="loitering-why" onInput={(event) => (loitering.value = event.currentTarget.value.replace(/[^\d.,]/g, ""))} />
            <span id="loitering-why" class="small">{t.details.loiteringWhy}</span>
          </label>
        )}
        {line !== undefined && (
          <>
            <button type="button" onClick={() => edit.change({ ...edit.now.value, lines: edit.now.value.lines.map((each, number) => (number === index ? { ...each, from: each.to, to: each.from } : each)) })}>{t.details.turn}</button>
            <p class="small">{t.details.turnWhy}</p>
          </>
        )}
        <div class="row is-tall">
          <button type="button" onClick={() => (edit.removeChosen(), onClose())}>{t.details.erase(kind)}</button>
          <button type="submit" class="do">{t.details.close}</button>
        </div>
      </form>
    </Sheet>
  );
}

/** Have the device check a drawing. A mistake is shown at what it is in, and there is nothing to save then. */
async function checkDrawing(edit: Edit): Promise<Checked | null> {
  const outcome = await check({ cameras: [{ name: edit.camera, ...edit.changes() }] });
  if (!Array.isArray(outcome)) return outcome;
  edit.mistakes.value = outcome;
  const all = KINDS.flatMap((kind: Kind) => edit.now.peek()[kind].map((_, index) => ({ kind, index })));
  const first = all.find((ref) => edit.mistakesOf(ref).length > 0);
  if (first !== undefined) edit.choose(first);
  else say(`${t.save.mistakes} ${plain(outcome[0]?.sentence, 120)}`, true);
  return null;
}

function Save({ edit, checked, onClose }: { edit: Edit; checked: Checked; onClose: () => void }) {
  const [now, base, gone] = [edit.now.value, edit.base.value, edit.uncovered.value.length];
  const more = now.masks.length - base.masks.length + gone;
  const count = (kind: Kind): Change => ({ name: t.save.kinds[kind], from: String(base[kind].length), to: String(now[kind].length), two: kind === "masks" && gone > 0 });
  const change = (kind: Kind): Change => ({ ...count(kind), ...(now[kind].length === base[kind].length ? { to: t.save.changed(now[kind].length) } : {}) });
  const end = async (outcome: "saved" | "failed" | "left") => {
    if (outcome === "saved") {
      await attempt(async () => {
        const mine = (await getSettings()).cameras.find(({ name }) => name === edit.camera);
        if (mine !== undefined) edit.rebase(mine);
      });
    }
    onClose();
  };
  return <Saving title={t.save.title(plain(edit.camera, 64))} changes={KINDS.filter((kind) => now[kind] !== base[kind]).map(change)} note={more > 0 ? t.save.newMasks(more) : ""} checked={checked} onEnd={(outcome) => void end(outcome)} />;
}
