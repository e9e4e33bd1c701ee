// The position of each row of a list. Rows differ in height, and a row's height is unknown until it is drawn. Pure.

/** The height of a row before any was drawn. */
const GUESS_PX = 100;

export class Places {
  ids: readonly string[] = [];
  readonly #heights = new Map<string, number>();
  #typical = GUESS_PX;
  /** Where each begins, then where the last ends; null if it has to be computed. */
  #starts: Float64Array | null = null;

  take(ids: readonly string[]): void {
    [this.ids, this.#starts] = [ids, null];
    if (this.#heights.size <= 2 * ids.length + 100) return;
    const known = new Set(ids);
    for (const id of this.#heights.keys()) if (!known.has(id)) this.#heights.delete(id);
  }

  /** Note a row's height; return whether it has changed. */
  measure(id: string, height: number): boolean {
    if (this.#heights.get(id) === height) return false;
    if (this.#heights.size === 0) this.#typical = height;
    this.#heights.set(id, height);
    this.#starts = null;
    return true;
  }

  /** Forget all heights: the width of the rows has changed. */
  forget(): void {
    this.#heights.clear();
    this.#starts = null;
  }

  /** Where the row at this index begins; at the number of rows: where the last one ends. */
  start(index: number): number {
    this.#starts ??= this.#sum();
    return this.#starts[Math.max(0, Math.min(index, this.ids.length))]!;
  }

  /** The index of the row at this place, or of the nearest one. */
  at(px: number): number {
    let [low, high] = [0, Math.max(0, this.ids.length - 1)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.start(middle) <= px) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #sum(): Float64Array {
    const starts = new Float64Array(this.ids.length + 1);
    this.ids.forEach((id, i) => (starts[i + 1] = starts[i]! + (this.#heights.get(id) ?? this.#typical)));
    return starts;
  }
}
