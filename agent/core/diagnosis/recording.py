"""Judges whether a camera is recorded as the settings ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.core.diagnosis.finding import Finding, fail, ok, warn

_LONGEST_GROUP_S = 2.0
_FILLS = 0.5
"""By so much a recorder that has just started has less in memory than is wanted."""
_LEAST_ROOM = 256 * 1024 * 1024
"""About 20 minutes of pictures that are encoded here."""
_KEY_FRAMES = "set the camera's key frames (I-frame interval, GOP) to one a second"


@dataclass(frozen=True, slots=True)
class Chain:
    """What is on the card of a camera's recordings."""

    entries: int
    head: str
    """The SHA-256 of the newest entry in hex."""
    last_clip: str | None
    """When the newest clip began (RFC 3339)."""
    damaged: str = ""
    """What is wrong with it, if anything."""


def judge_recorder(figures: Mapping[str, Any], wanted_s: float) -> list[Finding]:
    """Judge what the recorder of the running agent says (`recording` in the health); `wanted_s` is `before_s`."""
    log = "see the check of the camera, then its log: `journalctl -u edge-agent -b`"
    if figures.get("state") != "ok":
        return [
            fail(f"it is not recorded as it should be: {figures.get('detail') or 'its recorder does not work'}", log)
        ]
    before_s = float(figures.get("before_s") or 0)
    held = f", {held} held" if (held := figures.get("held")) else ""
    encoder = f"by {figures['encoder']}" if figures.get("encoder") else "as the camera encodes it"
    text = f"recorded {encoder}, {before_s:.0f} s before a press{held}"
    found = judge_groups(float(figures.get("group_s") or 0))
    if before_s < wanted_s - _FILLS:
        advice = "wait as long after a start; else raise [evidence] ring_bytes, or lower the camera's bit rate"
        found.append(warn(f"a press now would have {before_s:.0f} s before it, and {wanted_s:g} are wanted", advice))
    return found or [ok(text)]


def judge_groups(longest_s: float) -> list[Finding]:
    """Judge how far apart key frames are: a clip begins with one."""
    if longest_s <= _LONGEST_GROUP_S:
        return []
    return [warn(f"its key frames are {longest_s:.1f} s apart, so clips begin late or take memory", _KEY_FRAMES)]


def judge_room(free: int, keep_free: int, used: int, limit: int) -> list[Finding]:
    """Judge the room for clips, all in bytes: of the disk what is `free` and what [evidence] leaves free, and of the
    clips what they take and the most that they may."""
    if free - keep_free >= _LEAST_ROOM or used >= limit // 2:
        return [ok(f"clips take {used / 1e6:.0f} MB of at most {limit / 1e6:.0f}; the oldest go first")]
    return [
        warn(
            f"there is room for {max(0, free - keep_free) / 1e6:.0f} MB of clips, and {used / 1e6:.0f} MB are there",
            "use a larger card, or lower [evidence] keep_free_bytes",
        )
    ]


def judge_chain(found: Chain | None) -> list[Finding]:
    """Judge what is on the card; None if nothing was ever recorded."""
    if found is None:
        return [ok("nothing has been recorded yet")]
    if found.damaged:
        return [warn(f"its chain of recordings is damaged: {found.damaged}", "copy its directory before all else")]
    last = (
        f"the last clip began {found.last_clip[:16].replace('T', ' ')} UTC" if found.last_clip else "no clip is there"
    )
    return [ok(f"{last}; head {found.entries} of the chain: {found.head[:16]}")]
