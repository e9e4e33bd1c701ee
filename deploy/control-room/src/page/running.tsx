// The shift that runs: whether this person is ready, and its end.
import { signal, useSignal } from "@preact/signals";
import { focusOn } from "./focus";
import { HandOverState } from "./handover";
import { isKeyNew } from "./keycard";
import { LogInAgain } from "./login";
import { audio, unlock } from "./sound";
import { isWatching, links, openAlarms, settings, shift, view } from "./state";
import { t } from "./strings";
import { wall } from "./time";
import { afterEnd } from "./watchers";
import { clock, plain } from "./words";

/** The person has said that they heard the sound of this shift's begin. */
export const isHeard = signal(false);

export function Running({ onEnd }: { onEnd: () => void }) {
  const isEnding = useSignal(false);
  const mine = shift.value;
  if (mine === null) return null;
  const askFirst = () => {
    isEnding.value = true;
    focusOn(".ending");
  };
  return (
    <section class="card begin" aria-labelledby="running-title">
      <h2 id="running-title">{t.shift.running(plain(mine.by, 64), clock(wall(mine.sinceMs), false))}</h2>
      {links.value.some((link) => link.state === "refused") && <LogInAgain />}
      {isEnding.value ? (
        <Ending onEnd={onEnd} onStay={() => (isEnding.value = false)} />
      ) : (
        <>
          <Ready />
          <button type="button" onClick={askFirst}>{t.shift.end}</button>
        </>
      )}
    </section>
  );
}

/** "Am I ready?" */
function Ready() {
  const isReady = isWatching.value && audio.value === "running";
  const toAlarms = () => {
    isHeard.value = true;
    view.value = "alarms";
  };
  return (
    <div class="ready">
      {!isReady ? (
        <p class="standing bad">▲ {isWatching.value ? t.status.soundStopped : t.shift.notTold}</p>
      ) : isHeard.value ? (
        <p class="standing good">✓ {t.shift.ready}</p>
      ) : (
        <p class="standing">{t.shift.readyIf}</p>
      )}
      <p>{t.shift.whatComes}</p>
      {isKeyNew.value && <p class="bad">▲ {settings.value?.key_by_link ? t.shift.keyUseless : t.shift.keyNew}</p>}
      <div class="buttons">
        <button type="button" class="do" onClick={toAlarms}>{isHeard.value ? t.shift.toAlarms : t.shift.heard}</button>
        <button type="button" onClick={() => void unlock()}>{isHeard.value ? t.shift.again : t.shift.notHeard}</button>
      </div>
    </div>
  );
}

/** What is to be known before a shift ends: what was signed, and who watches then. */
function Ending({ onEnd, onStay }: { onEnd: () => void; onStay: () => void }) {
  return (
    <div class="ending" tabIndex={-1}>
      <p class="standing">{t.shift.endSure(openAlarms.value.length)}</p>
      <HandOverState />
      <p>{afterEnd(false)}</p>
      <p>{t.shift.endOut}</p>
      <div class="buttons">
        <button type="button" class="do" onClick={onEnd}>{t.shift.endYes}</button>
        <button type="button" onClick={onStay}>{t.cancel}</button>
      </div>
    </div>
  );
}
