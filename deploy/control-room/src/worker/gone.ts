// Which devices are gone, as the page shows it: one row for each message of the rules, until all of it is back and a while longer.
import type { Notice } from "../centre/notices";
import type { OutageView } from "../protocol";

/** So long it is shown that all are back. */
const BACK_MS = 600_000;

export class Gone {
  #rows: OutageView[] = [];
  #count = 0;
  #isChanged = false;

  take(notice: Notice, nowMs: number): void {
    if (notice.kind === "devices-gone") {
      const { place, sources, of, unheard, heardMs } = notice;
      const sinceMs = heardMs === -Infinity ? null : heardMs;
      this.#rows.push({ id: ++this.#count, place, sources, of, unheard, sinceMs, back: 0, backMs: null });
    } else if (notice.kind === "devices-back") {
      const isBack = new Set(notice.sources);
      this.#rows = this.#rows.map((row) => {
        const sources = row.sources.filter((source) => !isBack.has(source));
        const back = row.sources.length - sources.length;
        return back === 0 ? row : { ...row, sources, back: row.back + back, backMs: nowMs };
      });
    } else return;
    this.#isChanged = true;
  }

  /** All that there are, if that has changed; else null. */
  changed(nowMs: number): OutageView[] | null {
    const rows = this.#rows.filter(({ sources, backMs }) => sources.length > 0 || nowMs < (backMs ?? 0) + BACK_MS);
    if (!this.#isChanged && rows.length === this.#rows.length) return null;
    [this.#rows, this.#isChanged] = [rows, false];
    return rows;
  }
}
