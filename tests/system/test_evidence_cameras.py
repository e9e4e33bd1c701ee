"""Cameras and clocks that do what they should not while a clip is recorded, through the whole agent."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.centre import Message
from tests.support.recorded_kiosk import BEFORE_S, Site
from tests.support.rtsp_server import RtspServer
from tests.support.wait import wait_for
from tests.system.test_evidence import length_of, time_of

pytestmark = pytest.mark.recording

pytest.importorskip("av", reason="a recorder needs PyAV to encode: pip install av")

REORDERED = (
    "x264enc speed-preset=ultrafast bframes=2 b-adapt=false rc-lookahead=1 key-int-max=200 ! "
    "video/x-h264,profile=main ! h264parse ! rtph264pay"
)
H265 = "x265enc speed-preset=ultrafast tune=zerolatency key-int-max=20 ! rtph265pay"


def network_camera(opened: ExitStack, directory: Path, **options: Any) -> tuple[Site, RtspServer]:
    server = opened.enter_context(RtspServer(**options))
    return Site(opened, directory, cameras=[{"name": "front", "source": server.url()}]), server


def ask(site: Site, seconds: float) -> str:
    """Have a clip kept of so many seconds from now; returns its name when it has begun."""
    answer = site.centre.result(site.order("clip", seconds=seconds, reason="a test"))
    assert answer["code"] == "ok", answer
    return str(answer["output"]["clip"])


def film(site: Site, clip: str, directory: Path) -> float:
    """Verify a clip, export it, and return its length; it must play without a warning."""
    file = site.kiosk.clips / f"{clip}.clip"
    site.office.file_heads(site.centre.messages("evidence"))
    case = directory / clip
    done = site.office.run("export", file, "--key", site.office.key_file, "--out", case, "--by", "T")
    print(done.stdout)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lengths = [length_of(each) for each in case.glob("*.mp4")]
    assert max(lengths) - min(lengths) < 0.5, lengths
    return max(lengths)


def test_pictures_out_of_order_and_a_key_frame_every_ten_seconds(opened: ExitStack, tmp_path: Path) -> None:
    site, _ = network_camera(opened, tmp_path, encode=REORDERED)
    site.wait_for_ring()
    clip = ask(site, 2)
    begun = site.wait_for("begun", clip=clip)
    assert BEFORE_S <= begun.data["before_s"] <= BEFORE_S + 11, "from the key frame before on"
    site.centre.wait_for("health", lambda m: m.data["cameras"]["front"]["recording"].get("group_s", 0) > 9.5)
    assert site.wait_for("ended", clip=clip).data["reason"] == "complete"
    assert film(site, clip, tmp_path) > begun.data["before_s"]


def test_h265_is_told_to_be_no_evidence_and_a_press_says_no_clip(opened: ExitStack, tmp_path: Path) -> None:
    site, _ = network_camera(opened, tmp_path, encode=H265)
    told = "can't be evidence here: set the camera to H.264"
    site.centre.wait_for("health", lambda m: told in str(m.data["parts"].get("recorder-front")))
    site.kiosk.press()
    assert "clips" not in site.centre.wait_for_alarm("raised").data


def test_a_camera_that_changes_its_size_and_one_that_stalls_are_recorded_as_far_as_they_go(
    opened: ExitStack, tmp_path: Path
) -> None:
    site, server = network_camera(opened, tmp_path)
    site.wait_for_ring(2)
    first = ask(site, 12)
    server.resize(480, 360)
    assert site.wait_for("ended", clip=first).data["reason"] == "changed"
    second = site.wait_for("begun", continues=first).data["clip"]

    def stalls(message: Message) -> bool:
        return "no picture" in str(message.data["cameras"]["front"]["recording"].get("detail"))

    server.freeze()
    site.centre.wait_for("health", stalls)
    assert site.wait_for("ended", clip=second).data["reason"] == "complete"
    assert film(site, first, tmp_path) > 2
    assert film(site, second, tmp_path) > 0


def test_a_clock_that_is_set_by_an_hour_in_the_middle_of_a_clip_changes_no_verdict(
    opened: ExitStack, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0")
    site = Site(opened, tmp_path, environ={"TEST_CLOCK": str(clock)})
    site.wait_for_ring(3)
    clip = ask(site, 10)
    manifest = site.kiosk.clips / f"{clip}.manifest"
    for step in (3600, -3600):
        grown = manifest.stat().st_size + 500
        wait_for(lambda: manifest.stat().st_size > grown, what="more of the clip")  # noqa: B023
        clock.write_text(str(step))
    ended = site.wait_for("ended", clip=clip)
    length = film(site, clip, tmp_path)
    told = [time_of(ended.data[name]) for name in ("begins", "ends")]
    assert (told[1] - told[0]).total_seconds() == pytest.approx(length, abs=0.5)
    said = site.office.verify(site.kiosk.clips / f"{clip}.clip").stdout
    assert "the clock was set by +3600" in said
    assert "the clock was set by -7200" in said
