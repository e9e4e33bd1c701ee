"""Whether what the kiosk said of its self-tests is true, and whether it made them when the contract says so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.campaigns.chaos.ledger import Arrival
from tests.campaigns.week.chronicle import Chronicle
from tests.campaigns.week.kiosk import SELF_TEST_S
from tests.campaigns.week.schedule import DAY, HOUR, MINUTE, Span

SOON_S = 120.0
"""A test that is due, and that nothing hinders, has ended after so long, whatever it finds."""
_AFTER_S = 180.0
"""What was ill until so long ago may still show: the next try to connect waits up to 120 s."""
_AFTER_START_S = 300.0
_AGAIN_S = 15 * MINUTE
_REST_S = 10 * MINUTE
_NEAR_S = 12 * HOUR
_MOMENT_S = 0.01
_STEP_S = 60.0
_STOP_S = 10.0
"""An orderly stop does not take longer."""
_EXCUSES = {
    "storage": ("disk",),
    "uplink": ("network", "first broker", "refusal", "silence", "centre"),
    "path-1": ("network", "first broker", "centre"),
    "path-2": ("network", "first broker", "centre"),
    "centre": ("network", "first broker", "refusal", "silence", "centre", "lying"),
    "inputs": ("finger",),
}
"""What must have been ill if a step has failed. Where nobody watches the path in use changes."""
_LIES = {
    "storage": ("disk",),
    "uplink": ("network", "refusal", "silence"),
    "centre": ("network", "refusal", "silence", "centre", "lying"),
}
"""A step that passed although this was so from before the test until after it."""


@dataclass(frozen=True, slots=True)
class Told:
    """A self-test as the centre heard of it."""

    begin_s: float
    end_s: float
    outcome: str
    failed: tuple[str, ...]
    passed: tuple[str, ...]

    @property
    def unheard(self) -> bool:
        """Whether by it nobody would hear of a press."""
        return bool({"uplink", "centre"} & {*self.failed})

    def __str__(self) -> str:
        why = f" ({', '.join(self.failed)})" if self.failed else ""
        return f"{self.outcome}{why} at {hour(self.end_s)}"


def hour(at_s: float) -> str:
    """As a person says it."""
    return f"day {int(at_s // DAY) + 1} {int(at_s % DAY // HOUR):02}:{int(at_s % HOUR // MINUTE):02}"


def read(arrivals: Iterable[Arrival]) -> list[Told]:
    """The self-tests among the messages, in the order of their numbers."""
    found = []
    for each in arrivals:
        if each.type == "edge.event.self-test.v1":
            steps = each.data["steps"]
            end_s = each.envelope["monoms"] / 1000
            begin_s = end_s - sum(step["ms"] for step in steps) / 1000
            failed = tuple(step["name"] for step in steps if not step["ok"])
            passed = tuple(step["name"] for step in steps if step["ok"])
            found.append(Told(begin_s, end_s, each.data["outcome"], failed, passed))
    return found


def judge_self_tests(
    tests: Sequence[Told], alarms: Sequence[Span], chronicle: Chronicle, length_s: float
) -> Iterable[str]:
    """Everything that is not as it must be. `alarms` says when one was open."""
    for test in tests:
        yield from _untrue(test, alarms, chronicle)
    completed = [test for test in tests if test.outcome != "interrupted"]
    for earlier, later in pairwise(tests):
        if not _started_between(earlier.end_s, later.begin_s, chronicle):
            rest_s = {"interrupted": _REST_S}.get(earlier.outcome, _AGAIN_S if earlier.unheard else 0.0)
            if later.begin_s < earlier.end_s + rest_s - 1:
                yield f"the self-test {later} followed too soon on the one {earlier}"
    for last, following in zip([None, *completed], [*completed, None], strict=True):
        if (
            last
            and following
            and not last.unheard
            and following.end_s - last.end_s < _NEAR_S
            and not _cut_between(last.end_s, following.end_s, chronicle)
        ):
            yield f"the self-test {following} was not due so soon after the one {last}"
        missed_s = _missed(last, following, tests, alarms, chronicle, length_s)
        if missed_s is not None:
            yield f"a self-test was due at {hour(missed_s)}, and none came (the last: {last})"


def _untrue(test: Told, alarms: Sequence[Span], chronicle: Chronicle) -> Iterable[str]:
    for step in test.failed:
        if not chronicle.overlap(test.begin_s - _AFTER_S, test.end_s, *_EXCUSES.get(step, ())):
            yield f"the self-test {test} has failed in {step}, and nothing was wrong"
    # How long the step had taken that was not ended is not told.
    begin_s = test.begin_s - (_STEP_S if test.outcome == "interrupted" else 0.0)
    for step in test.passed:
        if chronicle.cover(begin_s, test.end_s, *_LIES.get(step, ())):
            yield f"the self-test {test} has passed in {step}, which could not be"
    if test.outcome == "interrupted":
        is_end = any(life.end_s <= test.end_s <= life.end_s + _STOP_S for life in chronicle.lives)
        came = any(test.end_s - 1 <= alarm.begin_s <= test.end_s + _MOMENT_S for alarm in alarms)
        if not came and not is_end:
            yield f"the self-test {test}, and there was no alarm"


def _missed(
    last: Told | None,
    following: Told | None,
    tests: Sequence[Told],
    alarms: Sequence[Span],
    chronicle: Chronicle,
    length_s: float,
) -> float | None:
    """When the next test after `last` was due at the latest, if it did not come then."""
    hindered = [*alarms, *_hindrances(tests, chronicle)]
    if last is not None and not last.unheard:  # by a wrong clock its time of day comes earlier or later
        hindered += chronicle.of("lying", "unset")
    due_s = _due_s(last)
    while True:
        due_s = _free_s(due_s, hindered)
        if due_s + SOON_S > length_s or (following is not None and following.end_s <= due_s + SOON_S):
            return None
        # What ended it, or came before it, puts it off once more.
        later = [span.begin_s for span in hindered if due_s < span.begin_s <= due_s + SOON_S]
        if not later:
            return due_s
        due_s = min(later)


def _due_s(last: Told | None) -> float:
    if last is None:
        return _AFTER_START_S
    if last.unheard:
        return last.end_s + _AGAIN_S
    days = -(-(last.end_s + _NEAR_S - SELF_TEST_S) // DAY)
    return SELF_TEST_S + days * DAY


def _hindrances(tests: Sequence[Told], chronicle: Chronicle) -> Iterable[Span]:
    """When no test need begin: soon after a start, and after an alarm has ended one."""
    for before, after in zip([None, *chronicle.lives], chronicle.lives, strict=False):
        yield Span("start", before.end_s if before else 0.0, after.begin_s + _AFTER_START_S)
    for test in tests:
        if test.outcome == "interrupted":
            yield Span("rest", test.end_s, test.end_s + _REST_S)


def _free_s(from_s: float, spans: Sequence[Span]) -> float:
    """The first time from then on that is in none of the spans."""
    for span in sorted(spans, key=lambda span: span.begin_s):
        if span.begin_s <= from_s < span.end_s:
            from_s = span.end_s
    return from_s


def _started_between(begin_s: float, end_s: float, chronicle: Chronicle) -> bool:
    return any(begin_s <= life.begin_s <= end_s for life in chronicle.lives)


def _cut_between(begin_s: float, end_s: float, chronicle: Chronicle) -> bool:
    """Then nobody may know how long ago the last test was."""
    return any(begin_s <= life.end_s <= end_s for life in chronicle.lives if life.kind == "power-cut")
