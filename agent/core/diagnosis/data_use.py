"""Judges how much of the data of a SIM card is used."""

from collections.abc import Mapping
from typing import Any

from agent.core.diagnosis.finding import Finding, fail, ok, unknown, warn

_MB = 1_000_000
_NEARLY = 0.9


def judge_data(figures: Mapping[str, Any] | None, interface: str, limit: int, *, exists: bool) -> list[Finding]:
    """Judge what the running agent says (`data` in the health); None if it says nothing.

    `exists` is whether the machine has this network interface."""
    if not exists:
        do = "`ip link` names those that are there; a modem may need its own service"
        return [fail(f"there is no network interface {interface}: what the SIM card costs is not counted", do)]
    if figures is None:
        return [unknown("the running agent does not report here what data is used", "run the doctor with sudo")]
    used = int(figures.get("month_bytes") or 0)
    of = f" of {limit / _MB:.0f}" if limit else ""
    said = f"{used / _MB:.0f}{of} MB went over {interface} in this month"
    do = "raise [data] month_bytes, or find out what sends so much; alarms and messages are sent anyway"
    if limit and used >= limit:
        return [warn(f"{said}: no recordings, no live view and no pictures of events leave", do)]
    if limit and used >= _NEARLY * limit:
        return [warn(f"{said}: nearly all", do)]
    return [ok(said)]
