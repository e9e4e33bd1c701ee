"""The steps of a walk, from what a device has. Pure.

An act waits for lines of the tap: envelopes as the device publishes them, and lines that only the tap has (`lamps` with
`lit`, `siren`, `path`, `started`). A pattern is a part of such a line; where it has a tuple, any of its values will do.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agent.contract.kinds import KINDS
from agent.core.wiring import ConditionRules

Pattern = Mapping[str, Any]

TEST_S = 120.0
"""How long test mode lasts without a renewal: so long it outlives a phone that has left."""
_RAISED, _UPDATED = KINDS["alarm-raised"].type, KINDS["alarm-updated"].type
_ANSWER_S = 600.0
"""How long a technician may take for a question, and for work with a tool."""
_CENTRE_S = 600.0
"""How long a person at the centre may take."""
_LOOK_S = 120.0
_CUT_S = 900.0
"""How long a power cut may take, with the start after it."""
_SELF_TEST_S = 300.0
_IDENTIFY_S = 10.0


@dataclass(frozen=True, slots=True)
class Button:
    """A button, as far as a technician can try it."""

    name: str
    silent: bool = False
    supervised: bool = False
    hold_s: float = 0.0
    stuck_after_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera, with how much is drawn over its view."""

    name: str
    zones: int = 0
    lines: int = 0
    masks: int = 0


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a device has."""

    source: str
    """Its whole name, `/edge/{province}/{site}/{device}`."""
    place: str = ""
    """Where it stands, for a person."""
    serial: str = ""
    """Of its board; empty if that can't be read."""
    buttons: tuple[Button, ...] = ()
    conditions: tuple[ConditionRules, ...] = ()
    outputs: frozenset[str] = frozenset()
    """The lights that are wired (`yellow`, `green`, `beacon`, `tone`), and `siren`."""
    cameras: tuple[Camera, ...] = ()
    brokers: tuple[str, ...] = ()
    """Their addresses, in the order in which they are tried."""
    unconfirmed_after_s: float = 30.0
    return_after_s: float = 300.0
    """How long after a move to another broker the first one is tried again."""


@dataclass(frozen=True, slots=True)
class Order:
    """A command that the technician's key must sign: the contract's name and arguments, and the id of its result."""

    name: str
    args: Mapping[str, Any]
    id: str = ""
    """Given when it goes out."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that the technician does, and what shows that it worked."""

    say: str
    """The sentence for the technician."""
    seconds: float
    """How long it may take."""
    until: tuple[Pattern, ...] = ()
    """What must be heard, in any order. Without any it is a question, and the technician answers yes or no."""
    never: tuple[tuple[Pattern, str], ...] = ()
    """What must not be heard, and what that means."""
    order: Order | None = None
    """Sent when the act begins. If its result is that it has failed, so has the step."""
    keep: tuple[str, ...] = ()
    """The fields of the data of what is heard that go into the report."""
    restarts: bool = False
    """Done when the machine has started again after a power cut, instead of by `until`."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a walk. It has passed when all its acts have."""

    id: str
    title: str
    """What is tried, for the report."""
    acts: tuple[Act, ...]
    keep_up: Order | None = None
    """Sent before the first act, and again for as long as the step lasts. It has an argument `seconds`."""
    figures: tuple[tuple[str, int], ...] = ()
    """What the settings say of it, for the report."""
    device: str = ""
    """Whose step it is: the device's whole name, and its board's serial number."""

    @property
    def is_heard(self) -> bool:
        """Whether the device itself hears that it has passed; else only the technician can say so."""
        return any(act.until or act.restarts for act in self.acts)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The buttons that are in test mode meanwhile."""
        return () if self.keep_up is None else tuple(self.keep_up.args.get("inputs", ()))

    @property
    def digest(self) -> str:
        """What tells this step from one of the same name after a change of the settings, or of another device."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


def plan(has: Equipment) -> tuple[Step, ...]:
    """Return the steps for this device, in the order in which they are walked."""
    device = f"{has.source} {has.serial}".rstrip()
    return tuple(replace(step, device=device) for step in _steps(has))


def matches(pattern: Any, line: Any) -> bool:
    """Return whether a line has everything that the pattern asks for."""
    if isinstance(pattern, Mapping):
        return isinstance(line, Mapping) and all(key in line and matches(pattern[key], line[key]) for key in pattern)
    if isinstance(pattern, tuple):
        return any(matches(each, line) for each in pattern)
    return bool(pattern == line) and isinstance(pattern, bool) is isinstance(line, bool)


