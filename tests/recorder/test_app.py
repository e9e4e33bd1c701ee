"""A whole recorder in a thread, fed as a camera process feeds it, and by a network camera."""

import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
import pytest

from agent.adapters import opencv_imaging as imaging
from agent.core.camera.recorder_link import (
    BeginClip,
    ClipBegun,
    ClipEnded,
    EndClip,
    FromRecorder,
    RecorderSpec,
    RecorderState,
    StartRecorder,
    StopRecorder,
    ToRecorder,
    decode_for_core,
)
from agent.core.errors import EdgeAgentError
from agent.core.link_lines import encode
from agent.ports import Frame
from agent.recorder.app import run
from agent.recorder.keeping import Keeping
from agent.vision.frame_slot import FrameSlot
from agent.vision.privacy import PrivacyMask
from agent.vision.recorder_feed import RecorderFeed
from tests.support.recording import NOWHERE, KeptClips, probe
from tests.support.unsigned import Unsigned
from tests.support.vision_stand_ins import boottime_ns
from tests.support.wait import wait_for

pytestmark = pytest.mark.recording

T = TypeVar("T", bound=FromRecorder)
MASK = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


class Running:
    """`run` in a thread, and the core's end of its link."""

    def __init__(self, directory: Path, **changes: Any) -> None:
        self.clips = KeptClips()
        self.told: list[FromRecorder] = []
        self.failure: EdgeAgentError | None = None
        self.path = directory / "yard.sock"
        self._link, self._recorder = socket.socketpair()
        values = {"camera": "yard", "socket": str(self.path), "keeping": NOWHERE}
        spec = RecorderSpec(**{**values, **changes})
        self._threads = [threading.Thread(target=self._run), threading.Thread(target=self._read)]
        for thread in self._threads:
            thread.start()
        self.say(StartRecorder(spec=spec))

    def say(self, message: ToRecorder) -> None:
        self._link.sendall(encode(message))

    def wait_for(self, kind: type[T], where: Any = lambda _: True) -> T:
        def found() -> list[T]:
            return [each for each in list(self.told) if isinstance(each, kind) and where(each)]

        return wait_for(found, what=f"{kind.__name__} among {self.told[-3:]}")[-1]

    def hang_up(self) -> None:
        self._link.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        if self._threads[0].is_alive():
            self.hang_up()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()
        self._link.close()

    def _run(self) -> None:
        try:
            with self._recorder:
                run(self._recorder, lambda _: Keeping(self.clips, Unsigned(), lambda: None))
        except EdgeAgentError as error:
            self.failure = error

    def _read(self) -> None:
        with self._link.makefile("rb") as lines:
            self.told.extend(decode_for_core(line) for line in lines)


class Camera:
    """What a camera process does with its pictures: a moving bar, 20 times a second or as often as is said."""

    def __init__(self, path: Path, *masks: Any, size: tuple[int, int] = (160, 120), period_s: float = 0.05) -> None:
        self.slot = FrameSlot(PrivacyMask(masks, imaging.fill_polygon).cover)
        self.size = size
        self._feed = RecorderFeed(str(path), "yard", bool(masks), self.slot, imaging.i420, 1 / 12)
        self._period_s = period_s
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._shoot), threading.Thread(target=self._give)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)
        self._feed.close()

    def _shoot(self) -> None:
        number = 0
        while not self._stop.wait(self._period_s):
            number += 1
            pixels = np.full((self.size[1], self.size[0], 3), 40, np.uint8)
            pixels[:, number * 7 % self.size[0] :][:, :12] = 255
            self.slot.put(Frame(pixels, boottime_ns(), number))

    def _give(self) -> None:
        while not self._stop.is_set():
            self._feed.run_once()


@pytest.fixture
def opened() -> Iterator[list[Any]]:
    """What is closed at the end of the test, the newest first."""
    things: list[Any] = []
    yield things
    for thing in reversed(things):
        thing.close()


def pictures(path: Path, content: bytes) -> list[Any]:
    path.write_bytes(content)
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]


def test_a_clip_of_a_camera_process_begins_before_it_was_asked_for(opened: list[Any], tmp_path: Path) -> None:
    opened.append(running := Running(tmp_path))
    opened.append(Camera(running.path))
    running.wait_for(RecorderState, lambda state: state.ring_s >= 2)
    running.say(BeginClip(clip="c1", seconds=30, facts={"alarm": "a-1"}))
    begun = running.wait_for(ClipBegun)
    wait_for(lambda: len(running.clips.kept["c1"].writes) >= 3, what="two more fragments")
    running.say(EndClip(clip="c1"))
    ended = running.wait_for(ClipEnded)
    state = running.wait_for(RecorderState, lambda state: not state.clips)

    assert begun.before_s >= 2
    assert ended.seconds >= 3
    assert running.clips.kept["c1"].why == {"alarm": "a-1"}
    probed = probe(tmp_path / "a.mp4", running.clips.kept["c1"].content)
    assert probed.complaints == ""
    assert [stream["codec_type"] for stream in probed.streams] == ["video"]
    assert (state.state, state.encoder) == ("ok", "libx264")
    assert 0.5 < state.group_s < 2


