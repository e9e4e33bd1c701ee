// Which devices can't be reached: told once for each, and once for a whole suburb that goes dark at the same time.
import type { OutageNotice } from "./notices";

/** From which absence on a device is told of together with others, and from which on by itself. Between the two lies more
 * than one report of its health, by which devices that went dark at the same moment seem to differ. */
export const PERHAPS = 0.52;
export const CERTAIN = 1;
const SURVEY_MS = 5000;
const STEADY_MS = 10_000;
/** So long the first device that is back waits for the others of its place, so that they are one message. */
const BACK_WITHIN_MS = 60_000;

/** How a device seems now. */
export interface Absence {
  /** 0 if it is there; see `PERHAPS` and `CERTAIN`. */
  degree: number;
  /** When the device itself last spoke; -Infinity if this page has not heard it. */
  heardMs: number;
  /** The brokers by which it last spoke, if we are connected to none of them. */
  unheard: string[];
}

/** Devices that were told gone in one message. */
interface Outage {
  place: string;
  toldMs: number;
  left: Set<string>;
  /** Those that have come back, which is still to be told, and when that was noticed. */
  back: Map<string, number>;
}

/** Tells who is gone and who is back. */
export class Outages {
  #outages: Outage[] = [];
  readonly #gone = new Set<string>();
  #surveyedMs = -Infinity;

  /** Whether to call `survey`: seldom, as that looks at every device. */
  isDue(nowMs: number): boolean {
    return nowMs >= this.#surveyedMs + SURVEY_MS;
  }

  /** Who is gone and who is back. `absences` has every device that is known. */
  survey(nowMs: number, absences: ReadonlyMap<string, Absence>): OutageNotice[] {
    this.#surveyedMs = nowMs;
    const told = this.#outages.flatMap((outage) => this.#back(outage, nowMs, absences));
    this.#outages = this.#outages.filter(({ left }) => left.size > 0);
    return [...told, ...this.#new(nowMs, absences)];
  }

  #back(outage: Outage, nowMs: number, absences: ReadonlyMap<string, Absence>): OutageNotice[] {
    const { place, toldMs, left, back } = outage;
    for (const source of left) {
      const seems = absences.get(source);
      if (seems === undefined || seems.degree >= PERHAPS || seems.heardMs <= toldMs) back.delete(source);
      else if (!back.has(source)) back.set(source, nowMs);
    }
    const sinceMs = [...back.values()];
    const allAreSteady = back.size === left.size && nowMs >= Math.max(...sinceMs) + STEADY_MS;
    if (back.size === 0 || !(allAreSteady || nowMs >= Math.min(...sinceMs) + BACK_WITHIN_MS)) return [];
    const sources = [...back.keys()].sort();
    for (const source of sources) {
      left.delete(source);
      this.#gone.delete(source);
    }
    back.clear();
    return [{ kind: "devices-back", place, sources, left: left.size }];
  }

  #new(nowMs: number, absences: ReadonlyMap<string, Absence>): OutageNotice[] {
    const there = [...absences.keys()].filter((source) => !this.#gone.has(source));
    const isAway = (source: string, degree: number): boolean => absences.get(source)!.degree >= degree;
    const dark = there.filter((source) => isAway(source, PERHAPS));
    if (!dark.some((source) => isAway(source, CERTAIN))) return [];
    // Whoever spoke by a broker that we have lost has this in common, wherever it is.
    const byLink = grouped(dark, (source) => absences.get(source)!.unheard.join("\n"));
    const rest = byLink.get("") ?? [];
    byLink.delete("");
    const told: OutageNotice[] = [];
    for (const sources of [...byLink.values(), ...together(rest, there)]) {
      if (!sources.some((source) => isAway(source, CERTAIN))) continue;
      const place = commonPlace(sources);
      for (const source of sources) this.#gone.add(source);
      this.#outages.push({ place, toldMs: nowMs, left: new Set(sources), back: new Map() });
      told.push({
        kind: "devices-gone",
        place,
        sources: sources.sort(),
        of: there.filter((source) => places(source).includes(place)).length,
        unheard: absences.get(sources[0]!)!.unheard,
        heardMs: Math.max(...sources.map((source) => absences.get(source)!.heardMs)),
      });
    }
    return told;
  }
}

/** Sort dark devices by the largest place that is dark: where most of its parts are, and most of its devices. */
function together(dark: readonly string[], there: readonly string[]): string[][] {
  const isIn = new Set(dark);
  const [devices, gone, parts] = [new Map<string, number>(), new Map<string, number>(), new Map<string, Set<string>>()];
  const count = (of: Map<string, number>, place: string): unknown => of.set(place, (of.get(place) ?? 0) + 1);
  for (const source of there) {
    let whole: string | null = null;
    for (const place of places(source)) {
      count(devices, place);
      if (isIn.has(source)) count(gone, place);
      if (whole !== null) parts.set(whole, (parts.get(whole) ?? new Set()).add(place));
      whole = place;
    }
  }
  const known = new Map<string, boolean>();
  const isDark = (place: string): boolean => {
    let is = known.get(place);
    if (is === undefined) {
      const of = [...(parts.get(place) ?? [])];
      is = 2 * (gone.get(place) ?? 0) > devices.get(place)! && (of.length === 0 || 2 * of.filter(isDark).length > of.length);
      known.set(place, is);
    }
    return is;
  };
  return [...grouped(dark, (source) => places(source).find(isDark)!).values()];
}

function grouped(sources: readonly string[], by: (source: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const source of sources) {
    const name = by(source);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [source]);
    else group.push(source);
  }
  return groups;
}

/** The smallest place that all of them are in. */
function commonPlace(sources: readonly string[]): string {
  const others = sources.map((source) => new Set(places(source)));
  return places(sources[0]!).filter((place) => others.every((of) => of.has(place))).at(-1)!;
}

/** What a device is in, from everything ("") to itself: `gp`, `gp/soweto`, `gp/soweto-clinic`, ... */
function places(source: string): string[] {
  const [province, site, device] = source.slice("/edge/".length).split("/") as [string, string, string];
  const words = site.split("-");
  return ["", province, ...words.map((_, i) => `${province}/${words.slice(0, i + 1).join("-")}`), `${province}/${site}/${device}`];
}
