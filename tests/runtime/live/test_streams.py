"""A look by a stream: the same lease, the same record, and one push for all who look at a camera."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.contract.messages import AlarmCamera
from agent.core.delivery.push_link import decode
from agent.runtime.live import push
from agent.runtime.live.live_view import LiveView
from agent.runtime.live.push import StreamRules
from agent.runtime.live.streams import Streams
from tests.support.context import make_context
from tests.support.drafts import alarm, alarm_data
from tests.support.live_rig import BOSS, SIPHO, THANDI, LiveRig
from tests.support.wait import wait_for

CHILD = """
import json, os, socket, sys
say, log = socket.socket(fileno=int(sys.argv[2])), open(sys.argv[1], "ab", buffering=0)
log.write(b'{"t": "moves", "pictures": %d}\\n' % os.getpid())
lines = say.makefile("rb")
for line in lines:
    log.write(line)
    if b'"push"' in line:
        say.sendall(b'{"t": "listens"}\\n{"t": "moves", "pictures": 7}\\n')
        if os.path.exists(sys.argv[1] + ".fail"):
            say.sendall(b'{"t": "ended", "detail": "the media server takes no stream: it answers 500"}\\n')
            break
        if os.path.exists(sys.argv[1] + ".hang") and open(sys.argv[1] + ".hang", "rb").read() in line:
            import signal
            signal.pause()
