"""No thread takes two locks in an order that another thread could take the other way round."""

import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.campaigns.week.schedule import HOUR, a_week
from tests.campaigns.week.world import World

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
_MAKE = threading.Lock


def documented() -> list[str]:
    """The modules whose locks the page lists, outermost first."""
    section = PAGE.partition("## The order of locks\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([\w/]+\.py)` \|", section, re.MULTILINE)


class TracedLock:
    """A lock that remembers which others its thread held when it was taken."""

    held = threading.local()
    nested: set[tuple[str, str]] = set()  # noqa: RUF012 - shared by all, on purpose

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._lock = _MAKE()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        taken = self._lock.acquire(blocking, timeout)
        if taken:
            stack = self._stack()
            self.nested.update((outer, self._owner) for outer in stack)
            stack.append(self._owner)
        return taken

    def release(self) -> None:
        self._stack().remove(self._owner)
        self._lock.release()

    def locked(self) -> bool:
        return self._lock.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _stack(self) -> list[str]:
        stack: list[str] = self.held.__dict__.setdefault("stack", [])
        return stack


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[tuple[str, str]]]:
    """Which locks of ours were taken while which others were held, by the module that made them."""

    def make() -> Any:
        module: str = sys._getframe(1).f_globals["__name__"]
        if not module.startswith("agent."):
            return _MAKE()
        return TracedLock(f"{module.removeprefix('agent.').replace('.', '/')}.py")

    TracedLock.nested.clear()
    monkeypatch.setattr(threading, "Lock", make)
    yield TracedLock.nested
    TracedLock.nested.clear()


def test_locks_nest_in_the_documented_order_only(traced: set[tuple[str, str]], tmp_path: Path) -> None:
    """In an hour of presses, outages, acks and restarts."""
    world = World(a_week(3, HOUR), tmp_path, seed=3)
    world.play()
    assert world.outcome().faults == []

    place = {name: number for number, name in enumerate(documented())}
    assert ("runtime/alarms/pipeline.py", "runtime/uplink/sender.py") in traced, "nothing was traced"
    assert [(outer, inner) for outer, inner in sorted(traced) if place[outer] >= place[inner]] == []
