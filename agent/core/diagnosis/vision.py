"""Judges whether a camera's pictures and a model's speed are good enough for the settings."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.contract.vocabulary import Box, SightTrouble, TamperKind
from agent.core.diagnosis.finding import Finding, fail, ok, warn

_DARK = 8.0
"""Mean of the picture's values, 0 to 255: a street at night is above it, a lens cap is not."""
_SLOW = 0.7


@dataclass(frozen=True, slots=True)
class Pictures:
    """What was seen of a camera in a short trial."""

    width: int
    height: int
    count: int
    seconds: float
    """From the first picture to the last."""
    brightness: float

    @property
    def frames_per_second(self) -> float | None:
        """The measured rate; None if there were too few pictures."""
        return (self.count - 1) / self.seconds if self.count > 1 and self.seconds > 0 else None


def judge_pictures(seen: Pictures, wanted_per_second: float, wanted_size: tuple[int, int] | None) -> list[Finding]:
    """Judge the pictures. `wanted_per_second` and `wanted_size` (width, height) are what the settings ask for."""
    rate = seen.frames_per_second
    text = f"{seen.width}x{seen.height}" + (f", {rate:.1f} frames/s" if rate else ", one picture")
    findings = []
    if seen.brightness < _DARK:
        findings.append(warn(f"the picture is black ({text})", "remove the lens cap, or is it night without a lamp?"))
    if rate is None or rate < wanted_per_second * _SLOW:
        findings.append(
            warn(
                f"it gives {text}, and the settings ask for {wanted_per_second:g}",
                "a camera slows down in the dark; else lower frames_per_second, or the size",
            )
        )
    width, height = wanted_size or (seen.width, seen.height)
    if (width, height) != (seen.width, seen.height):
        findings.append(
            warn(
                f"it gives {text}, and the settings ask for {width}x{height}",
                "set width and height to what it gives, or to another size that it has",
            )
        )
    return findings or [ok(text)]


def judge_sight(figures: Mapping[str, Any]) -> Finding | None:
    """Judge what the running agent says of the pictures of a camera, as in its health; None if it finds them good.

    The dark is a warning: at night it may be no fault of the camera's.
    """
    kinds = [tamper["kind"] for tamper in figures.get("tampers", ())]
    if kinds == [TamperKind.DARK]:
        return warn("the running agent finds its pictures too dark to see anybody", "look again by day, or add a light")
    if kinds:
        return fail(f"the running agent reports a tamper: {', '.join(kinds)}", _advice(kinds))
    if (hardly_able := figures.get("hardly_able_to_see")) is None:
        return _judge_things(figures.get("never_moving", ()))
    what, _, do = hardly_able["detail"].partition(": ")
    what = f"the running agent is hardly able to see with it: {what}"
    if hardly_able["reason"] == SightTrouble.TOO_DARK:
        return warn(what, f"look again by day, or {do}")
    return fail(what, do)


def _judge_things(boxes: Sequence[Box]) -> Finding | None:
    if not boxes:
        return None
    places = ", ".join(dict.fromkeys(map(_place, boxes)))
    return warn(
        f"what looks like a person never moves: {places}",
        "look whether it is a statue, a poster or a shop dummy: it is not counted as a person; mask it, or turn the "
        "camera, so that nobody is overlooked in front of it",
    )


def _place(box: Box) -> str:
    """Return in words where in the picture a box is."""
    left, top, width, height = box
    across = ("left", "middle", "right")[min(max(int((left + width / 2) * 3), 0), 2)]
    down = ("upper ", "", "lower ")[min(max(int((top + height / 2) * 3), 0), 2)]
    return f"{down}{across} of the picture"


def _advice(kinds: Collection[str]) -> str:
    if {TamperKind.FROZEN, TamperKind.SIGNAL_LOST} & set(kinds):
        return "look at its cable, or its network; then take its power away and give it back"
    if TamperKind.TURNED in kinds:
        return "look where it points; if it was moved on purpose, restart the agent"
    return "look at its glass, and at what stands or shines before it"


def delegate_fails(trouble: str) -> Finding:
    """Tell why a delegate does not run the model."""
    return fail(trouble, "see docs/how-to/bring-your-own-model.md, What runs it")


def judge_speed(ms: float, runtime: str, per_second: float, trouble: str | None) -> list[Finding]:
    """Judge the speed of the model.

    `ms` is the median time of one inference, `per_second` the most that the settings allow, and `trouble` what is wrong
    with the delegate, if anything.
    """
    text = f"{ms:.1f} ms an inference on {runtime}"
    if trouble:
        return [delegate_fails(trouble)]
    if 1000 / ms < per_second:
        return [
            warn(
                f"{text}: at most {1000 / ms:.0f} a second, and the settings allow {per_second:g}",
                "lower inferences_per_second, take the int8 model, or more threads",
            )
        ]
    return [ok(text)]
