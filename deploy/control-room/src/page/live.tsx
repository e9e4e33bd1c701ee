// What a camera of an alarm's kiosk sees now, for whoever says why they look.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { AlarmView, LookView } from "../protocol";
import { focusDetail } from "./focus";
import { useFirstFocus } from "./forms";
import { look, lookAway, lookPicture, lookThrough } from "./look";
import { mayAsk } from "./orders";
import { devices, key, shift } from "./state";
import { t } from "./strings";
import { now, second } from "./time";
import { place, plain } from "./words";

const OLD_MS = 3000;

export function LiveCard({ alarm }: { alarm: AlarmView }) {
  useEffect(() => lookAway, []);
  const reason = useSignal<string | null>(null);
  const chosen = useSignal("");
  const cameras = (devices.get(alarm.source)?.value.meta?.cameras ?? []).map(({ name }) => name);
  const seen = look.value?.source === alarm.source ? look.value : null;
  const mayLook = alarm.isOpen && shift.value !== null && mayAsk(key.value);
  if (cameras.length === 0 || (!mayLook && seen === null)) return null;
  const first = alarm.data.camera?.name;
  const camera = chosen.value || (first !== undefined && cameras.includes(first) ? first : cameras[0]!);
  const why = reason.value?.trim() ?? "";
  const begin = () => {
    if (why === "" || shift.value === null) return;
    lookThrough(alarm.source, camera, shift.value.by, why);
    focusDetail();
  };
  const isLooking = seen !== null && seen.state !== "ended";
  return (
    <section class="card look" aria-labelledby="look-title">
      <h3 id="look-title">{t.look.title}</h3>
      {seen !== null && <Seen view={seen} where={place(alarm)} why={why} />}
      {!isLooking && reason.value === null && <button type="button" class="do" onClick={() => (reason.value = "")}>{t.look.begin}</button>}
      {!isLooking && reason.value !== null && (
        <Why begin={begin}>
          {cameras.length > 1 && (
            <label>
              {t.look.camera}
              <select value={camera} onChange={(event) => (chosen.value = event.currentTarget.value)}>
                {cameras.map((name) => <option key={name} value={name}>{plain(name, 64)}</option>)}
              </select>
            </label>
          )}
          <label>
            {t.look.reason}
            <input type="text" maxLength={200} value={reason.value} onInput={(event) => (reason.value = event.currentTarget.value)} />
          </label>
          <div class="buttons">
            <button type="submit" class="do" aria-disabled={why === ""}>{why === "" ? t.look.noReason : t.look.yes}</button>
            <button type="button" onClick={() => ((reason.value = null), focusDetail())}>{t.cancel}</button>
          </div>
        </Why>
      )}
    </section>
  );
}

function Why({ begin, children }: { begin: () => void; children: ComponentChildren }) {
  return <form ref={useFirstFocus()} class="form" onSubmit={(event) => (event.preventDefault(), begin())}>{children}</form>;
}

function Seen({ view, where, why }: { view: LookView; where: string; why: string }) {
  if (view.state === "ended") {
    const known = Object.hasOwn(t.look.whys, view.why) ? t.look.whys[view.why] : plain(view.detail || view.why, 200);
    return <p class="said bad" role="status">{t.look.ended} {known}</p>;
  }
  if (view.state === "asking") return <p role="status">{t.look.asking}</p>;
  const camera = plain(view.camera, 64);
  return (
    <>
      {lookPicture.value === "" ? <p role="status">{t.look.wait}</p> : <img class="picture" src={lookPicture.value} alt={t.look.alt(camera, where)} />}
      {view.pictureMs !== null && <PictureAge camera={camera} atMs={view.pictureMs} />}
      <p>{t.look.you(plain(why, 200))} {view.others.length === 0 ? t.look.alone : t.look.others(view.others.map((name) => plain(name, 64)).join(", "))}</p>
      <button type="button" class="do" onClick={() => (lookAway(), focusDetail())}>{t.look.stop}</button>
    </>
  );
}

function PictureAge({ camera, atMs }: { camera: string; atMs: number }) {
  second.value;
  const agoMs = Math.max(0, now() - atMs);
  const seconds = t.seconds(Math.floor(agoMs / 1000).toString());
  return agoMs < OLD_MS ? <p>{t.look.age(camera, seconds)}</p> : <p class="said bad" role="status">{t.look.frozen(seconds)}</p>;
}
