"""Each check has a process of its own, so that nothing in it can hurt the others."""

import ctypes
import faulthandler
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from agent.core.diagnosis.finding import Finding, Report, State, fail, ok
from agent.core.errors import ModelError
from agent.doctor.bounded import run_bounded
from agent.doctor.check import Check, Note
from tests.support.wait import wait_for

# The command has one thread when it forks; the runner of the tests has more.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


def run(look: Callable[[Note], object], limit_s: float = 10.0, own_limit_s: float = 60.0) -> Report:
    return run_bounded(Check("thing", own_limit_s, look), lambda _doing, _for_s: None, limit_s)  # type: ignore[arg-type]


def test_what_a_check_finds_comes_back_in_order() -> None:
    found = run(lambda _note: [ok("fine — °C"), fail("broken\nin two lines", "mend it")])
    assert found.name == "thing"
    assert found.findings == (ok("fine — °C"), fail("broken\nin two lines", "mend it"))
    assert found.state is State.FAIL


def test_a_check_that_hangs_is_ended_and_what_it_was_doing_is_told() -> None:
    def hang(note: Note) -> Iterator[Finding]:
        yield ok("so far")
        note("opening /dev/video0")
        threading.Event().wait()

    before, late = run(hang, limit_s=2).findings
    assert before == ok("so far")
    assert late.state is State.FAIL
    assert late.what == "no answer within 2 s (while opening /dev/video0)"


def test_the_checks_own_limit_holds_where_none_is_given() -> None:
    check = Check("thing", 0.3, lambda _note: threading.Event().wait())  # type: ignore[arg-type,return-value]
    [late] = run_bounded(check, lambda _doing, _for_s: None).findings
    assert late.what == "no answer within 0.3 s"


def test_what_a_check_has_started_ends_with_it(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def start(_note: Note) -> Iterator[Finding]:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pid_file.write_text(str(child.pid))
        child.wait()
        yield ok("never")

    run(start, limit_s=2.0)
    pid = int(pid_file.read_text())
    wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_a_crash_in_a_library_is_told_with_what_was_going_on() -> None:
    def crash(note: Note) -> Iterator[Finding]:
        note("loading the model")
        faulthandler.disable()  # the runner of the tests has enabled it, and would print every stack
        ctypes.string_at(0)
        yield ok("never")

    [finding] = run(crash).findings
    assert finding.state is State.FAIL
    assert finding.what == "the check was killed by SIGSEGV while loading the model"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ModelError("it is gone: build it"), "it is gone: build it"),
        (KeyError("x"), "the check itself failed: KeyError"),
    ],
)
def test_an_error_in_a_check_is_a_finding(error: Exception, says: str) -> None:
    def raises(_note: Note) -> Iterator[Finding]:
        yield ok("so far")
        raise error

    before, finding = run(raises).findings
    assert before == ok("so far")
    assert (finding.state, says in finding.what) == (State.FAIL, True)


def test_a_check_that_ends_without_a_finding_is_not_green() -> None:
    [finding] = run(lambda _note: os._exit(0)).findings
    assert finding.state is State.UNKNOWN


def test_what_libraries_print_does_not_lie_across_the_table(capfd: pytest.CaptureFixture[str]) -> None:
    def chatter(_note: Note) -> list[Finding]:
        os.write(1, b"libcamera says hello")
        os.write(2, b"and complains")
        return [ok("fine")]

    assert run(chatter).state is State.OK
    assert capfd.readouterr() == ("", "")


def test_a_check_gives_way_to_the_agent_beside_it() -> None:
    def look(_note: Note) -> list[Finding]:
        adjustment = Path("/proc/self/oom_score_adj").read_text().strip()
        return [ok(f"{os.nice(0) - at_start} {adjustment}")]

    at_start = os.nice(0)
    assert run(look).findings == (ok(f"{min(10, 19 - at_start)} 1000"),)  # 19 is the nicest


def test_whoever_waits_hears_what_is_being_done(tmp_path: Path) -> None:
    def slow(note: Note) -> list[Finding]:
        note("waiting for a picture")
        wait_for((tmp_path / "waiting for a picture").exists)
        return [ok("fine")]

    done = run_bounded(Check("camera", 60, slow), lambda doing, _for_s: (tmp_path / doing).touch())
    assert done.state is State.OK
