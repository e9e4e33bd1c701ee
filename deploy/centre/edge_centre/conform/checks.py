"""What a device must do: a table of checks, in the order in which they are made; each docstring says what is looked at.

A check raises Wrong with what is wrong, or NotTried. Those about an alarm go on with the alarm of `press`.
"""

import re
import threading
import time
from itertools import pairwise, takewhile
from typing import Any
from uuid import UUID

from agent.contract.kinds import KINDS
from agent.trust.jose_keys import sign
from edge_centre.conform.forgeries import FORGERIES, Forged, Forgery
from edge_centre.conform.oversize import FAULT
from edge_centre.conform.subject import BIRTH, PATIENCE_S, Said, Subject, run
from edge_centre.conform.verdict import NothingMoreError, NotTried, Wrong
from edge_centre.library.notices import HoleFound, Unreadable
from edge_centre.library.record import HOLE_AFTER_S

_JUMP = 1000
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
_ONE, _OTHER = "Conform One", "Conform Two"
_KINDS = {kind.type: kind for kind in KINDS.values()}


def present(s: Subject) -> None:
    """What it has retained: a birth, what it has, and its open alarms, of which there is none."""
    missing = [level for level in BIRTH if s.find(level) is None]
    if missing:
        raise Wrong(*(f"has nothing retained on up/{level}" for level in missing))
    if s.said("state")[-1].data.get("state") != "online":
        raise Wrong("is not online")
    if s.said("alarms")[-1].data.get("open"):
        raise NothingMoreError("has an open alarm: close it first")


def press(s: Subject) -> None:
    """A press: an alarm, and its place in the list of open alarms."""
    since = s.now()
    s.press()
    said = s.find("alarm/", lambda each: each.data.get("input") != "self-test", since, s.press_within_s)
    if said is None:
        raise NothingMoreError("says nothing of a press")
    s.alarm_id = str(said.data.get("alarm_id"))
    faults = []
    if said.envelope.get("type") != "edge.alarm.raised.v1" or said.data.get("stage") != "raised":
        faults.append("does not begin an alarm with raised")
    if said.data.get("press_count") != 1:
        faults.append("does not begin an alarm with one press")
    if said.data.get("historical") is not False:
        faults.append("calls a press that was just made historical")
    if s.find("alarms", lambda each: _lists(each, s.alarm_id), since) is None:
        faults.append("does not list the alarm in up/alarms")
    if faults:
        raise Wrong(*faults)


def further_press(s: Subject) -> None:
    """A further press: the same alarm with a higher press_count."""
    since = s.now()
    s.press()
    said = s.find("alarm/", lambda each: each.data.get("press_count") != 1, since, s.press_within_s)
    if said is None:
        raise Wrong("does not tell of a further press")
    if said.data.get("alarm_id") != s.alarm_id:
        raise Wrong("makes another alarm of a further press")


def refusals(s: Subject) -> None:
    """Acks and commands that are forged, late, replayed, or of a wrong form: none counts, each is answered."""
    since = s.now()
    sent: list[tuple[Forgery, Forged]] = []
    for forgery in FORGERIES:
        made = forgery.make(s) if s.is_clock_set or not forgery.wants_clock else None
        if made is not None:
            s.send(made.level, made.payload)
            sent.append((forgery, made))
    end_s = time.monotonic() + PATIENCE_S
    results = [s.result(made.cmd_id, made.payload, since, max(0.0, end_s - time.monotonic())) for _, made in sent]
    if not any(results):
        raise NothingMoreError("answers no ack that it must refuse")
    faults = [_fault_of(forgery, result) for (forgery, _), result in zip(sent, results, strict=True)]
    if any(each.level.startswith("alarm/") and each.data.get("stage") == "registered" for each in s.said()[since:]):
        faults.append("shows green for an ack that it must refuse")
    if any(faults):
        raise Wrong(*filter(None, faults))


