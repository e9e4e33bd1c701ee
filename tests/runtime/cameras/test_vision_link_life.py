"""How a camera process is started, found out when it no longer works, started again, and ended."""

import subprocess
from datetime import timedelta

import psutil
import pytest

from tests.support.camera_process import PRELUDE, SERVE, Rig


def test_a_crash_is_told_with_its_signal_and_started_again_after_a_pause(rig: Rig) -> None:
    link = rig.link("hello(); beat(); os.kill(os.getpid(), signal.SIGSEGV)")
    rig.until(lambda: rig.failures)

    assert "killed by signal 11" in rig.failures[0]
    assert link.heartbeat is None
    assert not link.take_snapshot("p1")
    link.run_once(0.01)
    assert link.pid is None

    rig.clock.advance(timedelta(seconds=2))
    link.run_once(0.01)
    assert link.pid is not None


def test_a_driver_that_aborts_when_its_camera_is_lost_is_told_with_the_loss_and_started_again_ever_later(
    rig: Rig,
) -> None:
    link = rig.link("hello(); beat('degraded', 'camera 0 has stopped: check its ribbon cable'); os.abort()")
    aborted = "killed by signal 6 after: camera 0 has stopped: check its ribbon cable; next try in "
    for count, pause_s in enumerate((2, 4, 8), 1):
        rig.until(lambda count=count: len([each for each in rig.failures if aborted in each]) == count)  # type: ignore[misc]
        assert rig.failures[-1].endswith(f"{aborted}{pause_s} s")
        assert link.pid is None
        rig.clock.advance(timedelta(seconds=pause_s))


def test_a_process_that_ends_by_itself_is_told_with_its_code(rig: Rig) -> None:
    rig.link("hello(); sys.exit(3)")
    rig.until(lambda: rig.failures)

    assert "ended (3)" in rig.failures[0]


def test_pauses_grow_with_each_failure_until_the_process_has_worked_for_long(rig: Rig) -> None:
    link = rig.link("sys.exit(1)")
    pauses = []
    for count in range(1, 5):
        rig.until(lambda count=count: len(rig.failures) == count)  # type: ignore[misc]
        pauses.append(rig.failures[-1].rpartition("next try in ")[2])
        rig.clock.advance(timedelta(seconds=60))
    assert pauses == ["2 s", "4 s", "8 s", "16 s"]

    (rig.directory / "camera.py").write_text(PRELUDE + SERVE)
    rig.until(lambda: link.heartbeat)
    rig.clock.advance(timedelta(seconds=300))
    assert link.pid is not None
    psutil.Process(link.pid).kill()
    rig.until(lambda: len(rig.failures) == 5)
    assert rig.failures[-1].endswith("next try in 2 s")


def test_a_process_that_never_works_is_not_taken_for_a_success_however_long_it_loads(rig: Rig) -> None:
    rig.link("lines.readline()")
    for count in range(1, 4):
        rig.until(lambda: rig.made.pid)
        rig.clock.advance(timedelta(seconds=61))
        rig.until(lambda count=count: len(rig.failures) == count)  # type: ignore[misc]
        rig.clock.advance(timedelta(seconds=60))

    assert [detail.rpartition("in ")[2] for detail in rig.failures] == ["2 s", "4 s", "8 s"]


def test_a_program_that_can_not_be_started_is_a_failure_with_growing_pauses(rig: Rig) -> None:
    link = rig.link("", command=[str(rig.directory / "missing")])
    for _ in range(3):
        link.run_once(0.01)
        rig.clock.advance(timedelta(seconds=100))

    assert [detail.rpartition("in ")[2] for detail in rig.failures] == ["2 s", "4 s", "8 s"]
    assert "can't be started" in rig.failures[0]


def test_a_process_that_hangs_is_killed_once_its_heartbeat_is_overdue(rig: Rig) -> None:
    link = rig.link("hello(); beat(); signal.signal(signal.SIGTERM, signal.SIG_IGN); lines.readline()")
    rig.until(lambda: link.heartbeat)
    assert link.pid is not None
    process = psutil.Process(link.pid)
    rig.clock.advance(timedelta(seconds=link._patience_ns / 1e9))
    link.run_once(0.01)
    assert rig.failures == []

    rig.clock.advance(timedelta(milliseconds=1))
    link.run_once(0.01)

    assert "does not answer" in rig.failures[0]
    assert not process.is_running()


def test_a_model_may_take_longer_to_load_than_a_heartbeat(rig: Rig) -> None:
    link = rig.link("lines.readline(); hello(); beat(); lines.readline()")
    rig.until(lambda: link.pid)
    rig.clock.advance(timedelta(seconds=30))
    link.run_once(0.01)

    assert rig.failures == []
    assert link.pid is not None


def test_a_process_that_ends_when_asked_is_not_killed(rig: Rig) -> None:
    link = rig.link(SERVE + "open(os.path.join(spec['snapshot_directory'], 'orderly'), 'w')")
    rig.until(lambda: link.heartbeat)
    link.close()

    assert (rig.directory / "snapshots" / "orderly").exists()
    assert link.pid is None


def test_closing_kills_a_process_that_does_not_want_to_end(rig: Rig) -> None:
    link = rig.link("signal.signal(signal.SIGTERM, signal.SIG_IGN); hello(); beat()\nwhile True: signal.pause()")
    rig.until(lambda: link.heartbeat)
    assert link.pid is not None
    process = psutil.Process(link.pid)
    link.close()
    link.close()

    assert not process.is_running()


def test_a_process_that_is_stuck_in_the_kernel_does_not_hold_the_link(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = rig.link(SERVE)
    rig.until(lambda: link.heartbeat)
    process = link._child.process
    assert process is not None

    def wait(timeout: float | None = None) -> int:
        assert timeout is not None, "it would wait for ever"
        raise subprocess.TimeoutExpired("camera", timeout)

    with monkeypatch.context() as patched:
        patched.setattr(process, "wait", wait)
        rig.clock.advance(timedelta(seconds=11))
        link.run_once(0.01)
    process.wait()

    assert len(rig.failures) == 1
    assert link.pid is None


def test_a_process_that_reports_itself_well_but_looks_at_nothing_is_started_again(rig: Rig) -> None:
    link = rig.link("hello(); beat()\nfor line in lines: beat()")
    rig.until(lambda: link.heartbeat)
    for _ in range(4):
        before = link.heartbeat
        rig.clock.advance(timedelta(seconds=9))
        link.take_snapshot("again")
        rig.until(lambda before=before: link.heartbeat is not before)  # type: ignore[misc]

    rig.until(lambda: rig.failures)
    assert "no longer processes frames" in rig.failures[0]


def test_the_first_process_learns_the_scene_anew_and_the_next_one_goes_on_with_it(rig: Rig) -> None:
    link = rig.link("hello(); beat('degraded' if spec['new_scene'] else 'ok', 'new'); sys.exit(1)")
    rig.until(lambda: (False, "new") in rig.states)
    rig.until(lambda: link.pid is None)
    rig.clock.advance(timedelta(seconds=10))
    rig.until(lambda: (True, "new") in rig.states)
