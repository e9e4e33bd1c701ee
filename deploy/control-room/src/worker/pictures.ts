// The newest pictures, within bounds.

const MOST = 200;
const MOST_BYTES = 20 * 1024 * 1024;

export class Pictures {
  readonly #all = new Map<string, { source: string; jpeg: Uint8Array }>();
  readonly #missed = new Set<string>();
  #bytes = 0;

  /** Keep a picture; return whether it was taken: nobody replaces the one of another device. */
  keep(source: string, id: string, jpeg: Uint8Array): boolean {
    const before = this.#all.get(id);
    if (before !== undefined && before.source !== source) return false;
    this.#drop(id);
    // A copy: what the network layer gives may be a part of something much larger.
    this.#all.set(id, { source, jpeg: jpeg.slice() });
    this.#bytes += jpeg.length;
    for (const oldest of this.#all.keys()) {
      if (this.#all.size <= MOST && this.#bytes <= MOST_BYTES) break;
      this.#drop(oldest);
    }
    return true;
  }

  get(id: string): Uint8Array | null {
    const jpeg = this.#all.get(id)?.jpeg ?? null;
    if (jpeg === null) this.#missed.add(id);
    for (const oldest of this.#missed) if (this.#missed.size > MOST) this.#missed.delete(oldest);
    return jpeg;
  }

  /** Whether the page was told that this one is not there: true once. */
  wasMissed(id: string): boolean {
    return this.#missed.delete(id);
  }

  has(source: string, id: string): boolean {
    return this.#all.get(id)?.source === source;
  }

  #drop(id: string): void {
    this.#bytes -= this.#all.get(id)?.jpeg.length ?? 0;
    this.#all.delete(id);
  }
}
