"""The small values that survive a restart: open alarms, counters of commands, how the numbers stand."""

from collections.abc import Mapping

Changes = dict[str, str | None]
"""New values; None forgets one."""
CTR_KEY = "ctr/"
"""Under this prefix are the counters of commands. They only rise, or a command that was accepted could come again."""


class Kept:
    """Memory has all of them, so that a disk that fails can be given all of them again. Under the writer's lock."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._changes: Changes = {}
        """What the disk does not have yet."""
        self._under_way: Changes = {}
        """What it is just being given."""
        self.is_complete = False
        """Whether what earlier runs have kept was read."""

    def note(self, changes: Mapping[str, str | None]) -> None:
        """Keep these from now on; of a counter the highest one stays."""
        for key, value in changes.items():
            kept = self._risen(key, value) if key.startswith(CTR_KEY) else value
            self._changes[key] = kept
            if kept is None:
                self._values.pop(key, None)
            else:
                self._values[key] = kept

    def restore(self, on_disk: Mapping[str, str]) -> None:
        """The disk was opened and has these. At the first time they are added, unless they have changed since, or are
        higher counters; later the disk is to be given all that memory has, and to forget the rest."""
        if self.is_complete:
            self._changes = {**dict.fromkeys(on_disk), **self._values, **self._changes}
            return
        self.is_complete = True
        self._values = {key: value for key, value in on_disk.items() if key not in self._changes} | self._values
        self.note({key: on_disk[key] for key in self._changes if key in on_disk and key.startswith(CTR_KEY)})

    def changes(self) -> Changes:
        """What is to be written now; `put_back` when that has failed."""
        self._under_way, self._changes = self._changes, {}
        return self._under_way

    def written(self) -> None:
        """The disk has what it was given."""
        self._under_way = {}

    def unwritten(self) -> Changes:
        """All that the disk is not known to have."""
        return {**self._under_way, **self._changes}

    def put_back(self, changes: Changes) -> None:
        """These were not written after all; newer ones win."""
        self._changes, self._under_way = {**changes, **self._changes}, {}

    @property
    def is_written(self) -> bool:
        """Whether the disk has everything."""
        return not self._changes

    def known(self, prefix: str) -> dict[str, str]:
        """The values under keys that begin with `prefix`."""
        return {key: value for key, value in self._values.items() if key.startswith(prefix)}

    def _risen(self, key: str, value: str | None) -> str | None:
        known = self._values.get(key)
        if known is None or value is None:
            return value
        return max(value, known, key=lambda text: int(text) if text.isdecimal() else -1)
