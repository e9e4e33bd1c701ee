import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from agent.core.link import LONGEST_LINE, Hello, InView, PersonEntered
from agent.core.messages import CameraTamperData
from agent.core.tamper import TamperKind
from agent.runtime import vision_link
from agent.sim.clock import SimClock
from tests.support.camera_process import PRELUDE, SERVE, Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path, SimClock())
    yield rig
    rig.made.close()


def test_a_camera_process_that_works_is_heard(rig: Rig) -> None:
    link = rig.link(SERVE)
    assert link.pid is None
    rig.until(lambda: link.heartbeat)

    assert link.heartbeat is not None
    assert link.heartbeat.persons == 2
    assert rig.states[-1] == (True, "")


@pytest.mark.parametrize(
    ("hello", "told"),
    [
        ("hello()", []),
        ("hello(delegate_trouble='')", [(True, "")]),
        ("hello(delegate_trouble='no device')", [(False, "no device")]),
    ],
)
def test_a_delegate_is_told_of_where_the_settings_name_one(rig: Rig, hello: str, told: list[tuple[bool, str]]) -> None:
    link = rig.link(f"{hello}; beat(); lines.readline()")
    rig.until(lambda: link.heartbeat)

    assert rig.delegate_states == told
    assert rig.states == [(True, "")]


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
    rig.clock.advance(timedelta(seconds=vision_link._HEARTBEAT_PATIENCE_NS / 1e9))
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


def test_garbage_is_no_sign_of_life_and_does_no_harm(rig: Rig) -> None:
    link = rig.link(
        "hello(); beat()\n"
        'link.sendall(b\'garbage\\n\\n{}\\n[]\\n\\xff\\xfe\\n{"t":"stop"}\\n{"t":"person-left","event_id":"#"}\\n\')\n'
        "beat('degraded', 'dark'); lines.readline()"
    )
    rig.until(lambda: (False, "dark") in rig.states)

    assert rig.messages == []
    assert link.pid is not None


def test_a_line_without_an_end_ends_the_process(rig: Rig) -> None:
    rig.link("hello()\ntry:\n  while True: link.sendall(b'x' * 65536)\nexcept OSError: pass")
    rig.until(lambda: rig.failures)

    assert len(rig.made._buffer) <= 2 * LONGEST_LINE


def test_a_picture_is_forwarded_and_its_file_is_gone(rig: Rig) -> None:
    link = rig.link(
        "hello(); beat()\n"
        "for line in lines:\n"
        "  m = json.loads(line)\n"
        "  if m['t'] == 'stop': break\n"
        "  path = os.path.join(spec['snapshot_directory'], m['id'] + '.jpg')\n"
        "  open(path, 'wb').write(b'jpeg')\n"
        "  say(t='snapshot-taken', id=m['id'], path=path, captured_boottime_ns=1, persons=0)"
    )
    rig.until(lambda: link.heartbeat)
    assert link.take_snapshot("p1")
    rig.until(lambda: rig.pictures)

    assert rig.pictures == [("p1", b"jpeg", "")]
    assert list((rig.directory / "snapshots").iterdir()) == []


@pytest.mark.parametrize("path", ["missing.jpg", "../secret", "/etc/passwd", "", "..", ".", "a\\0b", "x" * 5000])
def test_a_picture_outside_the_agreed_directory_is_none(rig: Rig, path: str) -> None:
    (rig.directory / "secret").write_bytes(b"secret")
    link = rig.link(
        f"hello(); beat()\nsay(t='snapshot-taken', id='p1', path='{path}', captured_boottime_ns=1, persons=0)\n"
        "lines.readline()"
    )
    rig.until(lambda: rig.pictures)

    [(name, jpeg, detail)] = rig.pictures
    assert (name, jpeg) == ("p1", None)
    assert detail
    assert link.pid is not None
    assert (rig.directory / "secret").exists()


def test_a_picture_that_is_too_large_is_none(rig: Rig) -> None:
    rig.link(
        "hello(); beat(); open(os.path.join(spec['snapshot_directory'], 'a.jpg'), 'wb').write(bytes(1001))\n"
        "say(t='snapshot-taken', id='p1', path='a.jpg', captured_boottime_ns=1, persons=0); lines.readline()"
    )
    rig.until(lambda: rig.pictures)

    assert rig.pictures == [("p1", None, "a.jpg: more than 1000 bytes")]


def test_somebody_who_enters_is_told_before_their_picture(rig: Rig) -> None:
    rig.link(
        "hello(); open(os.path.join(spec['snapshot_directory'], 'a.jpg'), 'wb').write(b'jpeg')\n"
        "say(t='person-entered', event_id='e1', boottime_ns=1, persons=1, duration_ms=1, track='a-1', score=0.5,\n"
        "    box=[0, 0, 1, 1], snapshot='a.jpg')\n"
        "lines.readline()"
    )
    rig.until(lambda: rig.pictures)

    assert isinstance(rig.messages[-1], PersonEntered)
    assert rig.pictures == [("e1", b"jpeg", "")]
    assert not any(isinstance(message, Hello) for message in rig.messages)


