"""What may be sent in a month is sent once, whatever clock, disk and crashes do."""

from collections.abc import Mapping

import pytest

from agent.core.delivery.upload_budget import MonthBudget

HOUR_NS = 3600 * 10**9


class Rig:
    """A budget of 1000 bytes, and what its disk has of it."""

    def __init__(self, disk: Mapping[str, str] | None = None, run: str = "1", *, comes_late: bool = False) -> None:
        self.disk = dict(disk or {})
        self.budget = MonthBudget(1000, run)
        self.now_ns = 0
        if not comes_late:
            self.keep(self.budget.restore(self.disk))

    def keep(self, changes: Mapping[str, str | None]) -> None:
        for key, value in changes.items():
            if value is None:
                del self.disk[key]
            else:
                self.disk[key] = value

    def month(self, month: str, hours: float = 0) -> "Rig":
        """The clock says so, for so many hours."""
        self.keep(self.budget.tick(month, self.now_ns))
        self.now_ns += int(hours * HOUR_NS)
        self.keep(self.budget.tick(month, self.now_ns))
        return self

    def send(self, size: int, sent: int | None = None) -> "Rig":
        self.keep(self.budget.reserve(size))
        self.keep(self.budget.settle(size if sent is None else sent))
        return self


def test_a_month_ends_with_its_budget_and_the_next_one_has_another() -> None:
    rig = Rig().month("2026-11").send(600).send(600, sent=100)
    assert (rig.budget.used, rig.budget.is_used_up) == (700, False)
    assert rig.send(300).budget.is_used_up
    assert Rig(rig.disk, "2").month("2026-11", hours=99).budget.is_used_up
    assert Rig(rig.disk, "2").month("2026-12", hours=1).budget.used == 0


@pytest.mark.parametrize("month", ["", "1970-01", "2024-01", "2026-10"])
def test_a_clock_that_is_not_set_or_says_an_earlier_month_grants_nothing(month: str) -> None:
    disk = Rig().month("2026-11").send(900).disk
    rig = Rig(disk, "2").month(month, hours=99)
    assert rig.budget.used == 900
    assert rig.send(100).budget.is_used_up
    assert Rig(rig.disk, "3").month("", hours=99).budget.is_used_up
    assert rig.month("2026-11", hours=99).budget.is_used_up
    assert rig.month("2026-12", hours=2).budget.used == 0


def test_what_was_sent_before_the_clock_was_set_counts_in_the_month_that_it_then_is() -> None:
    rig = Rig().month("").send(700).month("2026-11").send(300)
    assert rig.budget.is_used_up


def test_a_jump_ahead_for_less_than_an_hour_grants_nothing() -> None:
    rig = Rig().month("2026-11").send(1000).month("2027-03", hours=0.9)
    assert rig.budget.is_used_up
    assert rig.month("2026-11", hours=5).month("2027-03", hours=0.9).budget.is_used_up


def test_after_a_longer_jump_ahead_all_that_was_sent_counts_and_the_next_month_begins_as_ever() -> None:
    rig = Rig().month("2026-11").send(500).month("2056-01", hours=2).send(400).month("2026-11")
    assert Rig(rig.send(0).disk, "2").budget.used == 900
    assert rig.month("2026-12", hours=2).budget.used == 0
    assert Rig(rig.send(1).disk, "2").month("2026-12").budget.used == 1


def test_a_device_that_never_runs_for_an_hour_gets_its_next_month_all_the_same() -> None:
    disk = Rig().month("2026-11").send(1000).disk
    for run in ("2", "3"):
        rig = Rig(disk, run).month("").month("2026-12", hours=0.4)
        assert rig.budget.is_used_up
        disk = rig.disk
    assert Rig(disk, "4").month("2026-12", hours=0.4).budget.used == 0
    assert Rig(disk, "5").month("2026-11").month("2026-12", hours=0.4).budget.is_used_up, "it was wrong, and is right"


def test_what_a_clock_that_was_ahead_has_counted_is_what_that_month_has_less_and_no_more() -> None:
    rig = Rig().month("2026-11").send(600).month("2026-12", hours=2).send(300).month("2026-11").send(100)
    assert rig.budget.is_used_up, "the two are one month yet"
    assert rig.month("2026-12", hours=2).budget.used == 400, "the real one does not pay for what was before"
    rig.month("2027-03", hours=2).send(1000).month("2026-12")
    assert rig.month("2027-01", hours=2).budget.is_used_up, "a month that a wrong clock took in advance comes once"
    assert rig.month("2027-04", hours=2).budget.used == 0


def test_a_crash_while_something_is_sent_counts_all_of_it() -> None:
    rig = Rig().month("2026-11").send(100)
    rig.keep(rig.budget.reserve(900))
    assert Rig(rig.disk, "2").month("2026-11").budget.is_used_up


def test_a_disk_that_comes_late_has_what_was_sent_before_and_until_then() -> None:
    first = Rig().month("2026-11").send(400)
    late = Rig(first.disk, "2", comes_late=True).month("2026-11").send(100)
    assert late.budget.used == 100
    late.keep(late.budget.restore(late.disk))
    late.keep(late.budget.restore(late.disk))
    assert late.budget.used == 500
    assert len(late.disk) == 1
    assert Rig(late.disk, "3").month("2026-11").budget.used == 500
