"""Turns messages into lines that a person can read."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from agent.contract.camera_events import EVENTS
from edge_centre.library import do_not, printable


def readable(topic: str, payload: bytes) -> str:
    """Return one line: the time, what happened, and the figures that matter. Any topic, any payload."""
    return printable(_line(topic, payload))


def _line(topic: str, payload: bytes) -> str:
    levels = topic.split("/up/", 1)[-1].split("/")
    name = levels[0] if levels[0] in {"result", "snapshot", "live"} else "/".join(levels[:2])
    try:
        envelope = json.loads(payload)
        data = envelope["data"]
        clock = str(envelope["time"])[11:23]
        seq = envelope["seq"]
    except (ValueError, KeyError, TypeError, RecursionError):
        kind = "picture" if payload[:2] == b"\xff\xd8" else "message"
        return f"{'':12} {name:26} {kind} of {len(payload)} bytes for {levels[-1]}"
    try:
        if of_alarms := _SAY_OF_ALARMS.get(levels[0]):
            text = of_alarms(data, envelope.get("monoms"))
        elif levels[0] == "evidence":
            text = _evidence(envelope["type"].split(".")[2], data)
        else:
            text = (_SAY.get("/".join(levels[:2])) or _SAY.get(levels[0], _plain))(data)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):  # anyone can publish
        text = _plain(data)
    late = " (sent late)" if isinstance(data, dict) and data.get("historical") else ""
    return f"{clock} {name:26} #{seq} {text}{late}"


def _alarm(data: dict[str, Any], monoms: Any) -> str:
    earnest = "" if data["status"] == "actual" else f"{data['status'].upper()}, not a real alarm: "
    text = f"{earnest}{data['kind']} {data['stage'].upper()}, presses {data['press_count']}"
    for count in ("repeats", "reraised"):
        text += f", {count} {data[count]}" if data.get(count) else ""
    if latency := ", ".join(f"{stage} after {ms} ms" for stage, ms in data["latency_ms"].items()):
        text += f" ({latency})"
    text += ", not on its disk yet" if data.get("durable") is False else ""
    text += _answers(data, monoms)
    camera = data.get("camera")
    if camera and camera.get("persons") is not None:
        text += f", camera {camera['name']} sees {camera['persons']}"
    if camera and (closed_in := camera.get("converging")) is not None:
        text += f", of whom {closed_in['people']} have closed in on one, it seems: look and judge"
    return f"{_warning(data)}{text}, id {data['alarm_id']}"


def _warning(data: dict[str, Any]) -> str:
    return f"{words} " if data["stage"] != "closed" and (words := do_not(data)) else ""


def _answers(data: dict[str, Any], monoms: Any) -> str:
    """Return who has an alarm, who was sent now and before, when it raises itself again, and who closed it and why.

    `monoms` is that of the message.
    """
    is_closed = data["stage"] == "closed"
    told = data.get("answered_by") or {}
    text = f", {_who(data['held_by'])} {'had' if is_closed else 'has'} it" if data.get("held_by") else ""
    if unit := told.get("dispatched", {}).get("unit"):
        text += f", {unit} sent by {_who(told['dispatched'])}"
    if before := data.get("sent_before"):
        text += f", {before.get('unit') or 'somebody'} SENT BEFORE by {_who(before)} at {before['at'][11:19]}"
    if (due := data.get("raises_again_monoms")) is not None:
        text += f", raises itself again in {(due - monoms) / 1000:.0f} s"
    if closed := told.get("closed"):
        why = ", ".join(filter(None, (closed.get("reason"), closed.get("note"))))
        text += f", closed by {_who(closed)}{': ' if why else ''}{why}"
    return text


def _who(answer: dict[str, Any]) -> str:
    return f"{answer['by']} ({answer['issuer']})" if answer.get("by") else str(answer["issuer"])


def _state(data: dict[str, Any]) -> str:
    will = " (its will, written when it connected)" if data["state"] == "lost" else ""
    return f"{data['state'].upper()}, agent {data['agent_version']}, bdseq {data['bdseq']}{will}"


def _alarms(data: dict[str, Any], monoms: Any) -> str:
    names = ", ".join(
        f"{_warning(alarm)}{alarm['input']} {alarm['stage']}{_answers(alarm, monoms)}, id {alarm['alarm_id']}"
        for alarm in data["open"]
    )
    return f"{len(data['open'])} open{': ' if names else ''}{names}"


def _camera_event(sentence: str, data: dict[str, Any]) -> str:
    zone = f", {data['zone']}" if data.get("zone") else ""
    lasted = {"lasted": f"{data['duration_ms'] / 1000:.1f} s"} if "duration_ms" in data else {}
    doubt = " (the clock is not set: it may be open)" if data.get("closed_by") == "unknown-clock" else ""
    unseen = " (nobody saw the end: the camera process has ended)" if data.get("unseen") else ""
    return f"camera {data['camera']}{zone}: {sentence.format(**data, **lasted)}{doubt}{unseen}"


def _line_count(data: dict[str, Any]) -> str:
    both = f"{data['left_to_right']} left to right, {data['right_to_left']} right to left"
    return f"camera {data['camera']}: {data['line']} in the hour from {data['hour']}: {both}"


def _part_degraded(data: dict[str, Any]) -> str:
    return f"{data['part']} does not work: {data['detail']}"


def _out_of_service(data: dict[str, Any]) -> str:
    return f"OUT OF SERVICE: {', '.join(data['reasons'])}"


def _in_service(data: dict[str, Any]) -> str:  # noqa: ARG001 - the other functions use it
    return "in service again"


def _input_fault(data: dict[str, Any]) -> str:
    return f"{data['input']}: {data['fault']}{'' if data['active'] else ' is over'}, {data['detail']}"


def _condition(data: dict[str, Any]) -> str:
    codes = data["codes"]
    state = "FAILED" if data["active"] else "well"
    return f"{data['kind']} {state} ({data['input']}, {codes['contact_id']} {codes['sia']})"


def _camera_tamper(data: dict[str, Any]) -> str:
    state = "" if data["active"] else f" is over after {data['duration_ms'] / 1000:.0f} s"
    return f"camera {data['camera']}: {data['kind'].upper()}{state}, {data['detail']}"


def _hardly_able_to_see(data: dict[str, Any]) -> str:
    state = "" if data["active"] else f" is over after {data['duration_ms'] / 1000:.0f} s"
    return f"camera {data['camera']}: {data['reason'].upper()}{state}, {data['detail']}"


def _time_correction(data: dict[str, Any]) -> str:
    quality = f"{data['timeq_before']} before, {data['timeq_after']} now"
    return f"the clock was set by {data['offset_ms'] / 1000:+.3f} s; {quality}"


def _self_test(data: dict[str, Any]) -> str:
    failed = "; ".join(f"{step['name']}: {step['detail']}" for step in data["steps"] if not step["ok"])
    return f"{data['outcome'].upper()}, {len(data['steps'])} steps{': ' if failed else ''}{failed}"


def _siren(data: dict[str, Any]) -> str:
    failed = "" if data["driven"] else ", BUT ITS PIN DID NOT FOLLOW"
    return f"{data['input']}: {data['reason']}{failed}, {data['sounded_ms'] / 1000:.0f} s so far, id {data['alarm_id']}"


def _part_restored(data: dict[str, Any]) -> str:
    return f"{data['part']} works again"


def _commissioning(data: dict[str, Any]) -> str:
    report = data["report"]
    verdicts = [step["verdict"] for step in report["steps"]]
    counts = ", ".join(f"{verdicts.count(each)} {each}" for each in dict.fromkeys(verdicts))
    return f"commissioning {report['verdict'].upper()} by {report['by']['issuer']} ({counts}), report {report['id']}"


def _evidence(change: str, data: dict[str, Any]) -> str:
    if change == "wanted":
        return f"camera {data['camera']}: {len(data['objects'])} segments wait for a URL, clip {data['clip']}"
    if "object" in data:
        size = f" ({data['bytes'] / 1e6:.1f} MB, {data['begins']} to {data['ends']})" if "begins" in data else ""
        return f"{change.upper()} {data['object']}{size}{f': {why}' if (why := data.get('reason')) else ''}"
    if "clip" not in data:
        return f"camera {data['camera']}: the chain has {data['chain']['seq']} entries"
    reason = f": {data['reason']}" if data.get("reason") else ""
    before = f", {data['before_s']:.1f} s before it was wanted" if "before_s" in data else ""
    size = f", {data['bytes'] / 1e6:.1f} MB" if "bytes" in data else ""
    alarm = f", for alarm {data['alarm_id']}" if "alarm_id" in data else ""
    return f"camera {data['camera']}: recording {change.upper()}{reason}{before}{size}{alarm}, clip {data['clip']}"


def _health(data: dict[str, Any]) -> str:
    broken = [name for name, part in data["parts"].items() if part["state"] != "ok"]
    cameras = ", ".join(f"{name} {_camera(figures)}" for name, figures in data["cameras"].items())
    text = f"{data['status'].upper()}{': ' if broken else ''}{', '.join(broken)}"
    return f"{text}, memory {data['memory_bytes'] / 1e6:.0f} MB{', ' if cameras else ''}{cameras}"


def _camera(figures: dict[str, Any]) -> str:
    tampers = "".join(f" {tamper['kind'].upper()}" for tamper in figures.get("tampers", ()))
    hardly_able = " HARDLY ABLE TO SEE" if "hardly_able_to_see" in figures else ""
    return f"{figures.get('frames_per_second', 0):.1f} frames/s{tampers}{hardly_able}"


def _security(data: dict[str, Any]) -> str:
    return f"{data['severity'].upper()}: {data['text']}"


def _result(data: dict[str, Any]) -> str:
    return f"{data['name']} {data['status'].upper()} ({data['code']}): {data['text']}"


def _meta(data: dict[str, Any]) -> str:
    inputs = ", ".join(item["name"] for item in data["inputs"]) or "none"
    cameras = ", ".join(item["name"] for item in data["cameras"]) or "none"
    return f"inputs: {inputs}; cameras: {cameras}"


def _plain(data: Any) -> str:
    return json.dumps(data)[:200]


_SAY_OF_ALARMS: dict[str, Callable[[Any, Any], str]] = {"alarm": _alarm, "alarms": _alarms}
_SAY: dict[str, Callable[[Any], str]] = {
    "state": _state,
    "meta": _meta,
    **{f"event/{name}": partial(_camera_event, event.sentence) for name, event in EVENTS.items()},
    "event/line-count": _line_count,
    "event/part-degraded": _part_degraded,
    "event/part-restored": _part_restored,
    "event/time-correction": _time_correction,
    "event/input-fault": _input_fault,
    "event/tamper": _condition,
    "event/power": _condition,
    "event/camera-tamper": _camera_tamper,
    "event/hardly-able-to-see": _hardly_able_to_see,
    "event/self-test": _self_test,
    "event/siren-sounded": _siren,
    "event/siren-stopped": _siren,
    "event/out-of-service": _out_of_service,
    "event/in-service": _in_service,
    "commissioning": _commissioning,
    "health": _health,
    "security": _security,
    "result": _result,
}
