// What a camera sees, and how to aim and focus it.
import { signal, useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { plain, sentence } from "../../../deploy/control-room/src/plain";
import { type Camera, getSettings } from "./api";
import { open, isUnsaved } from "./draw";
import { Screen } from "./parts";
import { type Shown, useWatched } from "./picture";
import { attempt } from "./state";
import { t } from "./strings";

const cameras = signal<Camera[] | null>(null);
const chosen = signal(0);

async function load(): Promise<void> {
  await attempt(async () => void (cameras.value = (await getSettings()).cameras));
}

export function Cameras() {
  useLayoutEffect(() => void load(), []);
  const all = cameras.value;
  const camera = all?.[chosen.value] ?? all?.[0];
  if (camera === undefined) return <Screen title={t.cameras.all} thumb={null}><p>{all === null ? t.asking : t.cameras.none}</p></Screen>;
  return <One key={camera.name} camera={camera} all={all ?? []} />;
}

const isThirds = signal(true);
const isLevel = signal(false);

function One({ camera, all }: { camera: Camera; all: readonly Camera[] }) {
  const { shown, trouble } = useWatched(camera.name);
  const picture = shown.value;
  return (
    <Screen
      title={t.cameras.title(plain(camera.name, 64))}
      thumb={
        <>
          <div class="row">
            <button type="button" aria-pressed={isThirds.value} onClick={() => (isThirds.value = !isThirds.value)}>{t.cameras.thirds}</button>
            <button type="button" aria-pressed={isLevel.value} onClick={() => (isLevel.value = !isLevel.value)}>{t.cameras.horizon}</button>
          </div>
          <button type="button" class="big do" onClick={() => open(camera)}>{t.cameras.draw}{isUnsaved(camera.name) ? ` · ${t.cameras.unsaved}` : ""}</button>
        </>
      }
    >
      {all.length > 1 && (
        <div class="chips">
          {all.map(({ name }, at) => (
            <button key={name} type="button" aria-pressed={name === camera.name} onClick={() => (chosen.value = at)}>{plain(name, 64)}</button>
          ))}
        </div>
      )}
      <div class="preview" style={{ aspectRatio: picture === null ? `${camera.width ?? 16} / ${camera.height ?? 9}` : `${picture.width} / ${picture.height}` }}>
        {picture === null ? <p class="no-picture-yet">{sentence(trouble.value) || t.cameras.waits}</p> : <img src={picture.url} alt={t.cameras.picture(camera.name)} />}
        <svg viewBox="0 0 300 300" preserveAspectRatio="none" aria-hidden="true">
          {picture !== null && isThirds.value && <path class="aid" d="M100 0V300M200 0V300M0 100H300M0 200H300" />}
          {picture !== null && isLevel.value && <path class="aid is-level" d="M0 150H300M150 130V170" />}
        </svg>
        {picture !== null && trouble.value !== "" && <p class="preview-trouble">▲ {sentence(trouble.value)}</p>}
      </div>
      <Figures of={trouble.value === "" ? picture : null} />
    </Screen>
  );
}

const DARK = 50;
const GLARING = 205;

const lightWord = (light: number): string => (light < DARK ? t.cameras.lights.dark : light > GLARING ? t.cameras.lights.glaring : t.cameras.lights.good);

function Bar({ share, label, text }: { share: number; label: string; text: string }) {
  return (
    <div class="bar" role="meter" aria-labelledby={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * share)} aria-valuetext={text}>
      <span style={{ width: `${100 * share}%` }} />
    </div>
  );
}

function Figures({ of }: { of: Shown | null }) {
  const best = useSignal(0);
  const focus = of === null || Number.isNaN(of.focus) ? 0 : of.focus;
  const light = of === null || Number.isNaN(of.light) ? 0 : of.light;
  useLayoutEffect(() => void (best.value = Math.max(best.value, focus)), [focus]);
  const percent = best.value > 0 ? Math.round((100 * focus) / best.value) : 0;
  return (
    <div class="figures">
      <div>
        <span id="focus">{t.cameras.focus}</span>
        <Bar share={percent / 100} label="focus" text={t.cameras.focusOf(percent)} />
        <strong>{of === null ? "–" : focus >= 100 ? Math.round(focus) : focus.toPrecision(3)}</strong>
        <span class="figure-word">{of === null ? "" : t.cameras.focusOf(percent)}</span>
        <button type="button" onClick={() => (best.value = focus)}>{t.cameras.forgetBest}</button>
      </div>
      <div>
        <span id="light">{t.cameras.light}</span>
        <Bar share={light / 255} label="light" text={lightWord(light)} />
        <strong class="light">{of === null ? "–" : lightWord(light)}</strong>
      </div>
    </div>
  );
}
