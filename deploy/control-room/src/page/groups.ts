// Events, grouped: `began` opens a line and `ended` closes it. What of them is shown, and how many each place has had by the hour.
import { computed, signal, type Signal } from "@preact/signals";
import { Kept, LISTS, listOf, shortType, type ListName } from "../kept";
import type { EventView } from "../protocol";
import { HeldOrder } from "./held";
import { now } from "./time";

/** Of each list. */
export const MOST_OF_EACH = 1000;
/** A security event that comes again so soon is one more of the same, not a row of its own. */
const AGAIN_MS = 600_000;
const HOUR_MS = 3_600_000;
/** The hours of a shift. */
export const HOURS = 12;
/** More places than a province has; a device that invents names must not fill the memory. */
const MOST_SITES = 5000;

export interface EventGroup {
  id: string;
  first: EventView;
  newest: EventView;
  count: number;
}

interface Entry {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly group: Signal<EventGroup>;
}

/** What the list is narrowed to; empty strings and null mean everything. */
export interface Filter {
  list: ListName;
  /** A short type. */
  kind: string;
  text: string;
  /** Heard in the last so many ms. */
  withinMs: number | null;
}

const ALL: Filter = { list: "look", kind: "", text: "", withinMs: null };

export class Groups {
  readonly filter = signal<Filter>(ALL);
  /** The id of the group whose detail is open. */
  readonly opened = signal<string | null>(null);
  readonly changed = signal(0);
  readonly order: HeldOrder;
  /** The kinds that the list has, in no order. */
  readonly kinds = computed(() => (this.changed.value, new Set([...this.#kept.in(this.filter.value.list).values()].map(({ type }) => shortType(type)))));
  readonly #kept = new Kept<Entry>(MOST_OF_EACH);
  readonly #byId = new Map<string, Signal<EventGroup>>();
  /** The group of the same words from the same device. */
  readonly #same = new Map<string, string>();
  /** By list and site, how many began in each hour, counted from 1970. */
  readonly #counts: Record<ListName, Map<string, Map<number, number>>> = { look: new Map(), security: new Map(), kiosks: new Map(), passing: new Map() };
  /** Everything in which a search looks for its words. */
  readonly #words: (group: EventGroup) => string;

  constructor(words: (group: EventGroup) => string) {
    this.#words = words;
    // Newer rows would come at the end of a list that shows the newest first, and without end: they wait until it is sorted.
    this.order = new HeldOrder(computed(() => this.#found()), { isAppended: false });
  }

  get(id: string): Signal<EventGroup> | undefined {
    return this.#byId.get(id);
  }

  /** Every group that is kept. */
  all(): EventGroup[] {
    return [...this.#byId.values()].map((group) => group.value);
  }

  /** How many groups a list has. */
  size(list: ListName): number {
    return this.#kept.in(list).size;
  }

  /** Whether a list has lost its oldest groups. */
  isFull(list: ListName): boolean {
    return this.size(list) >= MOST_OF_EACH;
  }

  add(event: EventView): void {
    const eventId = event.data["event_id"];
    const same = event.type.startsWith("edge.security.") ? `${event.source} ${event.type} ${String(event.data["text"])}` : null;
    const id = typeof eventId === "string" ? `${event.source} ${eventId}` : ((same !== null && this.#again(same, event)) || event.id);
    if (same !== null) this.#same.set(same, id);
    const known = this.#byId.get(id);
    if (known !== undefined) {
      const group = known.peek();
      if (group.newest.id !== event.id) known.value = { ...group, newest: event, count: group.count + 1 };
      return;
    }
    const group = signal<EventGroup>({ id, first: event, newest: event, count: 1 });
    this.#byId.set(id, group);
    const { source, type } = event;
    const gone = this.#kept.add({ id, source, type, group }, this.opened.peek());
    if (gone !== null) this.#byId.delete(gone.id);
    // What has gone is forgotten here too, now and then.
    if (this.#same.size > 2 * MOST_OF_EACH) for (const [its, other] of this.#same) if (!this.#byId.has(other)) this.#same.delete(its);
    this.#count(event);
  }

  /** The id of the group that this is one more of; empty if it is the first. */
  #again(same: string, { heardMs }: EventView): string {
    const id = this.#same.get(same) ?? "";
    const newest = this.#byId.get(id)?.peek().newest;
    return newest !== undefined && heardMs - newest.heardMs < AGAIN_MS ? id : "";
  }

  narrow(filter: Partial<Filter>): void {
    this.filter.value = { ...this.filter.peek(), ...filter };
    this.order.sort();
  }

  clear(): void {
    for (const list of LISTS) {
      this.#kept.clear(list);
      this.#counts[list].clear();
    }
    for (const known of [this.#byId, this.#same]) known.clear();
    [this.opened.value, this.filter.value] = [null, ALL];
    this.changed.value += 1;
    this.order.sort();
  }

  /** The places of a list with the most first: how many began there in each of the last hours, the current one last. */
  counts(list: ListName): { site: string; hours: number[]; sum: number }[] {
    const last = Math.floor(Date.now() / HOUR_MS);
    return [...this.#counts[list]]
      .map(([site, its]) => {
        const hours = Array.from({ length: HOURS }, (_, i) => its.get(last - HOURS + 1 + i) ?? 0);
        return { site, hours, sum: hours.reduce((sum, count) => sum + count, 0) };
      })
      .filter(({ sum }) => sum > 0)
      .sort((a, b) => b.sum - a.sum || (a.site < b.site ? -1 : 1));
  }

  #count({ source, type, historical, heardMs, timeMs }: EventView): void {
    // An event that was sent later belongs to the hour of its own clock, or to none.
    if (historical && timeMs === null) return;
    const site = source.split("/").slice(2, -1).join("/");
    const counts = this.#counts[listOf(type)];
    const its = counts.get(site) ?? new Map<number, number>();
    if (counts.size >= MOST_SITES && !counts.has(site)) return;
    counts.set(site, its);
    const hour = Math.floor((Date.now() - now() + (historical ? (timeMs ?? 0) : heardMs)) / HOUR_MS);
    its.set(hour, (its.get(hour) ?? 0) + 1);
    if (its.size > 2 * HOURS) for (const old of its.keys()) if (old <= hour - HOURS) its.delete(old);
  }

  #found(): string[] {
    this.changed.value;
    const { list, kind, text, withinMs } = this.filter.value;
    const wanted = text.trim().toLowerCase().split(/\s+/).filter((word) => word !== "");
    const sinceMs = withinMs === null ? -Infinity : now() - withinMs;
    const found: string[] = [];
    for (const { id, group, type } of this.#kept.in(list).values()) {
      if (kind !== "" && shortType(type) !== kind) continue;
      const its = group.peek();
      if (its.newest.heardMs < sinceMs) continue;
      if (wanted.length > 0) {
        const words = this.#words(its).toLowerCase();
        if (!wanted.every((word) => words.includes(word))) continue;
      }
      found.push(id);
    }
    return found.reverse();
  }
}
