// What is recorded of an alarm, as its kiosk says it; and what a person can have recorded, and held.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { AlarmView, ClipView } from "../protocol";
import { OrderState } from "./actions";
import { Watch } from "./footage";
import { Leave, leave, useFirstFocus } from "./forms";
import { command, form, isPending, mayAsk, orderOf } from "./orders";
import { Fact } from "./panes";
import { devices, key } from "./state";
import { t } from "./strings";
import { deviceClock, plain, span, word } from "./words";

const MAY_HOLD: readonly string[] = ["supervisor", "admin"];
const MOST = 50;

export function ClipsCard({ alarm }: { alarm: AlarmView }) {
  const device = devices.get(alarm.source)?.value;
  const recorded = (device?.meta?.cameras ?? []).filter((camera) => camera.recorded === true).map((camera) => camera.name);
  const broken = Object.entries(device?.health?.cameras ?? {}).filter(([, camera]) => camera.recording?.state === "degraded");
  const clips = alarm.clips.slice(-MOST);
  const isTest = alarm.data.status === "test";
  const isAskable = alarm.isOpen && recorded.length > 0 && mayAsk(key.value) && !isTest;
  const asked = form.value?.alarmId === alarm.alarmId && form.value.form === "clip" ? form.value : null;
  const order = orderOf(aboutClip(alarm)).value;
  return (
    <section class="card clips" aria-labelledby="clips-title">
      <h3 id="clips-title">{t.clips.title}</h3>
      {clips.length === 0 && <p>{isTest ? t.clips.noneOfTests : recorded.length === 0 ? t.clips.noCamera : t.clips.none}</p>}
      {broken.map(([name, camera]) => (
        <p key={name} class="bad">▲ {t.clips.broken(plain(name, 64), plain(camera.recording?.detail, 300))}</p>
      ))}
      {clips.length > 0 && <ul>{clips.map((clip) => <Clip key={`${clip.camera} ${clip.clip}`} alarm={alarm} clip={clip} isAsked={asked?.clip === clip.clip} />)}</ul>}
      {isAskable && (asked?.clip === null ? <Ask alarm={alarm} cameras={recorded} /> : (
        <button type="button" aria-disabled={isPending(order)} aria-expanded={false} onClick={() => !isPending(order) && (form.value = { alarmId: alarm.alarmId, form: "clip", clip: null })}>{t.clips.ask}</button>
      ))}
      <OrderState order={order} alarm={alarm} />
    </section>
  );
}

const aboutClip = (alarm: AlarmView): string => `clip ${alarm.source} ${alarm.alarmId}`;

const MARKS = { asked: "…", recording: "●", ended: "✓", cut: "▲", deleted: "✗", unheard: "?" } as const;

function Clip({ alarm, clip, isAsked }: { alarm: AlarmView; clip: ClipView; isAsked: boolean }) {
  const { begins, ends, beforeS, reason, failure, held, state } = clip;
  const isMissing = failure !== null && state === "asked";
  const lengthMs = Date.parse(ends ?? "") - Date.parse(begins ?? "");
  const order = orderOf(`hold ${alarm.source} ${clip.clip}`).value;
  const mayHold = key.value !== null && MAY_HOLD.includes(key.value.role) && state !== "deleted" && !isMissing;
  return (
    <li class={`clip is-${state}`}>
      <p class={isMissing || state === "cut" ? "bad" : undefined}>
        <span class="mark" aria-hidden="true">{isMissing ? "✗" : MARKS[state]}</span> <strong>{t.clips.camera(plain(clip.camera, 64))}</strong> {isMissing ? t.clips.failed : t.clips.states[state]}
      </p>
      <dl>
        <Fact name={failure === null || isMissing ? t.clips.why : t.clips.notWhole}>{failure === null ? (state === "ended" && reason === "complete" ? null : word(t.clips.reasons, reason, 100)) : plain(failure, 300)}</Fact>
        <Fact name={t.clips.begins}>{begins !== null && `${deviceClock(begins, true)}${beforeS === null ? "" : `, ${t.clips.before(span(beforeS * 1000))}`}`}</Fact>
        <Fact name={t.clips.length}>{Number.isFinite(lengthMs) && span(lengthMs)}</Fact>
        <Fact name={t.clips.held}>{held !== null && (plain(held, 200) || t.clips.heldWithout)}</Fact>
        <Fact name={t.clips.file}>{!isMissing && <code>{plain(clip.clip, 64)}</code>}</Fact>
      </dl>
      {!isMissing && <Watch alarm={alarm} clip={clip} />}
      {mayHold && (isAsked ? <Hold alarm={alarm} clip={clip} /> : (
        <button type="button" aria-disabled={isPending(order)} aria-expanded={false} aria-label={t.clips.holdOf(held === null ? t.clips.hold : t.clips.release, plain(clip.camera, 64))} onClick={() => !isPending(order) && (form.value = { alarmId: alarm.alarmId, form: "clip", clip: clip.clip })}>
          {held === null ? t.clips.hold : t.clips.release}
        </button>
      ))}
      <OrderState order={order} alarm={alarm} />
    </li>
  );
}

function Ask({ alarm, cameras }: { alarm: AlarmView; cameras: readonly string[] }) {
  const camera = useSignal(cameras[0] ?? "");
  const order = (reason: string) => command(aboutClip(alarm), alarm.source, "clip", { camera: camera.value, alarm_id: alarm.data.alarm_id, reason });
  return (
    <Reason why={t.clips.askWhy} yes={t.clips.askYes} onGive={order}>
      {cameras.length > 1 && (
        <fieldset>
          <legend>{t.clips.which}</legend>
          <div class="choices">
            {cameras.map((name) => (
              <label key={name} class="choice">
                <input type="radio" name="camera" checked={camera.value === name} onChange={() => (camera.value = name)} /> {plain(name, 64)}
              </label>
            ))}
          </div>
        </fieldset>
      )}
    </Reason>
  );
}

function Hold({ alarm, clip }: { alarm: AlarmView; clip: ClipView }) {
  const hold = clip.held === null;
  const order = (reason: string) => command(`hold ${alarm.source} ${clip.clip}`, alarm.source, "clip-hold", { clip: clip.clip, hold, reason });
  return (
    <Reason why={hold ? t.clips.holdWhy : t.clips.releaseWhy} yes={hold ? t.clips.hold : t.clips.release} onGive={order}>
      {!hold && <p>{t.clips.heldFor(plain(clip.held ?? "", 200))}</p>}
    </Reason>
  );
}

/** A reason, which the kiosk keeps for good. */
function Reason({ why, yes, onGive, children }: { why: string; yes: string; onGive: (reason: string) => void; children: ComponentChildren }) {
  const element = useFirstFocus();
  const reason = useSignal("");
  const said = reason.value.trim();
  const give = (event: Event) => {
    event.preventDefault();
    if (said === "") return;
    onGive(said);
    leave();
  };
  return (
    <form ref={element} class="form" onSubmit={give}>
      <p>{why}</p>
      {children}
      <label>
        {t.clips.reason}
        <input type="text" maxLength={200} value={reason.value} onInput={(event) => (reason.value = event.currentTarget.value)} />
      </label>
      <div class="buttons">
        <button type="submit" class="do" aria-disabled={said === ""}>{said === "" ? t.clips.noReason : yes}</button>
        <Leave />
      </div>
    </form>
  );
}
