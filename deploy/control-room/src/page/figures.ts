// The figures that the field judges a shift by. Pure: cases in, figures out.
import type { AlarmView } from "../protocol";

/** What is remembered of one actual alarm after it has gone. */
export interface Case {
  source: string;
  place: string;
  pressedMs: number;
  /** From the press, by the device's own clock; null until then, or when the device can't say. */
  takenMs: number | null;
  dispatchedMs: number | null;
  /** Somebody has taken it, whenever that was. */
  isTaken: boolean;
  isOpen: boolean;
  reason: string | null;
}

export function caseOf(alarm: AlarmView, place: string): Case {
  const { latency_ms: latency, answered_by: answered, held_by: held } = alarm.data;
  return {
    source: alarm.source,
    place,
    pressedMs: alarm.pressedMs,
    takenMs: latency["registered"] ?? latency["dispatched"] ?? null,
    dispatchedMs: latency["dispatched"] ?? null,
    isTaken: held !== undefined || latency["registered"] !== undefined || latency["dispatched"] !== undefined || answered?.closed !== undefined,
    isOpen: alarm.isOpen,
    reason: answered?.closed?.reason ?? null,
  };
}

/** Those of them whose button was pressed since then. */
export function since(cases: Iterable<Case>, sinceMs: number): Case[] {
  return [...cases].filter((one) => one.pressedMs >= sinceMs);
}

/** How many were so within a time, of how many of which that can be said. */
export interface Share {
  within: number;
  of: number;
}

/** A share in whole percent. Never rounded up to a goal that it has missed, nor to all. */
export function percent({ within, of }: Share, goal: number): number {
  const exact = (100 * within) / of;
  const rounded = Math.round(exact);
  return [100 * goal, 100].some((mark) => exact < mark && rounded >= mark) ? Math.floor(exact) : rounded;
}

/** Taken within so many seconds. An alarm that is younger than that and not taken yet is not counted. */
export function takenWithin(cases: Iterable<Case>, seconds: number, nowMs: number): Share {
  return within(cases, seconds, nowMs, (one) => one.takenMs, (one) => one.isTaken);
}

/** Somebody sent within so many seconds. What was closed without sending anybody is not counted. */
export function dispatchedWithin(cases: Iterable<Case>, seconds: number, nowMs: number): Share {
  return within(cases, seconds, nowMs, (one) => one.dispatchedMs, (one) => !one.isOpen);
}

function within(cases: Iterable<Case>, seconds: number, nowMs: number, tookMs: (one: Case) => number | null, isUnknown: (one: Case) => boolean): Share {
  const share = { within: 0, of: 0 };
  for (const one of cases) {
    const took = tookMs(one);
    if (took !== null) {
      share.of += 1;
      if (took <= seconds * 1000) share.within += 1;
    } else if (!isUnknown(one) && nowMs - one.pressedMs > seconds * 1000) {
      share.of += 1;
    }
  }
  return share;
}

const BUCKET_MS = 600_000;

/** Alarms per 10 minutes: the newest `count` stretches, oldest first; the last one ends now. */
export function perTenMinutes(cases: Iterable<Case>, count: number, nowMs: number): number[] {
  const buckets = new Array<number>(count).fill(0);
  for (const one of cases) {
    const index = count - 1 - Math.floor((nowMs - one.pressedMs) / BUCKET_MS);
    if (index >= 0 && index < count) buckets[index] = (buckets[index] ?? 0) + 1;
  }
  return buckets;
}

export interface PlaceFigures {
  source: string;
  place: string;
  all: number;
  falseAlarms: number;
}

/** Places with false alarms, the worst first. */
export function falseAlarmsByPlace(cases: Iterable<Case>): PlaceFigures[] {
  const places = new Map<string, PlaceFigures>();
  for (const one of cases) {
    const figures = places.get(one.source) ?? { source: one.source, place: one.place, all: 0, falseAlarms: 0 };
    figures.all += 1;
    if (one.reason === "false-alarm") figures.falseAlarms += 1;
    places.set(one.source, figures);
  }
  return [...places.values()].filter((one) => one.falseAlarms > 0).sort((a, b) => b.falseAlarms - a.falseAlarms || a.place.localeCompare(b.place));
}
