import pytest

from agent.core.diagnosis.finding import Finding, Report, State, count, fail, failure, ok, summary, unknown, warn, worst


def report(name: str, *findings: Finding) -> Report:
    return Report(name, findings, 1)


def test_the_worst_finding_counts_and_a_warning_is_worse_than_what_is_unknown() -> None:
    assert worst([State.OK, State.UNKNOWN]) is State.UNKNOWN
    assert worst([State.WARN, State.UNKNOWN]) is State.WARN
    assert worst([State.FAIL, State.WARN, State.OK]) is State.FAIL
    assert worst([]) is State.OK


@pytest.mark.parametrize(
    ("reports", "says"),
    [
        ([report("disk", ok("x"))], "All is well."),
        ([report("disk", fail("x", "y"))], "1 thing is wrong: disk."),
        (
            [
                report("disk", fail("x", "y"), fail("z", "y")),
                report("clock", warn("x", "y"), unknown("x")),
                report("wear", unknown("x"), warn("x", "y")),
            ],
            "2 things are wrong: disk. 2 warnings: clock, wear. 2 things could not be checked: clock, wear.",
        ),
        ([report("clock", warn("x", "y"))], "Nothing is wrong. 1 warning: clock."),
        ([report("wear", unknown("x"))], "Nothing is wrong. 1 thing could not be checked: wear."),
    ],
)
def test_the_summary_says_how_much_is_wrong_and_where(reports: list[Report], says: str) -> None:
    assert summary(reports) == says


def test_findings_are_counted_by_state() -> None:
    counts = count([report("disk", ok("x"), fail("x", "y")), report("wear", unknown("x"))])
    assert counts == {"ok": 1, "unknown": 1, "warn": 0, "fail": 1}


@pytest.mark.parametrize(
    ("error", "what", "do"),
    [
        ("nothing listens on h:1: check the port", "nothing listens on h:1", "check the port"),
        ("/k: can't be read: no such file; make keys", "/k: can't be read: no such file", "make keys"),
        ("x: y: z", "x: y", "z"),
        ("x; y; z", "x; y", "z"),
        ("x: y", "x", "y"),
        ("it hangs", "it hangs", "see the log"),
    ],
)
def test_an_error_of_ours_is_taken_apart_into_what_is_wrong_and_what_to_do(error: str, what: str, do: str) -> None:
    assert failure(error, "see the log") == Finding(State.FAIL, what, do)
