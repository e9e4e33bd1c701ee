"""Judges what the running agent says about itself in its status file."""

import json
from collections.abc import Mapping
from typing import Any

from agent.core.diagnosis.finding import Finding, fail, ok, unknown, warn

STALE_S = 30.0
"""The agent writes its report every few seconds, so an older one means that the agent hangs or has ended."""


def judge_unit(active: str, sub: str, restarts: int) -> list[Finding]:
    """Judge the service while no agent runs on this state directory. The arguments are in systemd's words."""
    log = "`journalctl -u edge-agent -b` says why; its last line is the reason"
    if active == "failed" or sub == "auto-restart" or (active == "activating" and restarts):
        again = f"started again {restarts} time{'' if restarts == 1 else 's'}"
        return [fail(f"the service keeps ending ({active}, {sub}; {again})", log)]
    if active == "active":
        return [warn("the service runs, but not on this state directory: perhaps its disk can't be written", log)]
    start = "`sudo systemctl enable --now edge-agent`, when everything else works"
    return [warn(f"the service is not running ({active}, {sub}): no press is heard", start)]


def judge_report(text: str | None, now_boottime_ns: int) -> list[Finding]:
    """Judge the agent's report. `text` is None if there is no file, or it may not be read."""
    if text is None:
        return [unknown("the agent's report can't be read", "run the doctor with sudo")]
    try:
        report: dict[str, Any] = json.loads(text)
        age_s = (now_boottime_ns - int(report["boottime_ns"])) / 1e9
        broken = [_broken(str(name), part) for name, part in report["parts"].items() if not part["ok"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [unknown("the agent's report can't be understood", "is the agent of the same version as the doctor?")]
    if not 0 <= age_s <= STALE_S:
        since = f"for {age_s:.0f} s" if age_s > 0 else "since the boot"
        return [fail(f"the agent has not reported {since}", "see its log: `journalctl -u edge-agent -b`")]
    return broken or [ok(f"the agent reports that all its parts work ({len(report['parts'])})")]


def _broken(name: str, part: Mapping[str, Any]) -> Finding:
    tell = warn if part.get("transient") else fail
    what = f"the agent reports a problem with {name}: {part['detail'] or 'it does not work'}"
    return tell(what, "see the finding of that part")


def why_it_rests(text: str | None, part: str) -> str | None:
    """Return why a part does not work although nothing is broken; None if it works, is broken or unknown."""
    try:
        state = json.loads(text or "")["parts"][part]
        return str(state["detail"]) if not state["ok"] and state["transient"] else None
    except (ValueError, KeyError, TypeError):
        return None


def says_connected(text: str | None, broker: str) -> str | None:
    """Return None unless the agent says that it is connected to this broker and that the broker takes its messages.

    If it is, return the protocol and the reason if that is older than MQTT 5, else an empty text.
    """
    try:
        uplink = json.loads(text or "")["parts"]["uplink"]
        where, _, spoken = uplink["detail"].partition(" with ")
        return spoken if uplink["ok"] is True and where == f"connected to {broker}" else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def upload_figures(text: str | None) -> dict[str, Any] | None:
    """Return what a report says of uploads; None if it says nothing."""
    return _figures(text, "uploads")


def data_figures(text: str | None) -> dict[str, Any] | None:
    """Return what a report says of a SIM card's data; None if it says nothing."""
    return _figures(text, "data")


def _figures(text: str | None, field: str) -> dict[str, Any] | None:
    try:
        figures = json.loads(text or "")[field]
    except (ValueError, KeyError, TypeError):
        return None
    return figures if isinstance(figures, dict) else None


def camera_figures(text: str | None, camera: str) -> dict[str, Any] | None:
    """Return the figures of one camera in a report; None if the report has none."""
    try:
        figures = json.loads(text or "")["cameras"][camera]
    except (ValueError, KeyError, TypeError):
        return None
    return figures if isinstance(figures, dict) else None