def _steps(has: Equipment) -> Iterator[Step]:
    yield _label(has)
    yield _self_test()
    if "siren" in has.outputs:
        yield _siren()
    for button in has.buttons:
        yield _button(button, has)
        if button.supervised:
            yield _contacts(button)
    audible = [button for button in has.buttons if not button.silent]
    if audible and "tone" in has.outputs:
        yield _tone(audible[0], has)
    for condition in has.conditions:
        yield _condition(condition)
    for camera in has.cameras:
        yield from _camera(camera)
    yield _paths(has)
    cut = Act(_PULL, _CUT_S, restarts=True)
    yield Step("power-cut", "Power cut and return", (cut,))
    if len(has.brokers) > 1:
        yield _back(has)
    if audible:
        yield _answer(audible[0], has)


_PULL = "Cut the power of the whole device, with its battery, and switch it on again. A restart does not count."


def _label(has: Equipment) -> Step:
    flashes = has.outputs & {"yellow", "green", "beacon"}
    who = f"This is {has.source.removeprefix('/edge/')}"
    who += f", board {has.serial}" if has.serial else ""
    who += f", {has.place}" if has.place else ""
    seen = "Do the lamps in front of you flash fast, and does the label say the same?" if flashes else ""
    question = Act(f"{who}. {seen or 'Does the label in front of you say the same?'}", _ANSWER_S)
    return Step(
        "label",
        "Label, serial number and place",
        (question,),
        Order("identify", {"seconds": _IDENTIFY_S}) if flashes else None,
    )


def _self_test() -> Step:
    return Step("self-test", "Self-test, up to an answer of the centre", (_tests_itself({}),))


def _tests_itself(args: Mapping[str, Any]) -> Act:
    passed = {"type": KINDS["self-test"].type, "data": {"outcome": "passed", "reason": "command"}}
    return Act(
        "The device tests itself, up to an answer of the centre. Wait: this may take two minutes.",
        _SELF_TEST_S,
        until=(passed,),
        order=Order("self-test", args),
        keep=("steps",),
    )


def _siren() -> Step:
    warn = Act("Next the siren sounds for a third of a second. Do all who stand near know?", _ANSWER_S)
    test = _tests_itself({"siren": True})
    say = "The device tests itself again, and sounds its siren in a moment. Listen, and wait."
    sound = replace(test, say=say, until=({"siren": True}, *test.until))
    asks = Act("Did you hear the siren?", _ANSWER_S)
    return Step("siren", "Siren, sounded for a moment", (warn, sound, asks))


def _testing(button: Button) -> Order:
    return Order("test-mode", {"inputs": [button.name], "seconds": TEST_S})


def _raised(button: Button) -> Pattern:
    return {"type": _RAISED, "data": {"input": button.name, "status": "test"}}


def _press(button: Button) -> str:
    return f"hold it for {button.hold_s:g} s" if button.hold_s else "press it once"


def _button(button: Button, has: Equipment) -> Step:
    fault = {"type": KINDS["input-fault"].type, "data": {"input": button.name, "active": True}}
    never = ((fault, "the button has a fault: look at its wires"),)
    until = [_raised(button)]
    questions = []
    if button.silent:
        # Only the technician can tell: the lamps may have changed for somebody who pressed another button in earnest.
        if has.outputs:
            questions.append(Act("Did all lamps stay as they were?", _ANSWER_S, never=never))
    else:
        until.append({"lamps": {"yellow": ("on", "fast-flash"), "beacon": "flash"}})
        if "yellow" in has.outputs:
            questions.append(Act("Is yellow lit?", _ANSWER_S, never=never))
    say = f"The button {button.name!r}: {_press(button)}, and let go."
    press = Act(say, _LOOK_S, tuple(until), never, keep=("alarm_id", "kind", "status"))
    title = f"Button {button.name}, pressed in test mode"
    return Step(f"button-{button.name}", title, (press, *questions), _testing(button))


def _contacts(button: Button) -> Step:
    def told(active: bool) -> Pattern:
        data = {"input": button.name, "fault": "open", "active": active}
        return {"type": KINDS["input-fault"].type, "data": data}

    seconds = button.stuck_after_s
    say = f"The button {button.name!r}: unplug its cable for at least {seconds + 5:g} s, then plug it in again."
    act = Act(say, seconds + _ANSWER_S, (told(True), told(False)), keep=("fault", "active"))
    return Step(f"contacts-{button.name}", f"Button {button.name}, its cable unplugged", (act,), _testing(button))


def _tone(button: Button, has: Equipment) -> Step:
    say = f"Ask the centre to leave the next test alone. The button {button.name!r}: {_press(button)}, and wait "
    say += f"{has.unconfirmed_after_s:g} s."
    wait = Act(say, has.unconfirmed_after_s + _LOOK_S, (_raised(button), {"lamps": {"tone": "on"}}), keep=("alarm_id",))
    asks = Act("Do you hear the sounder?", _ANSWER_S)
    return Step("tone", "Sounder, when nobody confirms a press", (wait, asks), _testing(button))