def _fault_of(forgery: Forgery, result: dict[str, Any] | None) -> str:
    if result is None:
        return f"does not answer {forgery.what}"
    if result.get("status") != "rejected":
        return f"takes {forgery.what}"
    is_right = result.get("code") == forgery.code
    return "" if is_right else f"refuses {forgery.what} with {result.get('code')}, not {forgery.code}"


def registered(s: Subject) -> None:
    """A right ack: the stage, and who has the alarm."""
    since = s.now()
    result = s.ack("registered", by=_ONE)
    output = result.get("output", {})
    said = s.find("alarm/", lambda each: each.data.get("stage") == "registered", since)
    faults = []
    if output != {**output, "alarm_id": s.alarm_id, "action": "registered", "stage": "registered"}:
        faults.append("does not say in the result which alarm is at which stage")
    if said is None:
        faults.append("does not say that the alarm is registered")
    elif _holder(said) != _ONE or said.data.get("held_by", {}).get("issuer") != s.key.issuer:
        faults.append("does not say who has the alarm")
    if faults:
        raise Wrong(*faults)


def once(s: Subject) -> None:
    """An ack that comes again, signed again: the same result, and nothing new of the alarm."""
    first = s.ack("dispatched", by=_ONE, unit="Unit One")
    args = {"alarm_id": s.alarm_id, "action": "dispatched", "by": _ONE, "unit": "Unit Two"}
    since = s.now()
    again = s.executed("ack", args, cmd_id=first["command_id"])
    if (again.get("status"), again.get("code")) != (first["status"], first["code"]):
        raise Wrong("answers a cmd_id that comes again with another result")
    s.executed("ping", {})
    if any(each.level.startswith("alarm/") and "Unit Two" in str(each.data) for each in s.said()[since:]):
        raise Wrong("executes a cmd_id a second time")


def another_person(s: Subject) -> None:
    """Somebody else registers, and then takes over."""
    result = s.ack("registered", ["already-registered"], by=_OTHER)
    if result.get("output", {}).get("held_by", {}).get("by") != _ONE:
        raise Wrong("does not name the holder to somebody who comes second")
    since = s.now()
    s.ack("take-over", by=_OTHER)
    s.await_("does not tell of a take-over", "alarm/", lambda each: _holder(each) == _OTHER, since)


def pressed_since(s: Subject) -> None:
    """A close that knows of fewer presses than there were."""
    since = s.now()
    s.ack("closed", ["pressed-since"], press_count=1)
    said = s.await_("does not raise the alarm again", "alarm/", lambda each: each.data.get("reraised") == 1, since)
    if said.data.get("held_by") is not None:
        raise Wrong("leaves an alarm with its holder that raises itself again")


def closed(s: Subject) -> None:
    """A right close, and an ack after it."""
    since = s.now()
    presses = max(each.data.get("press_count", 0) for each in s.said("alarm/"))
    s.ack("closed", ["ok", "not-durable"], press_count=presses, reason="test", by=_ONE)
    said = s.await_("does not say that it is closed", "alarm/", lambda each: each.data.get("stage") == "closed", since)
    if said.data.get("answered_by", {}).get("closed", {}).get("reason") != "test":
        raise Wrong("does not say who has closed an alarm, and why")
    gone = s.find("alarms", lambda each: not _lists(each, s.alarm_id), since)
    if gone is None or _lists(s.said("alarms")[-1], s.alarm_id):
        raise Wrong("lists a closed alarm as open")
    s.ack("registered", ["unknown-alarm"])


def rebirth(s: Subject) -> None:
    """The command rebirth: state, meta and open alarms again, of the same connection."""
    bdseq, since = s.said("state")[-1].data.get("bdseq"), s.now()
    s.executed("rebirth", {})
    missing = [level for level in BIRTH if s.find(level, since=since) is None]
    if missing:
        raise Wrong(*(f"does not say {level} again after rebirth" for level in missing))
    if s.said("state")[-1].data.get("bdseq") != bdseq:
        raise Wrong("has another bdseq without another connection")


