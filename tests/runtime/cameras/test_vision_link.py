"""What is heard of a camera process."""

import os
import signal
from datetime import timedelta
from typing import Any

import psutil
import pytest

from agent.contract.camera_events import LoiteringData, PersonEnteredData
from agent.contract.events import CameraTamperData, HardlyAbleToSeeData
from agent.contract.vocabulary import TamperKind
from agent.core.camera import delegate_tries
from agent.core.camera.link import InView
from agent.runtime.supervision.health import PartState
from tests.support.camera_process import SERVE, Rig
from tests.support.wait import wait_for

AT = "AT = dict(event_id='e1', camera='front', frame_monoms=1, persons=1)\n"


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


def fails_again(rig: Rig) -> None:
    count = len(rig.failures)
    rig.until(lambda: len(rig.failures) > count)
    rig.clock.advance(timedelta(minutes=1))


ACCELERATED = """
if spec["delegate_given_up"]:
    hello(delegate_trouble=spec["delegate_given_up"])
else:
    {}
beat(); lines.readline()
"""
FAILS = "hello(delegate_trouble=''); say(t='failed', detail='it never answers', by_delegate={}); sys.exit(2)"


@pytest.mark.parametrize(
    "end",
    [
        FAILS.format(True),
        "sys.exit(2)",  # before its first word, as a driver that crashes when it is loaded
        "hello(delegate_trouble=''); beat(); os.kill(os.getpid(), signal.SIGSEGV)",
    ],
    ids=["never-answers", "crash-at-load", "crash"],
)
def test_an_accelerator_that_fails_three_times_in_a_row_is_given_up_and_the_reason_is_told(rig: Rig, end: str) -> None:
    link = rig.link(ACCELERATED.format(end), delegate="hailo")
    for _ in range(3):
        fails_again(rig)
    rig.until(lambda: link.works)

    works, why = rig.delegate_states[-1]
    assert not works
    assert "3 times in a row" in why
    assert len(rig.failures) == 3


def test_a_hung_accelerator_is_given_up_too(rig: Rig) -> None:
    link = rig.link(ACCELERATED.format("hello(delegate_trouble=''); beat(); lines.readline()"), delegate="hailo")
    for _ in range(3):
        rig.until(lambda: link.heartbeat)
        rig.clock.advance(timedelta(seconds=11))
        rig.until(lambda: not link.is_running)
        rig.clock.advance(timedelta(minutes=1))
    rig.until(lambda: link.works)

    assert "does not answer; so it was 3 times in a row" in rig.delegate_states[-1][1]


def test_an_end_that_is_not_the_accelerators_is_not_held_against_it(rig: Rig) -> None:
    rig.link(ACCELERATED.format(FAILS.format(False)), delegate="hailo")
    for _ in range(5):
        fails_again(rig)

    assert set(rig.delegate_states) == {(True, "")}


def test_an_accelerator_is_tried_again_after_its_rest_once_nobody_is_in_view(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delegate_tries, "_REST_NS", 65 * 10**9)
    mended = rig.directory / "mended"
    link = rig.link(
        f"""
if spec["delegate_given_up"]:
    hello(delegate_trouble=spec["delegate_given_up"])
    say(t="in-view", persons=1, tracks=["a"])
    beat()
    lines.readline()
    say(t="in-view", persons=0, tracks=[])
else:
    hello(delegate_trouble="")
    if not os.path.exists({str(mended)!r}):
        say(t="failed", detail="it never answers", by_delegate=True)
        sys.exit(2)
    beat()
lines.readline()
""",
        delegate="hailo",
    )
    for _ in range(3):
        fails_again(rig)
    rig.until(lambda: link.works)
    mended.touch()
    on_the_processor = link.pid
    rig.clock.advance(timedelta(seconds=6))
    for _ in range(5):
        link.run_once(0.01)
    assert link.pid == on_the_processor, "somebody is in view"

    link.take_snapshot("p1")
    rig.until(lambda: link.works and link.pid != on_the_processor)
    assert rig.delegate_states[-1] == (True, "")


