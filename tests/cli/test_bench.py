"""`python -m deploy.lab bench vision`: what it reads, writes, prints and refuses."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.lab.__main__ import PROGRAM
from deploy.lab.opencv_video import VideoFile, VideoWriter
from tests.support.agent_process import start_lab
from tests.support.vision_media import demo_video
from tests.support.wait import wait_for

pytestmark = pytest.mark.eyes

FRAMES = 24
RATE = 10.0
_SETTINGS = """\
[device]
province = "gp"
site = "bench"
id = "bench"
[storage]
directory = "{directory}"
[mqtt]
brokers = ["mqtt://localhost"]
"""
_CAMERA = """
[[cameras]]
name = "{name}"
source = "file:unused.avi"
inferences_per_second = {budget}
model = "{model}"
[[cameras.zones]]
name = "lawn"
polygon = [[0.0, 0.5], [0.5, 0.5], [0.5, 1.0], [0.0, 1.0]]
[[cameras.lines]]
name = "kerb"
from = [0.2, 0.9]
to = [0.8, 0.4]
"""


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginning of the demo video."""
    path = tmp_path_factory.mktemp("video") / "street.mp4"
    frames = iter(VideoFile(demo_video()))
    with VideoWriter(path, RATE, VideoFile(demo_video()).size) as writer:
        for _ in range(FRAMES):
            writer.write(next(frames))
    return path


def settings(directory: Path, *names: str, budget: float = 30, model: str = "movenet-person-int8") -> Path:
    """A settings file with these cameras."""
    (directory / "state").mkdir()
    path = directory / "edge-agent.toml"
    cameras = [_CAMERA.format(name=name, budget=budget, model=model) for name in names]
    path.write_text(_SETTINGS.format(directory=directory / "state") + "".join(cameras))
    return path


