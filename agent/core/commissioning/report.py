"""The report of a walk, from what was kept of it and what the device knows of itself. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.contract.commissioning import (
    Attachment,
    CommissionedDevice,
    Figure,
    InEarnest,
    Place,
    Report,
    Technician,
    WalkStep,
    Wire,
    conclude,
)
from agent.contract.vocabulary import TimeQuality
from agent.core.commissioning.plan import Step
from agent.core.commissioning.record import Kept, Verdict
from agent.core.commissioning.witness import Figures, Seen
from agent.core.errors import EdgeAgentError
from agent.core.plain import plain


class NotSeen(EdgeAgentError):  # noqa: N818 - what is so
    """The walk calls steps passed that the device itself has not seen; the text says which."""


class NotDone(EdgeAgentError):  # noqa: N818 - what is so
    """The walk is not at its end, or is not one of this device as it is now; the text says which step is missing."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a report has besides its steps."""

    id: str
    follows: str | None
    device: CommissionedDevice
    place: Place
    by: Technician
    now: str
    """The device's wall clock."""
    timeq: TimeQuality
    wiring: tuple[Wire, ...] = ()
    pictures: tuple[Attachment, ...] = ()
    note: str = ""


def report_of(kept: Kept, seen: Seen, steps: Sequence[Step], around: Around) -> Report:
    """Return the report of a walk through these steps. What a device can hear, it must have heard itself (`seen`).
    Raises NotDone unless each step has its verdict, as it is now; NotSeen."""
    found = {(each.step, each.digest): each for each in kept.verdicts}
    if missing := [step.id for step in steps if (step.id, step.digest) not in found]:
        raise NotDone(f"the walk is not done, or the settings have changed since: {', '.join(missing[:5])}")
    verdicts = [found[step.id, step.digest] for step in steps]
    walked = [*zip(steps, verdicts, strict=True)]
    seen = seen if seen.walk == kept.walk else Seen()
    heard = [seen.figures(*each) if each[0].is_heard and each[1].outcome == "passed" else () for each in walked]
    if unseen := [step.id for step, figures in zip(steps, heard, strict=True) if figures is None]:
        raise NotSeen(
            f"the device itself has not seen what this walk calls passed: "
            f"{', '.join(unseen[:5])}; walk again with --new, or by the page's button for another walk"
        )
    during = {each.alarm_id: each.step for each in kept.interruptions}
    return Report(
        id=around.id,
        follows=around.follows,
        walk=kept.walk,
        device=around.device,
        place=around.place,
        by=around.by,
        began=min(seen.began or around.now, around.now),
        ended=around.now,
        timeq=around.timeq,
        verdict=conclude(each.outcome for each in verdicts),
        wiring=around.wiring,
        pictures=around.pictures,
        steps=tuple(_step(*each, figures or (), around.now) for each, figures in zip(walked, heard, strict=True)),
        in_earnest=tuple(
            InEarnest(alarm_id=alarm_id, input=button, step=plain(during.get(alarm_id, "")) or "none", raised_at=at)
            for alarm_id, (button, at) in seen.earnest.items()
        ),
        note=plain(around.note),
    )


def differs(report: Report, kept: Kept) -> str | None:
    """Return what in a report is not what was walked; None if nothing is."""
    if report.walk != kept.walk:
        return f"it is of another walk ({report.walk})"
    walked = {each.step: each for each in kept.verdicts}
    for step in report.steps:
        verdict = walked.pop(step.name, None)
        if verdict is None or (step.verdict, step.ended) != (verdict.outcome, plain(verdict.at) or step.ended):
            return f"the step {step.name} ended otherwise"
        if verdict.outcome != "passed" and verdict.reason and step.said != plain(verdict.reason):
            return f"the step {step.name} has another reason"
    return f"the step {min(walked)} is not in it" if walked else None


def _step(step: Step, verdict: Verdict, heard: Figures, now: str) -> WalkStep:
    said = plain(verdict.reason) or ("left out" if verdict.outcome == "left-out" else verdict.outcome)
    if verdict.outcome == "passed":
        said = plain("; ".join(dict.fromkeys([_witness(step), *_said(heard)])))
    given = (Figure(name=name, value=value) for name, value in step.figures)
    return WalkStep(
        name=step.id,
        title=step.title,
        verdict=verdict.outcome,
        said=said,
        figures=(*given, *_figures(heard)),
        tries=verdict.tries,
        ended=plain(verdict.at) or now,
    )


def _witness(step: Step) -> str:
    asked = [not act.until and not act.restarts for act in step.acts]
    if all(asked):
        return "the technician says so"
    return "heard by the device, and seen by the technician" if any(asked) else "heard by the device"


def _said(figures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what was heard and is no number."""
    for name, value in (pair for figure in figures for pair in figure.items()):
        if name == "answered_by" and isinstance(value, Mapping):
            yield from (f"{done} by {_who(answer)}" for done, answer in value.items())
        elif isinstance(value, str) and value and name != "boot":
            yield f"{name.replace('_', ' ')} {value}"


def _who(answer: Any) -> str:
    return str(answer.get("by") or answer.get("issuer", "?")) if isinstance(answer, Mapping) else "?"


def _figures(figures: Sequence[Mapping[str, Any]]) -> Iterator[Figure]:
    """Yield the numbers that were heard; a report has whole ones only."""
    for name, value in (pair for figure in figures for pair in figure.items()):
        if name == "latency_ms" and isinstance(value, Mapping):
            stages = ((plain(f"{stage} after"), ms) for stage, ms in value.items())
            yield from (Figure(name=name, value=_whole(ms), unit="ms") for name, ms in stages)
        elif name == "steps" and isinstance(value, list):
            yield from (
                Figure(name=plain(str(each["name"])), value=_whole(each["ms"]), unit="ms")
                for each in value
                if isinstance(each, Mapping) and {"name", "ms"} <= each.keys()
            )
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield _figure(name, value)


def _figure(name: str, value: float) -> Figure:
    if name == "after_s":
        return Figure(name="heard after", value=_whole(value * 1000), unit="ms")
    if name == "score":
        return Figure(name="score", value=_whole(value * 100), unit="%")
    word, _, unit = name.rpartition("_")
    return Figure(name=plain(word or name), value=_whole(value), unit="ms" if unit == "ms" else "")


def _whole(value: Any) -> int:
    """Return a number as a whole one; 0 for what is none."""
    try:
        return int(value + 0.5)
    except (TypeError, ValueError, OverflowError):
        return 0