def test_garbage_is_no_sign_of_life_and_does_no_harm(rig: Rig) -> None:
    link = rig.link(
        "hello(); beat()\n"
        'link.sendall(b\'garbage\\n\\n{}\\n[]\\n\\xff\\xfe\\n{"t":"stop"}\\n{"t":"person-left","event_id":"#"}\\n\')\n'
        "beat('degraded', 'dark'); lines.readline()"
    )
    rig.until(lambda: (False, "dark") in rig.states)

    assert rig.told == []
    assert link.pid is not None


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
        "hello(); open(os.path.join(spec['snapshot_directory'], 'e1.jpg'), 'wb').write(b'jpeg')\n"
        "say(t='person-entered', data=dict(event_id='e1', camera='other', frame_monoms=1, persons=1, duration_ms=1,\n"
        "    track='a-1', score=0.5, box=[0, 0, 1, 1], snapshot='e1'))\n"
        "lines.readline()"
    )
    rig.until(lambda: rig.pictures)

    [(name, data)] = rig.told
    assert (name, type(data)) == ("person-entered", PersonEnteredData)
    assert data.camera == "front", "whatever the process says"
    assert rig.pictures == [("e1", b"jpeg", "")]


def test_the_picture_of_a_tamper_is_passed_on_and_its_file_deleted(rig: Rig) -> None:
    rig.link(
        "hello(); open(os.path.join(spec['snapshot_directory'], 'e1.jpg'), 'wb').write(b'jpeg')\n"
        "say(t='camera-tamper', event_id='e1', kind='covered', active=True, boottime_ns=1, snapshot='e1')\n"
        "lines.readline()"
    )
    rig.until(lambda: rig.pictures)

    assert rig.pictures == [("e1", b"jpeg", "")]
    assert list((rig.directory / "snapshots").iterdir()) == []


def test_who_is_in_view_is_known_from_the_moment_it_is_told_until_the_process_ends(rig: Rig) -> None:
    link = rig.link("hello(); say(t='in-view', persons=2, tracks=['0a1b2c3d-1', '0a1b2c3d-4']); lines.readline()")
    rig.until(lambda: link.in_view.persons)
    assert link.in_view == InView(persons=2, tracks=("0a1b2c3d-1", "0a1b2c3d-4"))
    assert rig.told == [], "nobody else needs to hear of it"

    assert link.pid is not None
    os.kill(link.pid, signal.SIGKILL)
    rig.until(lambda: rig.failures)
    assert link.in_view == InView(persons=0, tracks=())


def test_how_long_ago_several_people_closed_in_is_told_with_an_alarm_as_of_now(rig: Rig) -> None:
    link = rig.link(
        "hello(); say(t='in-view', persons=4, tracks=[], closed_in=dict(people=3, since_boottime_ns=1))\n"
        "lines.readline()"
    )
    rig.until(lambda: link.converging)

    assert link.converging is not None
    assert link.converging.people == 3
    assert link.converging.since_s > 0
    assert rig.told == [], "it is no event"


@pytest.mark.parametrize(
    "line",
    [
        "t='in-view', persons=1, tracks=['#']",
        "t='loitering', data=dict(AT, duration_ms=1, track='a-1', score=0.5, box=[0,0,1,1])",
        "t='crowd', data=dict(AT, duration_ms=1, phase='maybe')",
        "t='line-crossed', data=dict(AT, track='a-1', score=1, box=[0,0,1,1], line='x')",
        "t='after-hours', data=dict(AT, duration_ms=1, phase='began', zone='A/#')",
        "t='crowd', data=7",
        "t='flood', data=dict(AT, duration_ms=1, phase='began')",
    ],
)
def test_a_report_that_lacks_a_field_or_has_a_bad_one_is_left_out_and_the_next_is_heard(rig: Rig, line: str) -> None:
    link = rig.link(f"{AT}hello(); say({line}); beat(); lines.readline()")
    rig.until(lambda: link.heartbeat)

    assert rig.told == []
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


