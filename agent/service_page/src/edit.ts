// A drawing while somebody changes it: what is chosen, what was before, and whether it is saved.
import { computed, signal } from "@preact/signals";
import type { Camera, Mistake } from "./api";
import { added, corners, type Drawing, FEWEST, type Kind, KINDS, MOST, MOST_CORNERS, type Point, pointsOf, type Ref, snapped, without, withPoints } from "./drawing";
import { say } from "./state";
import { t } from "./strings";

const isSameArea = (one: readonly Point[], other: readonly Point[] | undefined): boolean => JSON.stringify(one) === JSON.stringify(other);

export class Edit {
  readonly camera: string;
  /** As the device has it. */
  readonly base = signal<Drawing>({ zones: [], lines: [], masks: [] });
  readonly now = signal<Drawing>({ zones: [], lines: [], masks: [] });
  /** While a finger is down: what it would be. */
  readonly draft = signal<Drawing | null>(null);
  readonly chosen = signal<Ref | null>(null);
  /** The number of the corner that buttons and keys move. */
  readonly corner = signal<number | null>(null);
  /** The kind of what is being placed, and its corners so far; null when nothing is. */
  readonly placing = signal<{ kind: Kind; points: readonly Point[] } | null>(null);
  /** Where the finger would place the next corner. */
  readonly candidate = signal<Point | null>(null);
  readonly mistakes = signal<readonly Mistake[]>([]);
  readonly canUndo = computed(() => this.#past.value.length > 0 || (this.placing.value?.points.length ?? 0) > 0);
  readonly isChanged = computed(() => this.now.value !== this.base.value);
  readonly shown = computed(() => this.draft.value ?? this.now.value);
  /** The masks in force that would be there no more as they are. */
  readonly uncovered = computed(() => this.base.value.masks.filter((each) => !this.shown.value.masks.some((other) => isSameArea(each, other))));
  readonly #past = signal<readonly Drawing[]>([]);

  constructor(camera: Camera) {
    this.camera = camera.name;
    this.rebase(camera);
  }

  /** Begin from what the device has. */
  rebase({ zones, lines, masks }: Drawing): void {
    this.base.value = this.now.value = { zones, lines, masks };
    this.#past.value = [];
    this.mistakes.value = [];
    this.choose(null);
  }

  /** Whether a mask is one that is in force: without it as it is, a second person must sign. */
  isInForce({ kind, index }: Ref): boolean {
    return kind === "masks" && this.base.value.masks.some((each) => isSameArea(each, this.shown.value.masks[index]));
  }

  choose(ref: Ref | null): void {
    this.chosen.value = ref;
    this.corner.value = null;
  }

  change(drawing: Drawing): void {
    this.#past.value = [...this.#past.peek(), this.now.peek()];
    this.now.value = drawing;
    this.mistakes.value = [];
    say("");
  }

  undo(): void {
    const placing = this.placing.peek();
    if (placing !== null && placing.points.length > 0) {
      this.placing.value = { ...placing, points: placing.points.slice(0, -1) };
      return;
    }
    const before = this.#past.peek().at(-1);
    if (before === undefined) return;
    this.#past.value = this.#past.peek().slice(0, -1);
    this.now.value = before;
    const was = this.chosen.peek();
    if (was !== null && was.index >= before[was.kind].length) this.choose(null);
    this.corner.value = null;
  }

  begin(kind: Kind): void {
    if (this.now.peek()[kind].length >= MOST[kind]) return say(t.draw.full(kind, MOST[kind]), true);
    this.choose(null);
    this.placing.value = { kind, points: [] };
  }

  /** Put the next corner of what is being placed; a line is done with its second, an area by its first one again. */
  put(point: Point, isFirst: boolean): void {
    const placing = this.placing.peek();
    if (placing === null) return;
    if (isFirst && placing.points.length >= FEWEST[placing.kind]) return this.done();
    const points = [...placing.points, point];
    this.placing.value = { ...placing, points };
    if (points.length === MOST_CORNERS[placing.kind]) this.done();
  }

  /** End the placing, with or without something, or leave what is chosen. */
  done(): void {
    const placing = this.placing.peek();
    const count = placing?.points.length ?? 0;
    if (placing !== null && count > 0 && count < FEWEST[placing.kind]) return say(t.draw.faults.few(placing.kind), true);
    this.placing.value = null;
    if (placing === null) return this.choose(null);
    if (count === 0) return;
    const [drawing, ref] = added(this.now.peek(), placing.kind, placing.points);
    this.change(drawing);
    this.choose(ref);
  }

  snap(point: Point, reach: Point): Point {
    const placing = this.placing.peek();
    const own = placing?.points ?? [];
    return snapped(point, [...corners(this.now.peek(), this.chosen.peek()), ...own.slice(0, 1)], reach);
  }

  moved(corner: number, point: Point): Drawing | null {
    const ref = this.chosen.peek();
    if (ref === null) return null;
    return withPoints(this.now.peek(), ref, pointsOf(this.now.peek(), ref).map((each, at) => (at === corner ? point : each)));
  }

  /** The drawing with one more corner, after this one. */
  inserted(after: number, point: Point): Drawing | null {
    const ref = this.chosen.peek();
    if (ref === null || pointsOf(this.now.peek(), ref).length >= MOST_CORNERS[ref.kind]) return null;
    const points = [...pointsOf(this.now.peek(), ref)];
    points.splice(after + 1, 0, point);
    return withPoints(this.now.peek(), ref, points);
  }

  removeCorner(): void {
    const [ref, corner] = [this.chosen.peek(), this.corner.peek()];
    if (ref === null || corner === null) return;
    const points = pointsOf(this.now.peek(), ref).filter((_, at) => at !== corner);
    if (points.length < FEWEST[ref.kind]) return say(t.draw.faults.few(ref.kind), true);
    this.change(withPoints(this.now.peek(), ref, points));
    this.corner.value = null;
  }

  removeChosen(): void {
    const ref = this.chosen.peek();
    if (ref === null) return;
    this.choose(null);
    this.change(without(this.now.peek(), ref));
  }

  /** What differs from the device's, as it goes into the settings. */
  changes(): Partial<Drawing> {
    const [now, base] = [this.now.peek(), this.base.peek()];
    return Object.fromEntries(KINDS.filter((kind) => now[kind] !== base[kind]).map((kind) => [kind, now[kind]]));
  }

  /** The mistakes that the device found in one of the things. */
  mistakesOf({ kind, index }: Ref): Mistake[] {
    const path = `cameras.${this.camera}.${kind}.${index}`;
    return this.mistakes.value.filter((each) => each.path === path || each.path.startsWith(`${path}.`));
  }
}
