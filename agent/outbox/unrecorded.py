"""Messages of the record that a broker has confirmed, until the record on disk has them. Under the backlog's lock."""

from collections.abc import Iterable

from agent.outbox.database import Row

UNRECORDED_BYTES = 1024 * 1024
"""Payload bytes that may wait here while the disk takes nothing; then the oldest go."""


class Unrecorded:
    """In order of their confirmation."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: Row) -> None:
        """Add a message that has a number in the record."""
        self._rows[row.ord] = row
        self._bytes += len(row.payload)
        while self._bytes > UNRECORDED_BYTES:
            self.drop([next(iter(self._rows.values()))])

    def rows(self) -> list[Row]:
        """Return all of them."""
        return list(self._rows.values())

    def drop(self, rows: Iterable[Row]) -> None:
        """Forget these, as far as they are here."""
        for row in rows:
            if self._rows.pop(row.ord, None) is not None:
                self._bytes -= len(row.payload)
