"""What came of one scenario or check: how it says so, and what is made of that."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

Verdict = Literal["passed", "failed", "not-tried"]
T = TypeVar("T")


class Wrong(Exception):  # noqa: N818 - a verdict
    """What is graded does not do what the contract says; each argument is a sentence."""


class NothingMoreError(Wrong):
    """As Wrong; and what is left, but for what was heard, can't be tried."""


class NotTried(Exception):  # noqa: N818 - a verdict
    """It can't be tried here; the argument says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one scenario or check."""

    name: str
    what: str
    """What was sent, or looked at."""
    verdict: Verdict
    faults: Sequence[str] = ()
    """What is wrong, a sentence each; of what was not tried, why not."""
    took_ms: int = 0
    goes_on: bool = True
    """Whether the next check makes sense."""


def name_of(check: Callable[[T], None]) -> str:
    """Return the name of a scenario or check in reports."""
    return check.__name__.replace("_", "-")


def what_of(check: Callable[[T], None]) -> str:
    """Return what is sent or looked at, which is its docstring."""
    return " ".join((check.__doc__ or "").split())


def finding(check: Callable[[T], None], subject: T) -> Finding:
    """Make a check, and return what came of it."""
    verdict: Verdict = "passed"
    faults: Sequence[str] = ()
    goes_on = True
    begin_s = time.monotonic()
    try:
        check(subject)
    except NotTried as reason:
        verdict, faults = "not-tried", [*reason.args]
    except Wrong as wrong:
        verdict, faults, goes_on = "failed", [*wrong.args], not isinstance(wrong, NothingMoreError)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        verdict, faults = "failed", [f"says something that can't be read here ({type(error).__name__}: {error})"]
    return Finding(name_of(check), what_of(check), verdict, faults, round(1000 * (time.monotonic() - begin_s)), goes_on)