def replay(s: Subject) -> None:
    """The command replay: what it said of the alarm, again, under the same id and number."""
    if "replay" not in s.said("meta")[-1].data.get("capabilities", ()):
        raise NotTried("it does not offer replay")
    known = {each.envelope["record"]: each.envelope["id"] for each in s.said("alarm/") if "record" in each.envelope}
    since, number = s.now(), min(known)
    s.executed("replay", {"first": number, "last": number})
    said = s.await_("does not replay", "alarm/", lambda each: each.envelope.get("record") == number, since)
    if (said.envelope.get("id"), said.data.get("historical")) != (known[number], True):
        raise Wrong("replays under another id, or not as historical")


def retained(s: Subject) -> None:
    """What a new subscriber gets: state, meta and alarms as they were said last, the newest report of a commissioning,
    and nothing else."""
    kept = {each.level: each for each in s.retained()}
    faults = [f"has {level} retained" for level in sorted(kept) if level not in (*BIRTH, "commissioning")]
    for level in BIRTH:
        if level not in kept:
            faults.append(f"does not retain up/{level}")
        elif kept[level].envelope.get("id") != s.said(level)[-1].envelope.get("id"):
            faults.append(f"has an old up/{level} retained")
    if faults:
        raise Wrong(*faults)


def will_and_birth(s: Subject) -> None:
    """A cut: the will of this connection, then the birth of the next; and an ack that is retained."""
    if s.cut_command is None:
        raise NotTried("takes --cut, a command that cuts the device off and lets it come back")
    birth, since = s.said("state")[-1], s.now()
    kept = s.claims("ack", {"alarm_id": "conform-retained", "action": "registered"})
    s.send("ack/conform-retained", sign(kept, s.key), retain=True)
    try:
        run(s.cut_command)
        will = s.find("state", lambda each: each.is_will, since, 60.0)
        fresh = s.find("state", lambda each: each.data.get("state") == "online", since, 60.0)
        s.executed("ping", {})  # what was retained came before it, if it was asked for
    finally:
        s.send("ack/conform-retained", b"", retain=True)
    faults = []
    if will is None:
        faults.append("leaves no will: nobody hears that it is lost")
    elif will.data.get("bdseq") != birth.data.get("bdseq"):
        faults.append("has another bdseq in its will than in the birth of that connection")
    if fresh is None:
        raise Wrong(*faults, "does not say that it is back")
    if fresh.data.get("bdseq", 0) <= birth.data.get("bdseq", 0):
        faults.append("is back without a higher bdseq")
    if fresh.envelope.get("epoch") != birth.envelope.get("epoch"):
        faults.append("is back with another epoch")
    # What it made before it was back is its answer to the ack as it was sent.
    told = [each for each in s.said("result/") if each.envelope.get("seq", 0) > fresh.envelope.get("seq", 0)]
    if any(each.data.get("command_id") == kept["cmd_id"] and each.data.get("code") != "retained" for each in told):
        faults.append("takes an ack that is retained")
    if faults:
        raise Wrong(*faults)


def too_large(s: Subject) -> None:
    """Messages as large as the broker takes, more than may be in flight, and then a command."""
    s.send_largest("command/ping")
    since = s.now()
    if s.result(s.order("ping", {}), since=since) is None:
        raise Wrong(FAULT)


def health(s: Subject) -> None:
    """Two reports of its health, one after the other, by themselves."""
    if s.find("health", lambda _: len(s.said("health")) >= 2, within_s=s.health_s + 15.0) is None:
        raise Wrong(f"does not report its health every {s.health_s:g} s")


def messages(s: Subject) -> None:
    """Every message that was heard so far: topic, form, type, data, identifier, time, QoS."""
    faults = {f"up/{_level(s, each)}: {each.reason}" for each in s.notices if isinstance(each, Unreadable)}
    for said in filter(lambda each: each.envelope, s.said()):
        faults |= {f"up/{said.level}: {fault}" for fault in _head(said)}
    if faults:
        raise Wrong(*sorted(faults))