def test_who_is_in_view_is_known_from_the_moment_it_is_told_until_the_process_ends(rig: Rig) -> None:
    link = rig.link("hello(); say(t='in-view', persons=2, tracks=['0a1b2c3d-1', '0a1b2c3d-4']); lines.readline()")
    rig.until(lambda: link.in_view.persons)
    assert link.in_view == InView(persons=2, tracks=("0a1b2c3d-1", "0a1b2c3d-4"))
    assert rig.messages == [], "nobody else needs to hear of it"

    assert link.pid is not None
    os.kill(link.pid, signal.SIGKILL)
    rig.until(lambda: rig.failures)
    assert link.in_view == InView(persons=0, tracks=())


@pytest.mark.parametrize(
    "line",
    [
        "t='in-view', persons=1, tracks=['#']",
        "t='loitering', event_id='e1', boottime_ns=1, persons=1, duration_ms=1, track='a-1', score=0.5, box=[0,0,1,1]",
        "t='crowd', event_id='e1', boottime_ns=1, persons=1, duration_ms=1, phase='maybe'",
        "t='line-crossed', event_id='e1', boottime_ns=1, persons=1, track='a-1', score=1, box=[0,0,1,1], line='x'",
        "t='after-hours', event_id='e1', boottime_ns=1, persons=1, duration_ms=1, phase='began', zone='A/#'",
    ],
)
def test_a_report_that_lacks_a_field_or_has_a_bad_one_is_left_out_and_the_next_is_heard(rig: Rig, line: str) -> None:
    link = rig.link(f"hello(); say({line}); beat(); lines.readline()")
    rig.until(lambda: link.heartbeat)

    assert rig.messages == []
    assert link.in_view.persons == 0


def test_a_degraded_camera_is_asked_for_no_picture(rig: Rig) -> None:
    link = rig.link("hello(); beat('degraded', 'no frames'); lines.readline()")
    rig.until(lambda: link.heartbeat)

    assert rig.states == [(False, "no frames")]
    assert not link.take_snapshot("p1")


def test_asking_for_pictures_never_blocks_though_nobody_reads(rig: Rig) -> None:
    link = rig.link("hello(); beat(); signal.pause()")
    rig.until(lambda: link.heartbeat)

    assert link.take_snapshot("p0")
    assert any(not link.take_snapshot(f"p{number}") for number in range(100_000))


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
    process = link._process
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
    assert "looks at no frames" in rig.failures[0]


TAMPER = 'say(t="camera-tamper", event_id="e1", kind="covered", active=True, boottime_ns=1)'


def tampers_told(rig: Rig) -> list[tuple[TamperKind, bool]]:
    told = [draft.data for draft in rig.events if isinstance(draft.data, CameraTamperData)]
    return [(data.kind, data.active) for data in told]


def test_a_tamper_is_told_and_ends_with_the_process_that_found_it(rig: Rig) -> None:
    link = rig.link(f"hello(); beat(); {TAMPER}; lines.readline()")
    rig.until(link.tampers.figures)
    assert link.pid is not None
    psutil.Process(link.pid).kill()
    rig.until(lambda: rig.failures)

    assert tampers_told(rig) == [(TamperKind.COVERED, True), (TamperKind.COVERED, False)]
    assert link.tampers.figures() == []


@pytest.mark.parametrize(
    "script", ["hello(); beat(); lines.readline()", "hello(); beat(); sys.exit(1)"], ids=["hung", "dead"]
)
def test_a_process_that_hangs_or_is_dead_has_lost_the_signal(rig: Rig, script: str) -> None:
    link = rig.link(script)
    rig.until(lambda: link.heartbeat)
    for _ in range(5):
        link.run_once(0.01)
        assert tampers_told(rig) == []
        rig.clock.advance(timedelta(seconds=0.9))
    link.run_once(0.01)

    assert tampers_told(rig) == [(TamperKind.SIGNAL_LOST, True)]


def test_an_orderly_stop_is_no_lost_signal(rig: Rig) -> None:
    link = rig.link(SERVE)
    rig.until(lambda: link.heartbeat)
    link.finish()
    for _ in range(30):
        rig.clock.advance(timedelta(seconds=1))
        link.run_once(0)

    assert tampers_told(rig) == []


def test_the_first_process_learns_the_scene_anew_and_the_next_one_goes_on_with_it(rig: Rig) -> None:
    link = rig.link("hello(); beat('degraded' if spec['new_scene'] else 'ok', 'new'); sys.exit(1)")
    rig.until(lambda: (False, "new") in rig.states)
    rig.until(lambda: link.pid is None)
    rig.clock.advance(timedelta(seconds=10))
    rig.until(lambda: (True, "new") in rig.states)