TAMPER = 'say(t="camera-tamper", event_id="e1", kind="covered", active=True, boottime_ns=1)'


def tampers_told(rig: Rig) -> list[tuple[TamperKind, bool]]:
    told = [draft.data for draft in rig.events if isinstance(draft.data, CameraTamperData)]
    return [(data.kind, data.active) for data in told]


def test_a_tamper_is_told_and_ends_with_the_process_that_found_it(rig: Rig) -> None:
    link = rig.link(f"hello(); beat(); {TAMPER}; lines.readline()")
    rig.until(lambda: tampers_told(rig))
    assert link.pid is not None
    psutil.Process(link.pid).kill()
    rig.until(lambda: rig.failures)

    assert tampers_told(rig) == [(TamperKind.COVERED, True), (TamperKind.COVERED, False)]
    assert link.impairments.figures() == {"tampers": []}


BLURRED = 'say(t="hardly-able-to-see", event_id="e1", reason="blurred", active={}, boottime_ns=1, detail="focus it")'


def test_a_camera_that_is_hardly_able_to_see_says_so_and_works(rig: Rig) -> None:
    link = rig.link(f"hello(); {BLURRED.format(True)}; beat(); lines.readline(); {BLURRED.format(False)}; {SERVE}")
    rig.until(lambda: rig.states)

    assert rig.board.parts() == {"sight-front": PartState(False, "hardly able to see: focus it", transient=True)}
    assert rig.states == [(True, "")]
    assert link.take_snapshot("p1")
    rig.until(lambda: rig.board.parts() == {"sight-front": PartState(True)})


def test_what_a_camera_process_said_of_its_sight_ends_with_it(rig: Rig) -> None:
    link = rig.link(f"hello(); beat(); {BLURRED.format(True)}; lines.readline()")
    rig.until(rig.board.parts)
    assert link.pid is not None
    psutil.Process(link.pid).kill()
    rig.until(lambda: rig.failures)

    told = [draft.data for draft in rig.events if isinstance(draft.data, HardlyAbleToSeeData)]
    assert [(data.event_id, data.active) for data in told] == [("e1", True), ("e1", False)]
    assert link.impairments.figures() == {"tampers": []}
    rig.until(lambda: rig.board.parts() == {"sight-front": PartState(True)})


@pytest.mark.parametrize("then", ["lines.readline()", "sys.exit(1)"], ids=["hung", "dead"])
def test_a_process_that_hangs_or_is_dead_has_lost_the_signal(rig: Rig, then: str) -> None:
    # The next one gets no farther than its start: a machine may be so busy that it would be heard within the loop.
    once = str(rig.directory / "once")
    link = rig.link(f"if os.path.exists({once!r}): lines.readline()\nopen({once!r}, 'x'); hello(); beat(); {then}")
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


def test_a_new_spec_starts_the_process_anew_and_is_no_fault(rig: Rig) -> None:
    link = rig.link("hello(); beat(detail=spec['source'])\nfor line in lines: beat(detail=spec['source'])")
    rig.until(lambda: link.heartbeat)
    pid = link.pid
    link.respec(link._spec.model_copy(update={"source": "file:other"}))
    rig.until(lambda: link.heartbeat is not None and link.heartbeat.detail == "file:other")

    assert link.pid != pid
    assert rig.failures == []
    assert [spec.source for spec in rig.specs] == ["file:other"]


def test_what_a_process_said_before_its_settings_changed_is_not_about_the_new_ones(rig: Rig) -> None:
    may = rig.directory / "may"
    os.mkfifo(may)
    link = rig.link(f"open({str(may)!r}).read(); hello(); lines.readline()")
    rig.until(lambda: link.pid)
    may.write_text("")
    wait_for(link._has_more, what="a hello that nobody has read")
    link.respec(link._spec.model_copy(update={"source": "file:other"}))
    link.run_once(0)

    assert link._spec.new_scene


