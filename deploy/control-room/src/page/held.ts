// The order of a list's rows, which holds still while a person points at the list, has the keyboard's focus in it, or
// is about to.
import { batch, computed, effect, signal, type ReadonlySignal } from "@preact/signals";

/** How long the order holds after somebody has chosen a row: until the next click. */
const CHOSEN_MS = 5000;

export class HeldOrder {
  /** The rows in the order in which they are shown. */
  readonly shown = signal<readonly string[]>([]);
  /** How many came since the order is held. */
  readonly added = signal(0);
  readonly isPointedAt = signal(false);
  readonly hasFocus = signal(false);
  /** A row was chosen a moment ago. */
  readonly #hasChosen = signal(false);
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly isHeld: ReadonlySignal<boolean>;
  readonly #sorted: ReadonlySignal<readonly string[]>;

  /** The id that now takes a row's place. */
  readonly #instead: (id: string) => string;
  /** What comes while the order is held is shown at its end. */
  readonly isAppended: boolean;

  /** `isBusy`: whether the person is at something for which the order must hold too. What comes
   * while it is held is only counted unless it `isAppended`. */
  constructor(sorted: ReadonlySignal<readonly string[]>, { isBusy = () => false, instead = (id) => id, isAppended = true }: { isBusy?: () => boolean; instead?: (id: string) => string; isAppended?: boolean } = {}) {
    this.#sorted = sorted;
    [this.#instead, this.isAppended] = [instead, isAppended];
    this.isHeld = computed(() => this.isPointedAt.value || this.hasFocus.value || this.#hasChosen.value || isBusy());
    effect(() => {
      const wanted = sorted.value;
      // In an empty list nothing can move.
      if (this.isHeld.value && this.shown.peek().length > 0) this.#append(wanted);
      else this.sort();
    });
  }

  /** Sort now, also if the order is held: a person has asked for it. */
  sort(): void {
    batch(() => {
      this.shown.value = this.#sorted.peek();
      this.added.value = 0;
    });
  }

  /** Somebody has chosen a row, and may choose another. */
  choose(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#hasChosen.value = true;
    this.#timer = setTimeout(() => (this.#hasChosen.value = false), CHOSEN_MS);
  }

  /** The list is on no screen any more. */
  release(): void {
    batch(() => {
      this.isPointedAt.value = false;
      this.hasFocus.value = false;
      this.#hasChosen.value = false;
    });
  }

  // A row that has left the sorted order keeps its place, or another takes it: removing it would move all rows below.
  #append(wanted: readonly string[]): void {
    const before = this.shown.peek();
    const known = new Set(before);
    if (!this.isAppended) {
      this.added.value = wanted.reduce((count, id) => count + (known.has(id) ? 0 : 1), 0);
      return;
    }
    const kept = before.map((id) => {
      const other = this.#instead(id);
      if (known.has(other)) return id;
      known.add(other);
      return other;
    });
    const came = wanted.filter((id) => !known.has(id));
    if (came.length === 0 && kept.every((id, i) => id === before[i])) return;
    batch(() => {
      this.shown.value = [...kept, ...came];
      this.added.value = this.added.peek() + came.length;
    });
  }
}
