"""A network camera, recorded as it comes: GStreamer's own server, and servers that are worse."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent.core.camera.recorder_link import BeginClip, ClipEnded, RecorderState
from tests.recorder.test_app import Running, opened, pictures
from tests.support.recording import KeptClip, probe
from tests.support.rtsp_server import RtspServer
from tests.support.wait import wait_for

pytestmark = pytest.mark.recording

__all__ = ["opened"]
REORDERED = (
    "x264enc bframes=2 b-adapt=false rc-lookahead=1 key-int-max=60 ! video/x-h264,profile=main ! h264parse ! rtph264pay"
)


@pytest.fixture
def server() -> Iterator[RtspServer]:
    with RtspServer() as running:
        yield running


def clip(running: Running, ring_s: float = 2) -> KeptClip:
    """A clip, after so many seconds are in the ring."""
    running.wait_for(RecorderState, lambda state: state.ring_s >= ring_s)
    running.say(BeginClip(clip="c1", seconds=2, facts={}))
    running.wait_for(ClipEnded)
    return running.clips.kept["c1"]


def test_it_is_written_as_it_comes_and_without_its_sound(server: RtspServer, opened: list[Any], tmp_path: Path) -> None:
    opened.append(running := Running(tmp_path, stream=server.url()))
    kept = clip(running)
    state = running.wait_for(RecorderState)

    assert server.set_up == [f"{server.url()}/stream=0"]
    probed = probe(tmp_path / "a.mp4", kept.content)
    assert probed.complaints == ""
    assert [stream["codec_name"] for stream in probed.streams] == ["h264"]
    assert b"soun" not in kept.content
    assert state.encoder is None
    assert probed.keys[:3] == [0, 10, 20]
    assert probed.shown_s[-1] == pytest.approx((len(probed.shown_s) - 1) / 20, abs=0.5)


def test_pictures_out_of_order_and_few_key_frames_are_recorded_from_a_key_frame_on(
    opened: list[Any], tmp_path: Path
) -> None:
    with RtspServer(encode=REORDERED) as server:
        opened.append(running := Running(tmp_path, stream=server.url()))
        kept = clip(running, 4)
        state = running.wait_for(RecorderState)

    assert state.group_s == pytest.approx(3, abs=0.5)
    assert max(each.end_ns - each.begin_ns for each in kept.fragments) < 1.5e9
    probed = probe(tmp_path / "a.mp4", kept.content)
    assert probed.complaints == ""
    assert probed.keys[0] == 0
    assert probed.shown_s != sorted(probed.shown_s)
    steps = [after - before for before, after in zip(sorted(probed.shown_s), sorted(probed.shown_s)[1:], strict=False)]
    assert max(steps) < 0.25
    assert len(pictures(tmp_path / "a.mp4", kept.content)) == len(probed.packets)


def test_a_camera_with_masks_is_not_opened_unless_it_covers_what_they_cover(
    server: RtspServer, opened: list[Any], tmp_path: Path
) -> None:
    opened.append(running := Running(tmp_path, stream=server.url(), masked=True))
    running.wait_for(RecorderState)
    running.wait_for(RecorderState, lambda state: state is not running.told[0])
    assert server.set_up == []
    opened.append(attested := Running(tmp_path / "..", stream=server.url(), masked=True, masked_by_camera=True))
    attested.wait_for(RecorderState, lambda state: state.pictures > 0)


def test_a_camera_that_accepts_and_never_answers_holds_nobody_up(opened: list[Any], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"rtsp://user:geheim-77@127.0.0.1:{silent.getsockname()[1]}/yard"
        opened.append(running := Running(tmp_path, stream=address))
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(8) == b"OPTIONS "
            said = len(running.told)
            wait_for(lambda: len(running.told) > said, what="a state while the camera is silent")
            [child] = psutil.Process().children()
            assert "geheim-77" not in "".join(child.cmdline())
            running.close()
    assert not child.is_running()
    assert "geheim-77" not in repr(running.told)


def test_a_camera_that_comes_back_is_recorded_again(server: RtspServer, opened: list[Any], tmp_path: Path) -> None:
    opened.append(running := Running(tmp_path, stream=server.url()))
    running.wait_for(RecorderState, lambda state: state.pictures > 10)
    server.kill()
    lost = running.wait_for(RecorderState, lambda state: state.state == "degraded" and state.pictures > 10)
    server.start()
    running.wait_for(RecorderState, lambda state: state.state == "ok" and state.pictures > lost.pictures + 10)

    assert "stream" in lost.detail
