"""The wall clock of the kiosk: what it says, how good it claims to be, and what is true."""

import random
import uuid
from datetime import UTC, datetime, timedelta

from agent.contract.vocabulary import TimeQuality
from tests.campaigns.week.kiosk import WeekClock

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_BOOT_S = 20.0
"""From the kernel's start to the agent's."""


class Wall:
    """Begins as a clock that is set."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.boots: dict[str, float] = {}
        """When CLOCK_BOOTTIME was 0, by boot, in seconds since Monday."""
        self.wrong_by_s: dict[str, float] = {}
        """By boot, how far from the truth the clock was when it was last looked after."""
        self.steps: list[tuple[float, str]] = []
        """When it was set, and in which boot."""
        self.clock = self._boot(MONDAY, TimeQuality.SYNCED, 0.0)

    @property
    def now_s(self) -> float:
        """Seconds since Monday."""
        return self.boots[self.clock.boot_id] + self.clock.boottime_ns() / 1e9

    def truth(self) -> datetime:
        """What a clock that is right says."""
        return MONDAY + timedelta(seconds=self.now_s)

    def ill(self) -> str | None:
        """`lying` when it says that it is set and is not right, `unset` when it says itself that it is not set."""
        if self.clock.quality() is TimeQuality.UNSYNCED:
            return "unset"
        return "lying" if abs(self.wrong_by_s[self.clock.boot_id]) > 1 else None

    def power_up(self, now_s: float) -> None:
        """Another boot, in 1970."""
        self.clock = self._boot(BEGINNING, TimeQuality.UNSYNCED, now_s)

    def set_right(self) -> None:
        """The network has the time."""
        self._step_to(self.truth())
        if self.clock.quality() is TimeQuality.UNSYNCED:
            self.clock.set_quality(TimeQuality.SYNCED)

    def set_wrong(self, how: str) -> None:
        """`how` is `lies` or `admits`, and the seconds by which it is wrong; or the word 1970."""
        manner, by = how.split()
        self._step_to(BEGINNING if by == "1970" else self.truth() + timedelta(seconds=float(by)))
        if manner == "admits":
            self.clock.set_quality(TimeQuality.UNSYNCED)

    def reach(self, *, network: bool) -> None:
        """Whether it still hears what time it is. One that is not set does not hold any over."""
        if self.clock.quality() is not TimeQuality.UNSYNCED:
            self.clock.set_quality(TimeQuality.SYNCED if network else TimeQuality.HOLDOVER)

    def _boot(self, wall: datetime, quality: TimeQuality, now_s: float) -> WeekClock:
        clock = WeekClock(int(_BOOT_S * 1e9), wall, quality, str(uuid.UUID(int=self._random.getrandbits(128))))
        self.boots[clock.boot_id] = now_s - _BOOT_S
        self.wrong_by_s[clock.boot_id] = (wall - MONDAY).total_seconds() - now_s
        return clock

    def _step_to(self, wall: datetime) -> None:
        self.steps.append((self.now_s, self.clock.boot_id))
        self.clock.step_wall(wall - self.clock.wall())
        self.wrong_by_s[self.clock.boot_id] = (wall - self.truth()).total_seconds()