def bench(config: Path, video: Path, *more: str) -> int:
    return PROGRAM.main(["bench", "vision", "--config", str(config), "--video", str(video), *more])


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_frame_is_looked_at_and_told_in_a_line(street: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "seen.jsonl"
    assert bench(settings(tmp_path, "front"), street, "--detections", str(out), "--json") == 0

    summary = json.loads(capsys.readouterr().out)
    lines = lines_of(out)
    assert [line["frame"] for line in lines] == list(range(1, FRAMES + 1))
    assert summary["frames"] == FRAMES
    assert summary["inferences"] == sum(line["inferences"] for line in lines)
    assert summary["trouble"] is None
    assert summary["interrupted"] is False
    for line in lines:
        assert line.keys() == {"frame", "inferences", "detections", "tracks"}
        for found in line["detections"]:
            assert 0 < found["score"] <= 1
            assert len(found["box"]) == 4
    tracks = [track for line in lines for track in line["tracks"]]
    assert {"id", "box"} == tracks[0].keys()
    assert all(20 < track["box"][3] < 200 for track in tracks), "people in this video are 60 to 90 pixels tall"
    assert len({track["id"] for track in tracks}) <= summary["people"]


def test_the_budget_of_the_settings_is_kept_in_the_time_of_the_video(street: Path, tmp_path: Path, capsys: Any) -> None:
    assert bench(settings(tmp_path, "front", budget=7), street, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert 0 < summary["most_inferences_in_a_second"] <= 7
    assert summary["inferences"] <= 7 * (FRAMES / RATE + 1)


def test_the_picture_of_what_was_seen_has_every_frame_and_is_drawn_on(street: Path, tmp_path: Path) -> None:
    out = tmp_path / "seen.mp4"
    assert bench(settings(tmp_path, "front"), street, "--render", str(out)) == 0
    drawn, original = list(VideoFile(out)), list(VideoFile(street))
    assert len(drawn) == len(original) == FRAMES
    changed = [abs(one.astype(int) - other).mean() for one, other in zip(drawn, original, strict=True)]
    assert min(changed) > 1, "the words at the top alone change more than coding does"


def test_the_summary_names_what_was_found(street: Path, tmp_path: Path, capsys: Any) -> None:
    assert bench(settings(tmp_path, "front"), street, "--frames", "20") == 0
    said = capsys.readouterr()
    assert "20, 2.0 s of video" in said.out
    assert "person-entered" in said.out
    assert said.err == "", "a progress bar is for a terminal"


def test_events_are_listed_with_the_frame_that_made_them_true(street: Path, tmp_path: Path, capsys: Any) -> None:
    bench(settings(tmp_path, "front"), street, "--json")
    summary = json.loads(capsys.readouterr().out)
    entered = [event for event in summary["events"] if event["event"] == "person-entered"]
    assert len(entered) == summary["event_counts"]["person-entered"] >= 1
    assert all(5 < event["frame"] <= FRAMES for event in entered), "somebody must be seen for half a second"


def test_a_video_that_was_cut_off_is_looked_at_as_far_as_it_goes(tmp_path: Path, capsys: Any) -> None:
    whole = demo_video().read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole[: len(whole) // 40])
    assert bench(settings(tmp_path, "front"), cut, "--json") == 0
    said = capsys.readouterr()
    summary = json.loads(said.out)
    assert 5 <= summary["frames"] < 795
    assert f"only {summary['frames']} of 795 frames" in summary["trouble"]
    assert f"only {summary['frames']} of 795 frames" in said.err.replace("\n", " ")


def test_nobody_is_seen_under_a_mask_and_the_picture_shows_the_mask(street: Path, tmp_path: Path, capsys: Any) -> None:
    config, out = settings(tmp_path, "front"), tmp_path / "seen.mp4"
    everything = "[[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]]"
    config.write_text(config.read_text().replace('name = "front"', f'name = "front"\nmasks = {everything}'))
    assert bench(config, street, "--render", str(out), "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["people"], summary["events"]) == (0, [])
    middle = next(iter(VideoFile(out)))[200:300]
    assert middle.std() < 20, "no more than the outlines of the zone and the line is left; a picture has 50"


def test_without_the_masks_of_the_settings_nothing_is_looked_at(street: Path, tmp_path: Path, capsys: Any) -> None:
    config = settings(tmp_path, "front")
    config.write_text(config.read_text().replace('name = "front"', 'name = "front"\nmask_file = "/nonexistent.json"'))
    assert bench(config, street, "--detections", str(tmp_path / "seen.jsonl")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "mask file /nonexistent.json" in line


def _text_file(directory: Path) -> Path:
    path = directory / "notes.mp4"
    path.write_text("no video\n" * 100)
    return path


@pytest.mark.parametrize(
    ("video", "more", "code", "said"),
    [
        (lambda directory: directory / "none.mp4", (), 1, "none.mp4 is not there: check the path"),
        (_text_file, (), 1, "notes.mp4 is not a readable video"),
        (lambda directory: directory, (), 1, "is not there"),
        (None, ("--camera", "back"), 2, "has no camera 'back': choose one of front"),
        (None, ("--detections", "{0}/none/seen.jsonl"), 1, "seen.jsonl can't be written: No such file"),
        (None, ("--render", "{0}/none/seen.mp4"), 1, "seen.mp4 can't be written as a video"),
        (None, ("--detections", "{1}"), 2, "is the video itself: write to another file"),
    ],
)
def test_what_cannot_work_is_told_in_one_line(
    street: Path,
    tmp_path: Path,
    capsys: Any,
    video: Callable[[Path], Path] | None,
    more: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    path = street if video is None else video(tmp_path)
    before = street.read_bytes()
    assert bench(settings(tmp_path, "front"), path, *(word.format(tmp_path, street) for word in more)) == code
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert said in errors[0]
    assert street.read_bytes() == before


def test_of_several_cameras_one_must_be_named(street: Path, tmp_path: Path, capsys: Any) -> None:
    config = settings(tmp_path, "a", "b")
    assert bench(config, street) == 2
    assert "has several cameras: choose one with --camera: a, b" in capsys.readouterr().err
    assert bench(config, street, "--camera", "b", "--frames", "1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["camera"] == "b"


def test_settings_without_a_camera_are_refused(street: Path, tmp_path: Path, capsys: Any) -> None:
    config = settings(tmp_path)
    config.write_text(config.read_text() + '[[buttons]]\nname = "police"\nkind = "panic"\npin = 17\n')
    assert bench(config, street) == 2
    assert "has no camera: add a [[cameras]] section" in capsys.readouterr().err


def test_a_model_that_is_not_built_is_told_with_the_command_that_builds_it(
    street: Path, tmp_path: Path, capsys: Any
) -> None:
    config = settings(tmp_path, "front")
    config.write_text(config.read_text().replace("movenet-person-int8", "no-such-model"))
    earlier = tmp_path / "seen.jsonl"
    earlier.write_text("earlier results")
    assert bench(config, street, "--detections", str(earlier)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "model 'no-such-model' is not in" in line
    assert earlier.read_text() == "earlier results"


@pytest.mark.parametrize("frames", ["0", "-3", "ten", ""])
def test_a_number_of_frames_that_is_none_is_refused(street: Path, tmp_path: Path, capsys: Any, frames: str) -> None:
    with pytest.raises(SystemExit) as ended:
        bench(settings(tmp_path, "front"), street, f"--frames={frames}")
    assert ended.value.code == 2
    assert "a number of frames, at least 1" in capsys.readouterr().err


def test_an_interrupt_ends_with_what_was_done_so_far(tmp_path: Path) -> None:
    out = tmp_path / "seen.jsonl"
    own = ("--config", settings(tmp_path, "front"), "--video", demo_video())
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = start_lab("bench", "vision", *own, "--detections", out, "--json", **pipes)
    wait_for(lambda: out.is_file() and out.stat().st_size > 0, 60, "the first lines")
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    summary = json.loads(printed)
    assert summary["interrupted"] is True
    assert 0 < summary["frames"] < 795
    assert len(lines_of(out)) == summary["frames"]
    assert "Traceback" not in errors


def test_a_terminal_shows_how_far_it_is(street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    own = ("--config", settings(tmp_path, "front"), "--video", street)
    with start_lab("bench", "vision", *own, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # how a terminal says that nobody is there any more
            pass
        os.close(ours)
    assert process.returncode == 0
    assert b"inferences/frame" in shown
    assert f"/{FRAMES}".encode() in shown
