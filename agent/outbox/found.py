"""What the thread `store` reports about the disk to the rest of the agent."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agent.contract.security import SecurityKind
from agent.outbox.database import Foreign
from agent.outbox.salvage import Damage


@dataclass(frozen=True, slots=True)
class Found:
    """What was on disk when the databases were opened for the first time in this run."""

    seq: int
    place: int
    record: int
    """The highest number, place and number of the record that were written."""
    ceiling: tuple[int, int, int]
    """The last promise that was written: none of the three above these was given, unless the disk accepted nothing."""
    state: Mapping[str, str]
    is_whole: bool
    """Whether no database had to be replaced."""
    has_all_state: bool
    """Whether `state` is complete: the database that holds it did not have to be replaced."""


class Resumed(NamedTuple):
    """Where the numbers go on."""

    seq: int
    place: int
    record: int
    box_counts: bool
    disk_counts: bool
    """Whether the record numbers of what waits in the black box, and on disk, are of this epoch."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A security event of the outbox, which waits here until a part that can report it is running."""

    kind: SecurityKind
    text: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def damage_notice(damage: Damage, forgotten: int) -> Notice:
    """Return the notice of a replaced database. It held `forgotten` messages known to memory that can't be read."""
    return Notice(
        "storage-damaged",
        f"{damage.file} was damaged; a new one was created, and what could be read was saved",
        {
            "file": damage.file,
            "reason": damage.reason,
            "set_aside": damage.set_aside,
            "salvaged": damage.salvaged,
            "lost": damage.lost + forgotten,
        },
    )


def renamed_notice(given_up: Sequence[Foreign]) -> Notice:
    """Return the notice of what has waited under an earlier name; there is some."""
    was = given_up[-1].topic.partition("/up/")[0]
    counts = Counter(each.rank.name.lower() for each in set(given_up))  # one may be on disk and in the black box
    named = ", ".join(f"{name} {count}" for name, count in counts.items())
    return Notice(
        "renamed",
        f"this device was {was}, and no broker takes what has waited under that name ({named}): it was given up. "
        "Alarms that are open are told under the new name",
        {"was": was, "given_up": dict(counts)},
    )