def test_on_battery_a_camera_slows_down_then_stops_and_comes_back_with_the_mains(rig: Rig) -> None:
    link = rig.link("import time; hello()\nwhile True: beat(detail=str(spec['frames_per_second'])); time.sleep(0.02)")

    def rates() -> str:
        return "" if link.heartbeat is None else link.heartbeat.detail

    rig.until(lambda: rates() == "10.0")
    rig.battery.condition("mains", "mains", active=True, since_ns=rig.clock.boottime_ns())
    rig.clock.advance(timedelta(seconds=60))
    rig.until(lambda: rates() == "2.0", "a slow camera")
    assert rig.failures == [], "a slow camera works"
    rig.clock.advance(timedelta(seconds=1740))
    rig.until(lambda: link.pid is None, "a camera that is stopped")
    [said] = rig.failures
    assert "runs on its battery" in said
    for _ in range(20):
        rig.clock.advance(timedelta(seconds=10))
        link.run_once(0)
    assert link.pid is None
    assert rig.failures == [said]
    assert not any(part.startswith("sight") for part in rig.board.parts())
    assert not rig.events, "no tamper: we have stopped it"
    rig.battery.condition("mains", "mains", active=False, since_ns=rig.clock.boottime_ns())
    rig.until(lambda: rates() == "10.0", "the camera again")


def saw(event: str, event_id: str, **more: Any) -> dict[str, Any]:
    data = {"event_id": event_id, "camera": "x", "frame_monoms": 1000, "persons": 2, "track": "5f0c2e7a-1", **more}
    return {"t": event, "data": data | {"duration_ms": 600, "score": 0.9, "box": [0.1, 0.1, 0.1, 0.3]}}


@pytest.mark.parametrize("how", ["killed", "on battery", "new settings"])
def test_what_went_on_before_a_camera_ends_with_its_process_once(rig: Rig, how: str) -> None:
    told = [
        saw("person-entered", "e1"),
        saw("loitering", "e2", zone="street", phase="began"),
        saw("loitering", "e3", phase="began"),
        saw("loitering", "e3", phase="ended"),
        saw("line-crossed", "e4", line="gate", direction="left-to-right"),
    ]
    ran = rig.directory / "ran"  # the next process says nothing
    says = f"[say(**each) for each in {told} if not os.path.exists({str(ran)!r})]"
    link = rig.link(f"hello(); beat(); {says}; open({str(ran)!r}, 'w'); lines.readline(); signal.pause()")
    rig.until(lambda: len(rig.told) == len(told))
    wait_for(ran.exists)
    assert link.pid is not None
    if how == "killed":
        psutil.Process(link.pid).kill()
    elif how == "on battery":
        rig.battery.condition("mains", "mains", active=True, since_ns=rig.clock.boottime_ns())
        rig.clock.advance(timedelta(seconds=61))
    else:
        link.respec(link._spec.model_copy(update={"source": "file:other"}))
    rig.until(lambda: rig.told[len(told) :], "the ends")

    (first, left), (second, over) = rig.told[len(told) :]
    assert (first, left.event_id, left.frame_monoms, left.persons) == ("person-left", "e1", 1000, 0)
    assert isinstance(over, LoiteringData)
    assert (second, over.event_id, over.zone, over.phase) == ("loitering", "e2", "street", "ended")
    assert (over.duration_ms, over.unseen) == (600, True)
    link._end()
    assert len(rig.told) == len(told) + 2


def test_an_agent_that_ends_leaves_the_ends_to_its_next_birth(rig: Rig) -> None:
    link = rig.link(f"hello(); beat(); say(**{saw('person-entered', 'e1')}); lines.readline()")
    rig.until(lambda: rig.told)
    link.close()

    assert [event for event, _ in rig.told] == ["person-entered"]
