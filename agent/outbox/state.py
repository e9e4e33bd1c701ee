"""The small values that survive a restart, such as open alarms, counters of commands and the ceiling of the numbers."""

from collections.abc import Mapping

Changes = dict[str, str | None]
"""New values; None forgets a key."""
CTR_KEY = "ctr/"
"""Prefix of the counters of commands. They only rise; otherwise an accepted command could run again."""


class Kept:
    """All values in memory, so that a disk that has failed can be given all of them again. Under the writer's lock."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._changes: Changes = {}
        """Changes that the disk does not have yet."""
        self._under_way: Changes = {}
        """Changes that are being written now."""
        self.is_complete = False
        """Whether the values of earlier runs have been read."""

    def note(self, changes: Mapping[str, str | None]) -> None:
        """Keep these values from now on; a counter keeps its highest value."""
        for key, value in changes.items():
            kept = self._risen(key, value) if key.startswith(CTR_KEY) else value
            self._changes[key] = kept
            if kept is None:
                self._values.pop(key, None)
            else:
                self._values[key] = kept

    def restore(self, on_disk: Mapping[str, str]) -> None:
        """Merge with the values of a disk that was just opened.

        The first time, values that have not changed since are added, and a counter takes the higher value. Later, the
        disk is to be given everything in memory, and to forget the rest."""
        if self.is_complete:
            self._changes = {**dict.fromkeys(on_disk), **self._values, **self._changes}
            return
        self.is_complete = True
        self._values = {key: value for key, value in on_disk.items() if key not in self._changes} | self._values
        self.note({key: on_disk[key] for key in self._changes if key in on_disk and key.startswith(CTR_KEY)})

    def changes(self) -> Changes:
        """Take the changes to write now; call `written` or, if that failed, `put_back`."""
        self._under_way, self._changes = self._changes, {}
        return self._under_way

    def written(self) -> None:
        """Note that the disk has the changes that were taken."""
        self._under_way = {}

    def unwritten(self) -> Changes:
        """Return all changes that the disk is not known to have."""
        return {**self._under_way, **self._changes}

    def put_back(self, changes: Changes) -> None:
        """Put back changes that could not be written; newer ones win."""
        self._changes, self._under_way = {**changes, **self._changes}, {}

    @property
    def is_written(self) -> bool:
        """Whether the disk has everything."""
        return not self._changes

    def known(self, prefix: str) -> dict[str, str]:
        """Return the values under keys that begin with `prefix`."""
        return {key: value for key, value in self._values.items() if key.startswith(prefix)}

    def _risen(self, key: str, value: str | None) -> str | None:
        known = self._values.get(key)
        if known is None or value is None:
            return value
        return max(value, known, key=lambda text: int(text) if text.isdecimal() else -1)
