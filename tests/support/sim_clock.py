"""A clock that stands still until it is told otherwise."""

from datetime import UTC, datetime, timedelta

from agent.contract.vocabulary import TimeQuality


class SimClock:
    """The port Clock, set by hand. `advance` moves boot time and wall clock, `step_wall` only the wall clock."""

    def __init__(
        self,
        boottime_ns: int = 1_000_000_000,
        wall: datetime = datetime(2026, 1, 1, tzinfo=UTC),
        quality: TimeQuality = TimeQuality.SYNCED,
        boot_id: str = "00000000-0000-4000-8000-000000000001",
    ) -> None:
        self._boottime_ns = boottime_ns
        self._wall = wall
        self._quality = quality
        self._boot_id = boot_id

    @property
    def boot_id(self) -> str:
        """The identifier of this made-up boot."""
        return self._boot_id

    def boottime_ns(self) -> int:
        """The boot time that was set."""
        return self._boottime_ns

    def wall(self) -> datetime:
        """The wall clock that was set."""
        return self._wall

    def quality(self) -> TimeQuality:
        """The quality that was set."""
        return self._quality

    def advance(self, by: timedelta) -> None:
        """Let time pass. Raises ValueError for a negative time: boot time never goes back."""
        if by < timedelta(0):
            raise ValueError("boot time never goes back")
        self._boottime_ns += round(by.total_seconds() * 1e9)
        self._wall += by

    def step_wall(self, by: timedelta) -> None:
        """Correct the wall clock, as NTP would; boot time is not affected."""
        self._wall += by

    def set_quality(self, quality: TimeQuality) -> None:
        """Lose or gain synchronisation."""
        self._quality = quality
