// Since when a connection to a broker stands, as far as silence goes.

const STEADY_MS = 180_000;

/** One connection, or all of them. Whoever we could not hear has time to speak once it is back; but not for a short break
 * soon after the last one: a connection that comes and goes all the time would hide every silence. */
export class Standing {
  /** Null while it does not stand. */
  sinceMs: number | null = null;
  /** From when until when it stood before. */
  #before: [number, number] | null = null;

  /** Note that it stands, or is lost; again does no harm. */
  note(up: boolean, nowMs: number): void {
    if (up && this.sinceMs === null) this.sinceMs = this.#begun(nowMs);
    else if (!up && this.sinceMs !== null) [this.#before, this.sinceMs] = [[this.sinceMs, nowMs], null];
  }

  #begun(nowMs: number): number {
    if (this.#before === null) return nowMs;
    const [sinceMs, fellMs] = this.#before;
    return fellMs - sinceMs < STEADY_MS && nowMs - fellMs < STEADY_MS / 2 ? sinceMs : nowMs;
  }
}
