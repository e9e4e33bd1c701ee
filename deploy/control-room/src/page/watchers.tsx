// Who watches if this page does not, and what that means for residents.
import { focusOn } from "./focus";
import { greySinceMs, login, shift, unwatchedSinceMs, view, watchers } from "./state";
import { t } from "./strings";
import { now, wall } from "./time";
import { clock, plain } from "./words";

/** How long nobody may watch before a kiosk shows that it is out of service. */
const OUT_OF_SERVICE_MS = 300_000;
const MOST_NAMES = 3;

/** Whether anybody else is known to watch; null while that can't be known. */
function isWatchedByOthers(): boolean | null {
  return login.value === null || greySinceMs.value !== null ? null : watchers.value.length > 0;
}

/** From when on kiosks show that they are out of service; null if it is not known since when nobody watches. */
function outFrom(): string | null {
  const sinceMs = unwatchedSinceMs.value;
  return sinceMs === null ? null : clock(wall(sinceMs + OUT_OF_SERVICE_MS), false);
}

/** Who else watches, as a sentence. */
export function whoElse(): string {
  const isWatched = isWatchedByOthers();
  if (isWatched === null) return t.watch.unknown;
  if (!isWatched) return t.watch.nobody;
  const names = watchers.value.slice(0, MOST_NAMES).map((name) => plain(name, 64));
  return t.watch.others(names, watchers.value.length - names.length);
}

/** Who watches when this page does not, and what residents see then. `isEnding`: the shift ends now, and not at some time. */
export function afterEnd(isEnding: boolean): string {
  if (isWatchedByOthers() === true) return `${whoElse()} ${t.watch.asBefore}`;
  return `${whoElse()} ${t.watch.out(isEnding ? t.watch.outFrom(clock(wall(now() + OUT_OF_SERVICE_MS), false)) : t.watch.outAfterEnd)}`;
}

/** The bar over every view but that of the shift, while no shift has begun. */
export function LookingOn() {
  if (shift.value !== null || view.value === "shift") return null;
  const isAlone = isWatchedByOthers() === false;
  return (
    <p class={isAlone ? "notice bad" : "notice"}>
      {isAlone && "▲ "}
      {login.value === null ? t.watch.notIn : t.watch.lookOn} {whoElse()} {isAlone && t.watch.outShort(outFrom())} <button type="button" onClick={toBegin}>{t.status.beginShift}</button>
    </p>
  );
}

/** Go where a shift is begun, to the field that is still empty, or else to the button. */
function toBegin(): void {
  view.value = "shift";
  focusOn(() => {
    const fields = [...document.querySelectorAll<HTMLInputElement>(".begin input:not([type=radio])")];
    return fields.find((field) => field.value === "") ?? document.querySelector<HTMLElement>(".begin [type=submit]");
  });
}
