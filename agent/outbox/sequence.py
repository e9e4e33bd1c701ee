"""The numbers of the messages, and where they continue after a start, so that none is ever given twice."""

from collections.abc import Mapping

from agent.outbox.found import Found, Notice

_RESERVE = 1_000
"""How many numbers are promised to the disk at a time; after a power cut the rest of a promise is skipped."""
_LATEST_COUNTER = 1_767_225_600_000
"""2026 in Unix milliseconds: no device that counts from 1 gets this far."""


class SequenceNumbers:
    """The sequence number, place, and number of the record given last. Under the outbox's lock."""

    def __init__(self) -> None:
        self.seq = self.place = self.record = 0
        self.inherited_place = 0
        """Messages up to this place come from an earlier run."""
        self.is_begun = False
        """Whether it is known where the numbers continue."""
        self._seq_ceiling = self._place_ceiling = 0

    def resume(self, found: Found, boot_id: str) -> None:
        """Continue after what was found on disk.

        After an orderly stop, or a crash in this same boot, nothing that was written is missing, and the numbers
        continue without a gap. Otherwise, or if a database had to be replaced, the last writes may be lost, and the
        numbers continue above the ceiling that was safe on disk. Call `resume_record` after it.
        """
        kept = found.state
        is_complete = found.is_whole and (kept.get("clean") == "1" or kept.get("boot") == boot_id)
        ceilings = [] if is_complete else [found.ceiling[:2], (_number(kept, "ceiling"), _number(kept, "ord_ceiling"))]
        self.seq = max([self.seq, found.seq, *(seq for seq, _ in ceilings)])
        if not self.is_begun:
            self._begin(self.seq, max([self.place, found.place, *(place for _, place in ceilings)]))

    def resume_record(self, found: Found, boot_id: str) -> Notice | None:
        """Continue the record, which has no gaps unless numbers may be lost; returns the notice of those skipped then.

        Whenever the black box has a number, that is the last one given, whatever became of the disk."""
        kept = found.state
        known = max(self.record, found.record)
        is_complete = found.is_whole and (kept.get("clean") == "1" or kept.get("boot") == boot_id)
        is_exact = is_complete or self.record > 0
        self.record = known if is_exact else max(known, found.ceiling[2], _number(kept, "record_ceiling"))
        if self.record == known:
            return None
        text = f"the power went: the numbers {known + 1} to {self.record} of the record were never given, or were lost"
        return Notice("record-skipped", text, {"first": known + 1, "last": self.record})

    def begin_without_disk(self, ceiling: tuple[int, int, int], unix_ms: int) -> bool:
        """Continue above all numbers that may have been given. The black box knows those of this boot, and the file
        of the ceiling (`ceiling`) those of earlier ones. With neither, start from the current time, which is far above
        any counter, and return true."""
        seq, place = (self.seq, self.place) if self.seq or self.place else ceiling[:2]
        is_guess = not seq and not place
        guess = max(unix_ms, _LATEST_COUNTER)  # the clock may be in 1970
        self._begin(*((guess, unix_ms) if is_guess else (seq, place)))
        return is_guess

    @property
    def given(self) -> tuple[int, int, int]:
        """The sequence number, place and number of the record given last."""
        return self.seq, self.place, self.record

    def promise(self) -> dict[str, str]:
        """Raise the ceiling; returns it as the state to keep."""
        self._seq_ceiling = self.seq + _RESERVE
        self._place_ceiling = self.place + _RESERVE
        record_ceiling = self.record + _RESERVE  # not reached before that of the place
        return {
            "ceiling": str(self._seq_ceiling),
            "ord_ceiling": str(self._place_ceiling),
            "record_ceiling": str(record_ceiling),
        }

    @property
    def needs_promise(self) -> bool:
        """Whether less than half of the promise is left."""
        half = _RESERVE // 2
        return self.seq + half > self._seq_ceiling or self.place + half > self._place_ceiling

    def _begin(self, seq: int, place: int) -> None:
        self.seq, self.place, self.inherited_place = seq, place, place
        self.is_begun = True


def _number(kept: Mapping[str, str], key: str) -> int:
    """Return a kept number; 0 when there is none that can be read."""
    text = kept.get(key, "")
    return int(text) if text.isdecimal() else 0
