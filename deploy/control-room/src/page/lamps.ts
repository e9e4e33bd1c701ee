// What the one set of lamps of a kiosk shows of one of its alarms.
import { lampsFor } from "../centre/lamps";
import type { AlarmView } from "../protocol";
import { openAlarms } from "./state";
import { t } from "./strings";
import { plain } from "./words";

/** The other open alarms of the kiosk that its lamps speak of too. */
export function othersHere({ source, alarmId }: AlarmView): AlarmView[] {
  return openAlarms.value.filter((other) => other.source === source && other.alarmId !== alarmId && !other.data.silent && other.lost === null);
}

/** Why the lamps show something else than this alarm: another one at its kiosk is worse off. Null if none is. */
export function whyElse(alarm: AlarmView): string | null {
  const { data } = alarm;
  const worse = data.silent ? undefined : othersHere(alarm).find(({ data: { stage } }) => lampsFor([stage, data.stage]) !== lampsFor([data.stage]));
  if (worse === undefined) return null;
  const name = t.alarms.button(plain(worse.data.input, 64));
  return worse.data.stage === "registered" ? t.detail.elseUnsent(name) : t.detail.elseUntaken(name);
}
