// Which events are kept when more come than anybody can read. Each list has room of its own, so that people who pass by can't push out a tamper;
// and where a list is full, the device that fills it most loses its oldest event of the type of which it has most.

/** What an operator does about it: look at a picture, find out who interferes, see to a kiosk, or nothing. */
export type ListName = "look" | "security" | "kiosks" | "passing";
export const LISTS: readonly ListName[] = ["look", "security", "kiosks", "passing"];

const LOOK = new Set(["person-down", "running", "after-hours", "loitering", "crowd"]);
const PASSING = new Set(["person-entered", "person-left", "line-crossed", "line-count"]);
const INTERFERES = new Set(["tamper", "camera-tamper"]);

/** `person-entered` of `edge.event.person-entered.v2`. */
export function shortType(type: string): string {
  return type.split(".")[2] ?? type;
}

/** The list of an event of this type. A type that is newer than this page is a kiosk's. */
export function listOf(type: string): ListName {
  const short = shortType(type);
  if (type.startsWith("edge.security.") || INTERFERES.has(short)) return "security";
  if (LOOK.has(short)) return "look";
  return PASSING.has(short) ? "passing" : "kiosks";
}

interface Named {
  readonly id: string;
  readonly source: string;
  readonly type: string;
}

/** The entries of one list, the oldest first, at most so many. */
class OneList<T extends Named> {
  readonly #most: number;
  /** By device, and there by type; the oldest first. */
  readonly #devices = new Map<string, Map<string, Set<string>>>();
  readonly #counts = new Map<string, number>();
  /** The devices that have so many entries, so that the one with the most is found at once. */
  readonly #withCount: Set<string>[] = [];
  readonly entries = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  clear(): void {
    for (const has of [this.entries, this.#devices, this.#counts]) has.clear();
    this.#withCount.length = 0;
  }

  /** @returns the entry that had to go; `spared` never does. */
  add(entry: T, spared: string | null): T | null {
    this.entries.set(entry.id, entry);
    const types = this.#devices.get(entry.source) ?? new Map<string, Set<string>>();
    this.#devices.set(entry.source, types);
    const ids = types.get(entry.type) ?? new Set<string>();
    types.set(entry.type, ids.add(entry.id));
    this.#count(entry.source, 1);
    return this.entries.size > this.#most ? this.#evict(spared) : null;
  }

  #evict(spared: string | null): T | null {
    for (let count = this.#withCount.length - 1; count > 0; count--) {
      for (const source of this.#withCount[count] ?? []) {
        const types = [...this.#devices.get(source)!.values()].sort((a, b) => b.size - a.size);
        for (const ids of types) {
          for (const id of ids) if (id !== spared) return this.#drop(this.entries.get(id)!);
        }
      }
    }
    return null;
  }

  #drop(entry: T): T {
    const { id, source, type } = entry;
    const types = this.#devices.get(source)!;
    this.entries.delete(id);
    types.get(type)!.delete(id);
    if (types.get(type)!.size === 0) types.delete(type);
    if (types.size === 0) this.#devices.delete(source);
    this.#count(source, -1);
    return entry;
  }

  #count(source: string, by: number): void {
    const before = this.#counts.get(source) ?? 0;
    this.#withCount[before]?.delete(source);
    if (before + by === 0) this.#counts.delete(source);
    else {
      this.#counts.set(source, before + by);
      (this.#withCount[before + by] ??= new Set()).add(source);
    }
    while (this.#withCount.length > 0 && (this.#withCount.at(-1)?.size ?? 0) === 0) this.#withCount.pop();
  }
}

/** Events, or groups of them, with room for `mostOfEach` in each list. */
export class Kept<T extends Named> {
  readonly #lists: Record<ListName, OneList<T>>;

  constructor(mostOfEach: number) {
    const list = () => new OneList<T>(mostOfEach);
    this.#lists = { look: list(), security: list(), kiosks: list(), passing: list() };
  }

  /** @returns the entry that had to go; the one with the id `spared` never does. */
  add(entry: T, spared: string | null = null): T | null {
    return this.#lists[listOf(entry.type)].add(entry, spared);
  }

  clear(list: ListName): void {
    this.#lists[list].clear();
  }

  /** The oldest first. */
  in(list: ListName): ReadonlyMap<string, T> {
    return this.#lists[list].entries;
  }
}
