"""What the store's thread tells the rest of the agent of the disk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agent.outbox.salvage import Damage


@dataclass(frozen=True, slots=True)
class Found:
    """What lay on disk when the databases were opened for the first time in this run."""

    seq: int
    place: int
    """The highest number and place that were written."""
    ceiling: tuple[int, int]
    """Number and place that were not passed when they were last promised."""
    state: Mapping[str, str]
    is_whole: bool
    """Whether no database had to be replaced."""
    has_all_state: bool
    """Whether `state` is all that was kept: the database that holds it did not have to be replaced."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A security event that the outbox has to tell, once there is somebody who can tell it."""

    kind: str
    severity: Literal["info", "warning", "alert"]
    text: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def damage_notice(damage: Damage, forgotten: int) -> Notice:
    """A database was replaced; `forgotten` messages that memory knew of were in it and could not be read."""
    return Notice(
        "storage-damaged",
        "warning",
        f"{damage.file} was damaged; a new one was begun, and what could be read was saved",
        {
            "file": damage.file,
            "reason": damage.reason,
            "set_aside": damage.set_aside,
            "salvaged": damage.salvaged,
            "lost": damage.lost + forgotten,
        },
    )
