// A set of whole numbers that is kept as ranges, so that a billion of them take no more room than one.

/** First and last, inclusive. */
export type Range = [number, number];

/** Sorted ranges that neither overlap nor touch. */
export class Ranges {
  #all: Range[] = [];

  get size(): number {
    return this.#all.length;
  }

  has(number: number): boolean {
    const range = this.#all[this.#from(number)];
    return range !== undefined && range[0] <= number;
  }

  add(first: number, last: number): void {
    if (first > last) return;
    const begin = this.#from(first - 1);
    let end = begin;
    for (let range = this.#all[end]; range !== undefined && range[0] <= last + 1; range = this.#all[++end]) {
      first = Math.min(first, range[0]);
      last = Math.max(last, range[1]);
    }
    this.#all.splice(begin, end - begin, [first, last]);
  }

  remove(first: number, last: number): void {
    if (first > last) return;
    const begin = this.#from(first);
    const left: Range[] = [];
    let end = begin;
    for (let range = this.#all[end]; range !== undefined && range[0] <= last; range = this.#all[++end]) {
      if (range[0] < first) left.push([range[0], first - 1]);
      if (range[1] > last) left.push([last + 1, range[1]]);
    }
    this.#all.splice(begin, end - begin, ...left);
  }

  /** The parts of the ranges that lie in `first` to `last`. */
  within(first: number, last: number): Range[] {
    const found: Range[] = [];
    for (let at = this.#from(first); at < this.#all.length; at++) {
      const [low, high] = this.#all[at]!;
      if (low > last) break;
      found.push([Math.max(first, low), Math.min(last, high)]);
    }
    return found;
  }

  /** The parts of `first` to `last` that are in no range. */
  gaps(first: number, last: number): Range[] {
    const found: Range[] = [];
    let at = first;
    for (const [low, high] of this.within(first, last)) {
      if (at < low) found.push([at, low - 1]);
      at = high + 1;
    }
    if (at <= last) found.push([at, last]);
    return found;
  }

  /** Every range, lowest first. */
  all(): Range[] {
    return this.#all.map(([first, last]) => [first, last]);
  }

  /** The place of the first range that ends at `number` or above. */
  #from(number: number): number {
    let [low, high] = [0, this.#all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#all[middle]![1] < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
