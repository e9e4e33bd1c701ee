// Folds the similar alarms of a kiosk with more of them than any can have into one row. Pure.
import type { AlarmView } from "../protocol";

/** A button has one open alarm of each status, and a few more after its kiosk has lost some. With more than this, it is broken or hostile. */
const MOST_ALIKE = 5;
/** The most alarms of a kiosk that are shown outside its fold. */
const MOST_SHOWN = 12;

export interface Fold {
  source: string;
  /** The folded ones, the oldest first. */
  alarms: AlarmView[];
  /** By the id of each folded alarm, the id of the one that is shown for it. */
  newest: ReadonlyMap<string, string>;
}

/** The folds, by kiosk. Each button's newest unassigned and newest assigned alarm stay outside, whatever time its kiosk states. */
export function foldsOf(open: readonly AlarmView[]): Map<string, Fold> {
  const bySource = new Map<string, AlarmView[]>();
  for (const alarm of open) {
    const those = bySource.get(alarm.source);
    if (those === undefined) bySource.set(alarm.source, [alarm]);
    else those.push(alarm);
  }
  const folds = new Map<string, Fold>();
  for (const [source, those] of bySource) {
    if (those.length <= MOST_ALIKE + 1) continue;
    const newest = new Map<string, AlarmView>();
    for (const alarm of those) {
      const known = newest.get(slot(alarm));
      if (known === undefined || alarm.firstHeardMs >= known.firstHeardMs) newest.set(slot(alarm), alarm);
    }
    if (those.length - newest.size <= MOST_ALIKE && newest.size <= MOST_SHOWN) continue;
    const outside = new Set([...newest.values()].sort((a, b) => b.firstHeardMs - a.firstHeardMs).slice(0, MOST_SHOWN));
    const alarms = those.filter((alarm) => !outside.has(alarm)).sort((a, b) => a.firstHeardMs - b.firstHeardMs);
    folds.set(source, { source, alarms, newest: new Map(alarms.map((alarm) => [alarm.alarmId, newest.get(slot(alarm))!.alarmId])) });
  }
  return folds;
}

function slot({ data }: AlarmView): string {
  return `${data.status} ${data.held_by === undefined} ${data.input}`;
}

/** How many alarms of each button it has, the most first. */
export function buttonsOf({ alarms }: Fold): [string, number][] {
  const counts = new Map<string, number>();
  for (const { data } of alarms) counts.set(data.input, (counts.get(data.input) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
