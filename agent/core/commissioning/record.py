"""What is kept of a walk, and what its report is made of. Pure."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from agent.contract.vocabulary import Level

Outcome = Literal["passed", "failed", "left-out"]


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)


class Verdict(_Kept):
    """What came of a step."""

    step: str
    digest: str
    """Of the step as it was then."""
    outcome: Outcome
    reason: str = ""
    """Why, unless it has passed."""
    seconds: float
    """From the beginning of this try."""
    tries: int
    at: str = ""
    """The device's wall clock, as of the last message before; empty if there was none."""
    timeq: str = ""
    """How far that can be trusted."""
    figures: tuple[dict[str, Any], ...] = ()
    """What was heard, in order: `after_s` since the act began, and the fields that it keeps."""


class Interruption(_Kept):
    """An alarm in earnest during the walk."""

    step: str
    alarm_id: str
    input: str
    raised_at: str
    ended: bool = False


class Kept(_Kept):
    """What is kept of a walk after each step."""

    walk: Level
    device: str = ""
    """Where it is walked, as `Step.device` says it; nothing of it counts at another."""
    run: int = 1
    """How often it was begun or taken up again."""
    step: str = ""
    """Where it stands; empty when every step has its verdict."""
    verdicts: tuple[Verdict, ...] = ()
    interruptions: tuple[Interruption, ...] = ()
    boot: str = ""
    """The boot of the machine before the power cut that is waited for."""