"""


@dataclass
class StreamRig(LiveRig):
    """A media server in the settings, and a child that says what a test wants."""

    recorded: set[str] = field(default_factory=lambda: {"front"})
    connected: bool = True
    given: list[tuple[str, str]] = field(default_factory=list)

    def start(self) -> None:
        super().start()
        self.log = self.directory / "child.log"
        command = (sys.executable, "-c", CHILD, str(self.log))
        url = "rtsps://media.example:8322/gp/kiosk/{camera}"
        self.rules = StreamRules(command, self, url, self.directory, Path("/etc/ca.pem"))
        context = make_context(self.outbox, self.clock)
        part: Any = self
        self.streams = Streams(self.rules, self.clock, self.outbox, part)
        self.live = LiveView(context, self.outbox, part, part, self, self.streams)
        self.live.restore()

    def can_give(self, camera: str) -> bool:
        return camera in self.recorded

    def give(self, camera: str, path: str) -> None:
        self.given.append((camera, path))

    def close(self) -> None:
        self.live.close()
        super().close()

    def stream(self, who: Any = THANDI, **args: Any) -> str:
        """Begin a look by a stream, whose child has said its word."""
        live = self.look(who, rung="stream", **args)
        self.said()
        return live

    def said(self) -> None:
        """Let what the child says be heard."""

        def given() -> bool:
            self.passes()
            return bool(self.given)

        wait_for(given, what="the child's word")

    def ended(self) -> Any:
        """What is told of the first look that has ended, when it is."""

        def told() -> list[Any]:
            self.passes()
            return self.told("stopped")

        return wait_for(told, what="the end of the look")[0]

    def heard(self) -> list[Any]:
        """What each child was told so far, behind its process id."""
        return [decode(line) for line in self.log.read_bytes().splitlines()]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[StreamRig]:
    made = StreamRig(tmp_path / "store")
    yield made
    made.close()


def test_a_stream_has_its_beginning_on_the_disk_before_its_child_starts_and_its_end_after_it(rig: StreamRig) -> None:
    live = rig.look(rung="stream", lease_s=10)
    assert not rig.log.exists()
    assert list(rig.outbox._store.state("live/")) == [f"live/{live}"]
    rig.said()
    [pid, push] = rig.heard()[:2]
    assert (push.url, push.ca_file) == ("rtsps://media.example:8322/gp/kiosk/front", "/etc/ca.pem")
    assert push.until_ns == rig.clock.boottime_ns() + 10 * 10**9
    assert rig.given == [("front", push.socket)]
    assert rig.sent == [], "no picture is sent beside it"
    rig.passes(9.9, step_s=1.1)
    assert rig.told("stopped") == []
    rig.passes(0.2)
    ended = rig.ended()
    assert not Path(f"/proc/{pid.pictures}").exists()
    [began] = rig.told("started")
    assert (began["rung"], began["place"]) == (ended["rung"], ended["place"]) == ("stream", "media.example:8322")
    assert (ended["why"], ended["pictures"]) == ("lease", 7)


def test_two_share_one_stream_until_the_last_of_them_ends(rig: StreamRig) -> None:
    first = rig.stream(lease_s=60)
    second = rig.stream(SIPHO, lease_s=30)
    assert len(rig.given) == 1
    assert rig.live.stop(first, BOSS).code == "ok"
    rig.passes(1)
    until = wait_for(lambda: [each for each in rig.heard() if hasattr(each, "until_ns")][1:], what="a shorter lease")
    assert until[-1].until_ns == rig.clock.boottime_ns() + 29 * 10**9
    assert rig.ask(SIPHO, live=second, lease_s=60).output["rung"] == "stream"
    assert rig.live.stop(second, SIPHO).code == "ok"
    assert [(each["why"], each["ended_by"]) for each in rig.told("stopped")] == [
        ("asked", "boss"),
        ("asked", "Sipho (room)"),
    ]


def test_one_by_pictures_beside_one_by_a_stream(rig: StreamRig) -> None:
    rig.stream()
    rig.look(SIPHO, fps=1)
    rig.passes(3)
    assert 2 <= len(rig.sent) <= 4
    rig.rest_s = 100
    assert rig.ask(BOSS).code == "no-picture"
    assert rig.ask(BOSS, rung="stream").code == "ok", "pictures that rest keep no stream back"


def test_without_a_server_or_a_recorder_there_is_no_stream(rig: StreamRig) -> None:
    assert rig.ask(rung="stream", camera="back").code == "no-stream"
    rig.blind = {"front"}
    assert rig.ask(rung="stream").code == "no-picture"
    rig.blind = set()
    rig.live._streams = None
    assert rig.ask(rung="stream").text == "there is no stream: the settings name no media server"
    assert rig.told() == []


def test_a_stream_that_fails_ends_the_look_with_its_reason_and_pictures_remain(rig: StreamRig) -> None:
    Path(f"{rig.log}.fail").touch()
    live = rig.look(rung="stream", lease_s=60)
    ended = rig.ended()
    assert (ended["why"], ended["failure"]) == ("stream", "the media server takes no stream: it answers 500")
    renewed = rig.ask(live=live)
    assert renewed.code == "stream-failed"
    assert renewed.text.endswith("it answers 500")
    assert rig.ask().code == "ok"


def test_a_stream_of_which_nothing_moves_ends(rig: StreamRig) -> None:
    Path(f"{rig.log}.hang").touch()
    rig.stream(lease_s=60)
    rig.passes(21, step_s=1)
    assert rig.ended()["failure"] == "nothing has moved for 10 s"


def test_nothing_leaves_while_an_alarm_waits_for_a_broker_that_is_there(rig: StreamRig) -> None:
    rig.stream(lease_s=300)
    rig.outbox.put(alarm())
    rig.passes(1)
    wait_for(lambda: gates(rig) == [True], what="a gate that is shut")
    rig.passes(30, step_s=1)
    wait_for(lambda: gates(rig) == [True, False], what="a gate that is open: no broker takes that alarm")
    rig.told()  # a broker takes it after all
    rig.passes(1)
    rig.outbox.put(alarm())
    rig.connected = False
    rig.passes(1)
    rig.connected = True
    rig.passes(0.1)
    wait_for(lambda: gates(rig) == [True, False, True], what="a gate that is shut for a broker that is there")
    assert rig.told("stopped") == []


def test_a_press_goes_first_with_its_picture_whatever_has_waited_for_long(rig: StreamRig) -> None:
    rig.stream(lease_s=300)
    rig.outbox.put(alarm())
    rig.passes(31, step_s=1)
    wait_for(lambda: gates(rig) == [True, False], what="a gate that is open again")
    rig.streams.pressed(alarm_data())
    rig.passes(1)
    wait_for(lambda: gates(rig) == [True, False, True], what="a gate that is shut for the press")
    rig.told()  # a broker takes both
    rig.streams.pressed(alarm_data(camera=AlarmCamera(name="front", snapshot="p1")))
    rig.passes(0.5)
    wait_for(lambda: gates(rig) == [True, False, True], what="a gate that is shut for the picture")
    rig.passes(1)
    wait_for(lambda: gates(rig) == [True, False, True, False], what="a gate that is open: no picture came")


def test_a_process_that_does_not_end_keeps_neither_an_alarm_nor_a_command_waiting(
    rig: StreamRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "_LAST_S", 600.0)
    rig.recorded.add("back")
    Path(f"{rig.log}.hang").write_text("live-front.sock")
    rig.stream(lease_s=10)
    front = rig.heard()[0].pictures
    rig.given.clear()
    back = rig.stream(SIPHO, camera="back", lease_s=60)
    rig.passes(11, step_s=1)
    rig.outbox.put(alarm())
    rig.passes(1)
    wait_for(lambda: gates(rig) == [True], what="a gate that is shut for the other camera")
    assert rig.ask(SIPHO, live=back, lease_s=60).code == "ok"
    assert rig.told("stopped") == []
    os.kill(front, signal.SIGKILL)
    assert rig.ended()["why"] == "lease"


def gates(rig: StreamRig) -> list[bool]:
    return [each.hold for each in rig.heard() if hasattr(each, "hold")]
