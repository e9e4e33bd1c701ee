"""Judges whether the time is right, and who vouches for it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from agent.contract.times import TimeQuality
from agent.core.diagnosis.finding import Finding, fail, ok, warn

EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
"""This program is younger, so a clock that shows an earlier time was never set."""
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_FAR_S = 60.0
_SET = "let it reach a time server (`timedatectl`, UDP port 123), or `sudo date -u -s 'YYYY-MM-DD HH:MM'`"


@dataclass(frozen=True, slots=True)
class TimeSource:
    """What is known about the time."""

    wall: datetime
    quality: TimeQuality
    service: str | None
    """What sets the clock, for example `systemd-timesyncd, from 129.250.35.250`; None if nothing does."""
    battery_clock: datetime | None
    """The clock that runs without power, read at the same moment as `wall`; None if there is none."""


def judge_time(source: TimeSource) -> list[Finding]:
    """Judge the wall clock, and the battery clock against it."""
    wall = f"{source.wall:%Y-%m-%d %H:%M:%S} UTC"
    if not EARLIEST <= source.wall < LATEST:
        return [fail(f"the clock is wrong: it says {wall}; certificates and acks can't be judged", _SET)]
    findings = []
    match source.quality:
        case TimeQuality.SYNCED:
            findings.append(ok(f"{wall}, synchronised ({source.service or 'the kernel says so'})"))
        case TimeQuality.HOLDOVER:
            findings.append(warn(f"{wall}; it was synchronised since the boot, and is not now", _SET))
        case _:
            sets = f"{source.service} has not reached a server" if source.service else "no time service runs"
            findings.append(warn(f"{wall}, but nothing confirms it: {sets}", _SET))
    if source.battery_clock is not None:
        off_s = (source.battery_clock - source.wall).total_seconds()
        if abs(off_s) > _FAR_S:
            findings.append(
                warn(
                    f"the battery clock is off by {off_s:+.0f} s: it says {source.battery_clock:%Y-%m-%d %H:%M:%S} UTC",
                    "`sudo hwclock --systohc` when the time is right; a new battery if it comes back",
                )
            )
    return findings