def test_a_camera_that_is_slower_than_the_rate_is_recorded_in_groups_of_a_second_and_that_is_no_trouble(
    opened: list[Any], tmp_path: Path
) -> None:
    opened.append(running := Running(tmp_path))
    opened.append(Camera(running.path, period_s=0.3))
    state = running.wait_for(RecorderState, lambda state: state.ring_s >= 4)

    assert state.group_s < 1.6
    assert (state.state, state.trouble) == ("ok", "")


def test_an_encoder_that_hangs_ends_the_process_which_says_which_one_it_was(
    opened: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr("agent.recorder.app.AvEncoder.encode", lambda *_: goes_on.wait())
    monkeypatch.setattr("agent.recorder.app._HANGS_S", 0.5)
    opened.append(running := Running(tmp_path))
    opened.append(Camera(running.path))
    try:
        state = running.wait_for(RecorderState, lambda state: bool(state.hangs))
        assert (state.hangs, state.state) == ("libx264", "degraded")
    finally:
        goes_on.set()


def test_one_that_has_hung_is_not_tried_again_and_a_person_hears_of_it(
    opened: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.recorder.app.ENCODERS", ("h264_v4l2m2m", "libx264"))
    opened.append(running := Running(tmp_path, hung="h264_v4l2m2m"))
    opened.append(Camera(running.path))
    state = running.wait_for(RecorderState, lambda state: state.state == "ok")

    assert state.encoder == "libx264"
    assert state.trouble == "the encoder h264_v4l2m2m hung: libx264 encodes in its place until the agent restarts"


def test_opening_an_encoder_has_a_limit_of_its_own(
    opened: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_loaded = threading.Event()
    monkeypatch.setattr("agent.recorder.app.AvEncoder", lambda *_: is_loaded.wait())
    monkeypatch.setattr("agent.recorder.app._OPENS_S", 0.5)
    opened.append(running := Running(tmp_path))
    opened.append(Camera(running.path))
    try:
        running.wait_for(RecorderState, lambda state: state.detail == "the encoder that is being opened hangs")
    finally:
        is_loaded.set()


def test_a_masked_camera_is_recorded_from_masked_pictures(opened: list[Any], tmp_path: Path) -> None:
    opened.append(running := Running(tmp_path, masked=True))
    opened.append(Camera(running.path, MASK))
    running.wait_for(RecorderState, lambda state: state.ring_s >= 2)
    running.say(BeginClip(clip="c1", seconds=1, facts={}))
    running.wait_for(ClipEnded)

    shown = pictures(tmp_path / "a.mp4", running.clips.kept["c1"].content)
    assert len(shown) >= 15
    assert max(int(np.ptp(picture[:, :72])) for picture in shown) < 8
    assert max(int(np.ptp(picture[:, 88:])) for picture in shown) > 100


def test_a_masked_camera_that_sends_unmasked_pictures_is_not_recorded(opened: list[Any], tmp_path: Path) -> None:
    opened.append(running := Running(tmp_path, masked=True))
    opened.append(Camera(running.path))
    state = running.wait_for(RecorderState, lambda state: "privacy masks" in state.detail)

    assert state.state == "degraded"
    assert (state.ring_bytes, state.pictures) == (0, 0)


def test_a_camera_that_changes_its_size_is_recorded_on(opened: list[Any], tmp_path: Path) -> None:
    opened.append(running := Running(tmp_path))
    opened.append(camera := Camera(running.path))
    running.wait_for(RecorderState, lambda state: state.ring_s >= 1)
    running.say(BeginClip(clip="c1", seconds=30, facts={}))
    running.wait_for(ClipBegun)
    camera.size = (96, 64)
    begun = running.wait_for(ClipBegun, lambda each: each.continues == "c1")

    assert running.clips.kept["c1"].ended == "changed"
    assert uuid.UUID(begun.into).version == 7


def test_when_the_agent_is_gone_the_clips_are_closed(opened: list[Any], tmp_path: Path) -> None:
    opened.append(running := Running(tmp_path))
    opened.append(Camera(running.path))
    running.wait_for(RecorderState, lambda state: state.ring_s >= 1)
    running.say(BeginClip(clip="c1", seconds=30, facts={}))
    running.wait_for(ClipBegun)
    running.hang_up()
    wait_for(lambda: running.clips.kept["c1"].ended, what="the end of the clip")

    assert running.clips.kept["c1"].ended == "the agent ended"
    assert running.clips.recovered == 1


def test_a_stop_ends_it(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.say(StopRecorder())
    running.close()

    assert running.failure is None
    assert not running.path.exists()
