"""What the outbox does with a message, by its class: one row each, from which everything else is derived."""

from collections.abc import Mapping
from typing import NamedTuple

from agent.contract.messages import Rank


class Policy(NamedTuple):
    """How one class is delivered."""

    synced: bool
    """It lies in `alarms.db` and is safe once it was forced to the disk; else in `telemetry.db`, never forced."""
    stored: bool
    """It is written to disk. What is not is made while there is a connection, and worthless minutes later."""
    boxed: bool
    """It is copied into the black box. A picture would fill the box, and is worth less than what it would push out."""
    window: int
    """Messages of the class that stay in memory once they are written."""
    recorded: bool
    """It is of the record: it has a number of its own, and is kept for a replay once a broker has confirmed it."""
    memory_drop: int | None
    """Its turn when the disk takes nothing and memory must give something up; None: never."""
    disk_drop: int | None
    """Its turn when the disk is short of room; None: never."""


POLICY: Mapping[Rank, Policy] = {
    Rank.ALARM: Policy(
        synced=True, stored=True, boxed=True, window=10_000, recorded=True, memory_drop=None, disk_drop=None
    ),
    Rank.STATE: Policy(
        synced=True, stored=True, boxed=True, window=1_000, recorded=False, memory_drop=5, disk_drop=None
    ),
    Rank.SECURITY: Policy(
        synced=True, stored=True, boxed=True, window=2_000, recorded=True, memory_drop=4, disk_drop=None
    ),
    Rank.EVENT: Policy(synced=False, stored=True, boxed=True, window=256, recorded=True, memory_drop=3, disk_drop=2),
    Rank.PICTURE: Policy(synced=False, stored=True, boxed=False, window=8, recorded=False, memory_drop=2, disk_drop=1),
    Rank.HEALTH: Policy(
        synced=False, stored=False, boxed=False, window=8, recorded=False, memory_drop=1, disk_drop=None
    ),
    Rank.REPLAY: Policy(
        synced=False, stored=False, boxed=False, window=8, recorded=False, memory_drop=None, disk_drop=None
    ),
}

SYNCED = tuple(rank for rank, policy in POLICY.items() if policy.synced)
NOT_SYNCED = tuple(rank for rank, policy in POLICY.items() if not policy.synced)
MEMORY_ONLY = frozenset(rank for rank, policy in POLICY.items() if not policy.stored)
NOT_BOXED = frozenset(rank for rank, policy in POLICY.items() if not policy.boxed)
RECORDED = frozenset(rank for rank, policy in POLICY.items() if policy.recorded)
WINDOW = {rank: policy.window for rank, policy in POLICY.items()}


def _in_turn(turns: Mapping[Rank, int | None]) -> tuple[Rank, ...]:
    return tuple(rank for _, rank in sorted((turn, rank) for rank, turn in turns.items() if turn is not None))


DROPPED_FROM_MEMORY = _in_turn({rank: policy.memory_drop for rank, policy in POLICY.items()})
"""What memory gives up, in this order. Never an alarm."""
DROPPED_FROM_DISK = _in_turn({rank: policy.disk_drop for rank, policy in POLICY.items()})
"""What the disk gives up, in this order."""
