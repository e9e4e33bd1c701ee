"""Judges what the running agent says about itself in its status file."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from agent.core.diagnosis.finding import Finding, fail, ok, unknown, warn

STALE_S = 30.0
"""The agent writes its report every few seconds, so an older one means that the agent hangs or has ended."""


_LOG = "its log says more: `journalctl -u edge-agent -b`"
_ADVICE = {
    "uplink": "see the findings of broker-1 and after it; if there are none, look again in a minute",
    "centre": "call the centre: somebody must have its page open, under one of the names in [centre] names",
    "service": "fix what it names",
    "storage": "see the finding of disk",
    "commands": "see the finding of keys",
    "self-test": "fix the step that it names; it tests again at night, or by `edge-centre command ... self-test`",
    "siren": "check the siren's wire and [siren] pin",
    "config": "`sudo edge-agent config-reset` discards the remote settings",
    "echo": "look again in a minute; if it stays, tell the office that its broker delivers nothing",
    "pins": "see the finding of pins",
    "lights": "see the finding of pins",
    "input": "see the finding of pins; then check the cable and the contact of {which}",
    "camera": "see the finding of camera-{which}",
    "sight": "see the finding of camera-{which}",
    "model": "see the finding of model-{which}",
    "delegate": "see the finding of model-{which}",
    "recorder": "see the finding of recording-{which}",
    "uploads": "see the finding of uploads",
    "data": "see the finding of data",
}
"""What to do about a part that does not work, by its name or the word before its first hyphen."""


_CALLED = {
    "uplink": "its connection to the broker",
    "echo": "its echo through the broker",
    "centre": "the command centre",
    "service": "its service to the public",
    "commands": "the keys for commands",
    "config": "the remote settings",
}
"""Parts whose names a technician meets nowhere else: the doctor has no check of that name."""
_CAUSES = frozenset({"uplink", "centre", "self-test"})
"""Parts for which a kiosk is out of service."""


def judge_unit(active: str, sub: str, restarts: int, *, enrolled: bool = True) -> list[Finding]:
    """Judge the service while no agent runs on this state directory. The first arguments are in systemd's words."""
    log = "`journalctl -u edge-agent -b` says why; its last line is the reason"
    if active == "failed" or sub == "auto-restart" or (active == "activating" and restarts):
        again = f"started again {restarts} time{'' if restarts == 1 else 's'}"
        return [fail(f"the service keeps ending ({active}, {sub}; {again})", log)]
    if active == "active":
        return [warn("the service runs, but not on this state directory: perhaps its disk can't be written", log)]
    if not enrolled:
        return [ok("the service is not running: it is started when the device is enrolled")]
    start = "`sudo systemctl enable --now edge-agent`, when everything else works"
    return [warn(f"the service is not running ({active}, {sub}): no press is heard", start)]


def judge_settings(text: str | None, digest: str) -> list[Finding]:
    """Judge whether the agent runs with the settings that the files have now, whose digest this is."""
    try:
        runs_with = _read(text)["settings"]
    except (ValueError, KeyError, TypeError):  # of an earlier version, too
        return []
    if not isinstance(runs_with, str) or runs_with == digest:
        return []
    return [
        fail(
            "the settings have changed since the agent started: it still runs with the old ones",
            "`sudo systemctl restart edge-agent`, when no alarm is open",
        )
    ]


def judge_report(text: str | None, now_boottime_ns: int, following: Collection[str] = ()) -> list[Finding]:
    """Judge the agent's report. `text` is None if there is no file, or it may not be read. The parts `following`
    are left out: another check has already reported the cause."""
    if text is None:
        return [unknown("the agent's report can't be read", "run the doctor with sudo")]
    try:
        report: dict[str, Any] = _read(text)
        age_s = (now_boottime_ns - int(report["boottime_ns"])) / 1e9
        lost = {str(name): part for name, part in report["parts"].items() if not part["ok"]}
        if set(lost) & _CAUSES:
            lost.pop("service", None)  # it only says what follows from them
        told = sorted(set(lost) - set(following), key=lambda name: (name not in _CAUSES, name))
        broken = [_broken(name, lost[name]) for name in told]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return [unknown("the agent's report can't be understood", "is the agent of the same version as the doctor?")]
    if not 0 <= age_s <= STALE_S:
        since = f"for {age_s:.0f} s" if age_s > 0 else "since the boot"
        return [fail(f"the agent has not reported {since}", "see its log: `journalctl -u edge-agent -b`")]
    others = "all its parts" if len(told) == len(lost) else "its other parts"
    return broken or [ok(f"the agent reports that {others} work ({len(report['parts']) - len(lost)})")]


def _read(text: str | None) -> Any:
    """Return the report, which the agent's user can forge. Raises ValueError."""
    try:
        return json.loads(text or "")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _broken(name: str, part: Mapping[str, Any]) -> Finding:
    tell = warn if part.get("transient") else fail
    detail = str(part["detail"] or "it does not work")
    do = _advice(name)
    if name == "uplink" and detail.count(": "):  # the reason that a connection has ended says what to do
        detail, _, do = detail.rpartition(": ")
    return tell(f"the agent reports a problem with {_CALLED.get(name, name)}: {detail}", do)


def _advice(name: str) -> str:
    kind, _, which = name.partition("-")
    known = _ADVICE.get(name) or _ADVICE.get(kind, _LOG)
    return known.format(which=which)


def why_it_rests(text: str | None, part: str) -> str | None:
    """Return why a part does not work although nothing is broken; None if it works, is broken or unknown."""
    try:
        state = _read(text)["parts"][part]
        return str(state["detail"]) if not state["ok"] and state["transient"] else None
    except (ValueError, KeyError, TypeError):
        return None


def part_trouble(text: str | None, part: str) -> str | None:
    """Return what is wrong with a part; empty if it works, None if the report does not say."""
    try:
        state = _read(text)["parts"][part]
        return "" if state["ok"] else str(state["detail"])
    except (ValueError, KeyError, TypeError):
        return None


def says_connected(text: str | None, broker: str) -> str | None:
    """Return None unless the agent says that it is connected to this broker and that the broker takes its messages.

    If it is, return the protocol and the reason if that is older than MQTT 5, else an empty text.
    """
    try:
        uplink = _read(text)["parts"]["uplink"]
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
        figures = _read(text)[field]
    except (ValueError, KeyError, TypeError):
        return None
    return figures if isinstance(figures, dict) else None


def camera_figures(text: str | None, camera: str) -> dict[str, Any] | None:
    """Return the figures of one camera in a report; None if the report has none."""
    try:
        figures = _read(text)["cameras"][camera]
    except (ValueError, KeyError, TypeError):
        return None
    return figures if isinstance(figures, dict) else None
