// Which message of a device is newer, and which came already.

/** How many identifiers are remembered for each device. One that comes again counts as just heard, so what a broken node
 * repeats for hours stays known. */
export const REMEMBERED = 2000;
/** Room for so many more is made at a time: most devices say a message a minute, and a shift is soon over. */
const STEP = 100;
const EPOCHS = 16;
const LONGEST_NONCE = 64;

/** Where a message stands among those of its device. */
export interface Order {
  /** The rank of the epoch: a later one is larger. */
  epoch: number;
  seq: number;
}

/** Below 0 if `one` is older than `other`, 0 if they are the same. */
export const compare = (one: Order, other: Order): number => one.epoch - other.epoch || one.seq - other.seq;

/** The epochs, identifiers and nonce of one device. */
export class Numbers {
  /** Their hashes, which take 8 bytes each; the one that was heard last comes last. */
  #ids = new Float64Array(0);
  #count = 0;
  readonly #ranks = new Map<string, number>();
  /** The epochs of which something was heard that was not retained. */
  readonly #live = new Set<string>();
  /** Until something live arrives: for each epoch, the latest retained time from a set clock. */
  readonly #made = new Map<string, number>();
  #nonce: { order: Order; nonce: string } | null = null;
  /** The newest epoch; empty before the first. */
  epoch = "";

  /** Note an identifier; return whether it was not known. */
  isNew(messageId: string): boolean {
    const id = hashed(messageId);
    const at = this.#ids.indexOf(id);
    const known = at >= 0;
    if (known) this.#forget(at);
    else if (this.#count === REMEMBERED) this.#forget(0);
    if (this.#count === this.#ids.length) {
      const ids = new Float64Array(this.#count + STEP);
      ids.set(this.#ids);
      this.#ids = ids;
    }
    this.#ids[this.#count++] = id;
    return !known;
  }

  /** The order of a message; null if it does not belong to the device's count.
   *
   * An epoch that is heard for the first time is the newest. One that is not `live`, but retained or a will, does not make
   * it so where another one is known: a broker may have kept it for months. Nor does one with the newest nonce, which the
   * device has given out with another epoch: its disk came late. Until something live arrives, the newest of the retained epochs is
   * the one with the latest `madeMs`; NaN if the device's clock was not set. */
  place(epoch: string, seq: number, nonce: string | null, live: boolean, madeMs = NaN): Order | null {
    if (epoch === "") return null;
    if (live && !this.#live.has(epoch)) {
      if (epoch !== this.epoch && (nonce === null || nonce !== this.nonce)) {
        this.#ranks.set(epoch, Math.max(0, ...this.#ranks.values()) + 1);
      }
      this.#live.add(epoch);
      this.#made.clear();
    } else if (this.#live.size === 0 && !Number.isNaN(madeMs)) {
      const newestMs = this.#made.get(this.epoch) ?? NaN;
      this.#made.set(epoch, Math.max(madeMs, this.#made.get(epoch) ?? madeMs));
      if (epoch !== this.epoch && madeMs > newestMs) this.#ranks.set(epoch, Math.max(...this.#ranks.values()) + 1);
    }
    if (!this.#ranks.has(epoch)) this.#ranks.set(epoch, (this.#ranks.size ? Math.min(...this.#ranks.values()) : 2) - 1);
    const byRank = [...this.#ranks].sort((one, other) => one[1] - other[1]);
    while (byRank.length > EPOCHS) {
      const [oldest] = byRank.shift()!;
      this.#ranks.delete(oldest);
      this.#live.delete(oldest);
      this.#made.delete(oldest);
    }
    this.epoch = byRank.at(-1)![0];
    return this.order(epoch, seq);
  }

  /** The current order of a message that was placed. */
  order(epoch: string, seq: number): Order | null {
    const rank = this.#ranks.get(epoch);
    return rank === undefined ? null : { epoch: rank, seq };
  }

  newestRank(): number {
    return this.#ranks.get(this.epoch) ?? 0;
  }

  /** Note the nonce of a message. */
  hearNonce(order: Order, nonce: string | null): void {
    if (nonce === null || nonce === "" || nonce.length > LONGEST_NONCE) return;
    if (this.#nonce === null || compare(order, this.#nonce.order) >= 0) this.#nonce = { order, nonce };
  }

  /** The newest one that the device has said. */
  get nonce(): string | null {
    return this.#nonce?.nonce ?? null;
  }

  #forget(at: number): void {
    this.#ids.copyWithin(at, at + 1, this.#count);
    this.#count--;
  }
}

/** A whole number of 53 bits for a text (cyrb53, in the public domain): that a new message is taken for one of 2,000 others
 * happens once in 4e12. Never 0, which is where no identifier is yet. */
export function hashed(text: string): number {
  let [one, two] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    one = Math.imul(one ^ code, 0x9e3779b1);
    two = Math.imul(two ^ code, 0x5f356495);
  }
  one = Math.imul(one ^ (one >>> 16), 0x85ebca6b) ^ Math.imul(two ^ (two >>> 13), 0xc2b2ae35);
  two = Math.imul(two ^ (two >>> 16), 0x85ebca6b) ^ Math.imul(one ^ (one >>> 13), 0xc2b2ae35);
  return (two & 0x1fffff) * 2 ** 32 + (one >>> 0) || 1;
}
