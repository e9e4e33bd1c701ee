from datetime import timedelta

from agent.contract.messages import SecurityData
from agent.runtime.supervision.security import SecurityLog
from tests.support.context import Collected, reporter
from tests.support.sim_clock import SimClock


class Told:
    def __init__(self) -> None:
        self.clock = SimClock()
        self.drafts = Collected()
        self.log = SecurityLog(reporter(self.drafts), self.clock)

    @property
    def events(self) -> list[SecurityData]:
        return [draft.data for draft in self.drafts if isinstance(draft.data, SecurityData)]


def test_an_event_is_told_with_all_that_is_known_of_it() -> None:
    told = Told()
    assert told.log.report("tls-failed", "certificate expired", topic="a")

    [event] = told.events
    assert (event.kind, event.severity, event.text, event.detail) == (
        "tls-failed",
        "warning",
        "certificate expired",
        {"topic": "a"},
    )
    assert told.drafts[0].topic.endswith("/up/security/tls-failed")


def test_a_flood_of_one_kind_is_cut_and_counted_and_hides_no_other_kind() -> None:
    told = Told()
    outcomes = [told.log.report("command-rejected", str(number)) for number in range(1000)]
    told.log.report("boot", "the agent has started")
    shown = outcomes.count(True)
    assert 0 < shown < 1000
    assert [event.kind for event in told.events].count("boot") == 1

    told.clock.advance(timedelta(seconds=60))
    assert told.log.report("command-rejected", "again")
    assert told.log.report("command-rejected", "and again")
    assert [event.suppressed for event in told.events[-2:]] == [1000 - shown, 0]


def test_every_event_is_either_told_or_counted() -> None:
    told = Told()
    for _ in range(5):
        for _ in range(33):
            told.log.report("command-rejected", "x")
        told.clock.advance(timedelta(seconds=61))
    told.log.report("command-rejected", "the last")

    assert len(told.events) + sum(event.suppressed for event in told.events) == 5 * 33 + 1