_DO = {
    "mains": ("switch the mains off, and wait", "Switch the mains on again, and wait"),
    "battery": ("disconnect the battery, and wait", "Connect the battery again, and wait"),
}


def _condition(condition: ConditionRules) -> Step:
    name, delay_s, restore_s = condition.name, condition.delay_s, condition.restore_s
    heard = KINDS["tamper" if condition.kind == "tamper" else "power"].type

    def told(active: bool) -> Pattern:
        return {"type": heard, "data": {"input": name, "active": active}}

    acts: tuple[Act, ...]
    if condition.kind == "tamper":  # which may stand open now, with the technician in front of it
        say = f"The contact {name!r}: open what it guards, and close it again after {max(delay_s, restore_s) + 2:g} s."
        acts = (Act(say, delay_s + restore_s + _ANSWER_S, (told(True), told(False)), keep=("active", "codes")),)
    else:
        off, on = _DO[condition.kind]
        acts = (
            Act(f"The contact {name!r}: {off} {delay_s:g} s.", delay_s + _ANSWER_S, (told(True),), keep=("codes",)),
            Act(f"{on} {restore_s:g} s.", restore_s + _ANSWER_S, (told(False),), keep=("codes",)),
        )
    return Step(f"input-{name}", f"Contact {name}", acts)


def _camera(its: Camera) -> Iterator[Step]:
    camera = its.name
    drawn = (("zones", its.zones), ("lines", its.lines), ("masks", its.masks))
    counts = ", ".join(f"{word} {count}" for word, count in drawn)
    say = f"The camera {camera!r} ({counts}): does it look where it should, and does the site's plan say the same?"
    title = f"Camera {camera}: view, zones and masks"
    yield Step(f"camera-{camera}-view", title, (Act(say, _ANSWER_S),), figures=drawn)
    entered = {"type": KINDS["person-entered"].type, "data": {"camera": camera}}
    say = f"Walk through the view of the camera {camera!r}, where it should see people."
    walk = Act(say, _ANSWER_S, (entered,), keep=("zone", "score"))
    yield Step(f"camera-{camera}-sees", f"Camera {camera}: a person walks in", (walk,))

    def covered(active: bool) -> Pattern:
        data = {"camera": camera, "kind": "covered", "active": active}
        return {"type": KINDS["camera-tamper"].type, "data": data}

    cover = Act(f"Hold a cloth over the lens of the camera {camera!r}.", _LOOK_S, (covered(True),), keep=("detail",))
    uncover = Act("Take the cloth away.", _LOOK_S, (covered(False),), keep=("duration_ms",))
    yield Step(f"camera-{camera}-covered", f"Camera {camera}: its lens is covered", (cover, uncover))


_LOST: Pattern = {"path": {"up": False}}
_PATHS = "Ways to the brokers, the first one cut"


def _paths(has: Equipment) -> Step:
    first, *others = has.brokers
    if not others:
        back: Pattern = {"path": {"broker": first, "up": True}}
        cut = Act("Unplug the network, and wait until the device has lost the broker.", _ANSWER_S, (_LOST,))
        mend = Act("Plug it in again, and wait until the device is back.", has.return_after_s + _ANSWER_S, (back,))
    else:
        gone: Pattern = {"path": {"broker": tuple(others), "up": True}}
        cut = Act(
            f"Cut the way to {first} alone, at the router or by the office. Wait until another broker has taken over.",
            _ANSWER_S,
            (gone,),
        )
        mend = Act("Open that way again. Is it open?", _ANSWER_S)
    return Step("paths", _PATHS, (cut, mend))


def _back(has: Equipment) -> Step:
    """After the power cut, since a device that has started tries the first broker at once, and a running one waits."""
    first = has.brokers[0]
    say = f"Wait until the device is at {first} again; if nobody cuts its power that takes {has.return_after_s:g} s."
    until: Pattern = {"path": {"broker": first, "up": True}}
    return Step("paths-back", "Back at the first broker", (Act(say, has.return_after_s + _ANSWER_S, (until,)),))


def _answer(button: Button, has: Equipment) -> Step:
    data = {"input": button.name, "status": "test", "stage": "registered"}
    lamps: dict[str, Any] = {"lamps": {"yellow": "on", "green": "on"}}
    if "green" in has.outputs:
        lamps["lit"] = {"green": True}
    say = f"Ask the centre to answer the next test. The button {button.name!r}: {_press(button)}, and wait for green."
    wait = Act(say, _CENTRE_S, (_raised(button), {"type": _UPDATED, "data": data}, lamps), keep=_KEPT_OF_ANSWER)
    asks = (Act("Is green lit?", _ANSWER_S),) if "green" in has.outputs else ()
    return Step("answer", "A person at the centre answers", (wait, *asks), _testing(button))


_KEPT_OF_ANSWER = ("alarm_id", "stage", "latency_ms", "answered_by")
