"""For processes of tests: a clock that counts as set, since that of the machine that tests may never be."""

from agent.adapters.system_clock import SystemClock
from agent.contract.vocabulary import TimeQuality


def _quality(_: SystemClock) -> TimeQuality:
    return TimeQuality.SYNCED


SystemClock.quality = _quality  # type: ignore[assignment, method-assign]