def numbers(s: Subject) -> None:
    """The numbers of all messages that were heard: each once, none far from the others, the record without a hole."""
    threading.Event().wait(HOLE_AFTER_S + 0.5)  # a number may come so late
    s.tick()
    came = {each.envelope.get("record") for each in s.said()}  # in whatever form
    # What it had given a number to before our first press may have been sent before we listened.
    pressed = [each for each in s.said("alarm/") if not each.retain]
    before = takewhile(lambda each: each not in pressed, s.said())
    began = max((each.envelope.get("recordtop", 0) for each in before), default=0)
    began = max(began, pressed[0].envelope.get("record", 1) - 1 if pressed else 0)
    holes = [range(each.first, each.last + 1) for each in s.notices if isinstance(each, HoleFound)]
    lost = [hole for hole in holes if not came.issuperset(hole) and hole[-1] > began]
    faults = [f"says that record {hole[0]} to {hole[-1]} was delivered, and it never came" for hole in lost]
    fresh = [each for each in s.said() if not each.is_will and each.level != "alarm/self-test"]
    ids = {(e.envelope.get("epoch"), e.envelope.get("seq")): e.envelope.get("id") for e in fresh}
    if any(ids[e.envelope.get("epoch"), e.envelope.get("seq")] != e.envelope.get("id") for e in fresh):
        faults.append("gives a seq to two messages")
    live = sorted({(e.envelope.get("seq", 0), e.envelope.get("bootid")) for e in fresh if not e.retain})
    # A power cut may make it jump: then it has started again.
    if any(later - earlier >= _JUMP and boot == before for (earlier, before), (later, boot) in pairwise(live)):
        faults.append("has a seq that jumps")
    if any(e.envelope.get("recorddone", 0) > e.envelope.get("recordtop", 0) for e in fresh):
        faults.append("has a recorddone above its recordtop")
    if faults:
        raise Wrong(*faults)


def nonces(s: Subject) -> None:
    """The nonce of every message, which only a will has not."""
    live = [each for each in s.said() if not each.retain and not each.is_will and each.level != "alarm/self-test"]
    faults = {f"has no nonce in up/{each.level}" for each in live if not each.envelope.get("nonce")}
    if any(each.envelope.get("nonce") for each in s.said("state") if each.is_will):
        faults.add("has a nonce in its will")
    if faults:
        raise Wrong(*sorted(faults))


CHECKS = (
    present, press, further_press, refusals, registered, once, another_person, pressed_since, closed, rebirth, replay,
    retained, will_and_birth, too_large, health, messages, numbers, nonces,
)  # fmt: skip
ABOUT_ALL = (messages, numbers, nonces)
"""Those about what was heard."""


def _lists(said: Said, alarm_id: str) -> bool:
    return any(each.get("alarm_id") == alarm_id for each in said.data.get("open", ()))


def _holder(said: Said) -> object:
    return said.data.get("held_by", {}).get("by")


def _level(s: Subject, notice: Unreadable) -> str:
    return notice.topic.removeprefix(s.identity.up(""))


def _head(said: Said) -> list[str]:
    """What the models do not look at."""
    envelope = said.envelope
    kind = _KINDS.get(str(envelope.get("type")))
    faults = []
    if said.qos != (1 if kind is None else kind.qos):
        faults.append(f"QoS {said.qos}")
    if envelope.get("dataschema") != f"urn:edge-agent:schema:{envelope.get('type')}":
        faults.append("dataschema does not go with the type")
    if not _TIME.match(str(envelope.get("time"))):
        faults.append("time is not RFC 3339 in UTC with milliseconds and Z")
    try:
        version = UUID(str(envelope.get("id"))).version
    except ValueError:
        version = None
    if version != 7:
        faults.append("id is no UUID of version 7")
    return faults
