"""The camera process wired as it is, in this process: the parts of it that need short limits."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agent.adapters.opencv_imaging import read_picture
from agent.contract.camera_events import PersonEnteredData, PersonLeftData
from agent.core.camera.link import (
    Failed,
    Happened,
    Heartbeat,
    Hello,
    SnapshotFailed,
    SnapshotTaken,
    Stop,
    TakeSnapshot,
)
from agent.core.camera.masks import LEVEL
from agent.core.camera.vision_spec import VisionSpec
from agent.ports import Detection
from agent.vision import sensor_sight
from agent.vision.capture import CaptureGivenUpError
from tests.support.hailo import MODEL as ON_A_HAILO
from tests.support.hailo import hailo, hailo_model
from tests.support.imx500 import MODEL as ON_AN_IMX500
from tests.support.imx500 import imx500_model, make_devices, packed_people, put_in_place
from tests.support.picamera2_stand_in import make_library
from tests.support.vision_app import Running
from tests.support.vision_media import MODELS, copy_altered_model, demo_video, model_directories, write_video
from tests.support.vision_process import vision_spec
from tests.support.wait import wait_for

__all__ = ["hailo"]


@pytest.fixture
def faults(tmp_path: Path) -> Iterator[Path]:
    """The file that puts a fault on the simulated camera; at the end there is none."""
    path = tmp_path / "front.fault"
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def started(faults: Path) -> Iterator[Any]:
    running: list[Running] = []

    def start(spec: VisionSpec) -> Running:
        running.append(Running(spec))
        return running[-1]

    yield start
    faults.unlink(missing_ok=True)
    for each in running:
        each.close()


def test_it_says_hello_with_its_model_and_then_gives_a_sign_of_life_every_second(started: Any, tmp_path: Path) -> None:
    spec = vision_spec(tmp_path)
    app = started(spec)
    hello = app.link.wait_for(Hello)
    wait_for(lambda: len(app.link.all_of(Heartbeat)) >= 3, what="three heartbeats")
    app.link.wait_for(Heartbeat, where=lambda beat: beat.frames > 0 and beat.inference_ms > 0)
    app.stop()

    assert hello.model == "movenet-person-int8"
    assert len(hello.model_sha256) == 64
    assert isinstance(app.link.messages[0], Hello)
    beats = app.link.all_of(Heartbeat)
    last = beats[-1]
    assert last.state == "ok"
    assert last.frames > 0
    assert max(beat.inference_ms for beat in beats) > 0
    assert max(beat.inferences_per_second for beat in beats) > 0
    assert last.stated_frames_per_second == spec.frames_per_second
    assert app.failure is None


def test_people_on_a_real_video_enter_with_a_box_and_a_picture_of_them(started: Any, tmp_path: Path) -> None:
    spec = vision_spec(tmp_path, source=f"file:{demo_video()}", event_snapshots=True)
    app = started(spec)
    entered = app.link.wait_for(Happened).data
    app.stop()

    assert isinstance(entered, PersonEnteredData)
    assert entered.persons >= 1
    left, top, width, height = entered.box
    assert 0 <= left < left + width <= 1
    assert 0 <= top < top + height <= 1
    assert entered.snapshot is not None
    picture = Path(spec.snapshot_directory) / f"{entered.snapshot}.jpg"
    assert read_picture(picture).shape == (576, 768, 3)
    assert picture.stat().st_size <= spec.snapshot_max_bytes


def test_a_picture_is_masked_and_the_sign_of_life_says_by_how_many_masks(started: Any, tmp_path: Path) -> None:
    file = tmp_path / "masks.json"
    file.write_text('{"version": 1, "masks": [{"name": "wall", "polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}]}')
    below = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
    app = started(vision_spec(tmp_path, source=f"file:{demo_video()}?loop=1", mask_file=file, masks=(below,)))
    beat = app.link.wait_for(Heartbeat, where=lambda beat: beat.frames > 0)
    app.link.say(TakeSnapshot(id="one"))
    taken = app.link.wait_for(SnapshotTaken)
    app.stop()

    assert beat.masks == 2
    pixels = read_picture(Path(taken.path)).astype(int)
    assert abs(pixels[:, :376] - LEVEL).max() <= 4
    assert abs(pixels[296:] - LEVEL).max() <= 4
    assert pixels[:280, 400:].std() > 20


def test_without_its_mask_file_the_camera_is_never_opened_and_the_reason_names_the_file(
    started: Any, tmp_path: Path, faults: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("agent.vision.app.make_camera", lambda spec, _: opened.append(spec.name))
    app = started(vision_spec(tmp_path, mask_file=tmp_path / "nowhere.json"))
    failed = app.link.wait_for(Failed)
    app.join()

    assert failed.detail == str(app.failure)
    assert failed.detail.startswith(f"mask file {tmp_path / 'nowhere.json'}: No such file")
    assert app.link.messages == [failed]
    assert opened == []


def test_a_mask_file_that_goes_away_while_the_camera_runs_changes_nothing_until_it_is_started_again(
    started: Any, tmp_path: Path
) -> None:
    file = tmp_path / "masks.json"
    file.write_text('{"version": 1, "masks": [{"name": "all", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}]}')
    spec = vision_spec(tmp_path, source=f"file:{demo_video()}?loop=1", mask_file=file)
    app = started(spec)
    app.link.wait_for(Heartbeat, where=lambda beat: beat.frames > 0)
    file.unlink()
    app.link.say(TakeSnapshot(id="after"))
    taken = app.link.wait_for(SnapshotTaken)
    app.stop()

    assert abs(read_picture(Path(taken.path)).astype(int) - LEVEL).max() <= 4
    again = started(spec)
    again.link.wait_for(Failed)
    again.join()


def test_people_who_go_out_of_view_have_left(started: Any, tmp_path: Path, faults: Path) -> None:
    spec = vision_spec(tmp_path, source=f"file:{demo_video()}?loop=1", leave_after_s=0.5)
    app = started(spec)
    entered = app.link.wait_for(Happened, where=lambda event: event.t == "person-entered").data
    faults.write_text("black\n")
    left = app.link.wait_for(
        Happened, where=lambda event: event.t == "person-left" and event.data.event_id == entered.event_id
    ).data
    app.stop()

    assert isinstance(entered, PersonEnteredData)
    assert isinstance(left, PersonLeftData)
    assert left.track == entered.track
    assert left.frame_monoms >= entered.frame_monoms
    assert entered.snapshot is None
    assert not (tmp_path / f"{entered.event_id}.jpg").exists(), "a camera that went black has one, as a tamper"


def test_a_snapshot_is_taken_on_request(started: Any, tmp_path: Path) -> None:
    app = started(vision_spec(tmp_path / "pictures", width=320, height=240))
    app.link.wait_for(Heartbeat, where=lambda beat: beat.frames > 0)
    app.link.say(TakeSnapshot(id="one"))
    taken = app.link.wait_for(SnapshotTaken)
    app.stop()

    assert taken.id == "one"
    assert app.link.all_of(SnapshotFailed) == []
    assert [path.name for path in tmp_path.rglob("*.jpg")] == ["one.jpg"]
    assert read_picture(Path(taken.path)).shape == (240, 320, 3)


def test_a_picture_that_nobody_has_fetched_does_not_outlive_its_process(started: Any, tmp_path: Path) -> None:
    (tmp_path / "left.jpg").write_bytes(b"somebody")
    app = started(vision_spec(tmp_path, mask_file=tmp_path / "nowhere.json"))
    app.join()

    assert list(tmp_path.glob("*.jpg")) == []


def test_a_camera_that_is_away_is_degraded_and_comes_back(started: Any, tmp_path: Path, faults: Path) -> None:
    app = started(vision_spec(tmp_path))
    app.link.wait_for(Heartbeat, where=lambda beat: beat.frames > 0)
    faults.write_text("lost\n")
    app.link.wait_for_state("degraded", "simulated fault")
    wait_for(lambda: app.link.all_of(Heartbeat)[-1].frame_age_ms > 2000, what="an old picture")
    app.link.say(TakeSnapshot(id="one"))
    failed = app.link.wait_for(SnapshotFailed)
    faults.unlink()
    app.link.wait_for_state("ok")
    app.stop()

    assert "s old" in failed.detail
    assert app.failure is None


@pytest.mark.parametrize("fault", ["hang", "silent"])
def test_a_camera_that_hangs_for_good_ends_the_process_with_the_reason(
    started: Any, tmp_path: Path, faults: Path, fault: str
) -> None:
    app = started(vision_spec(tmp_path))
    app.link.wait_for(Heartbeat, where=lambda beat: beat.frames > 0)
    faults.write_text(f"{fault}\n")
    app.join()

    assert isinstance(app.failure, CaptureGivenUpError)
    assert "opening it again did not help" in str(app.failure)


def test_heartbeats_go_on_while_the_camera_hangs(started: Any, tmp_path: Path, faults: Path) -> None:
    faults.write_text("hang\n")
    app = started(vision_spec(tmp_path))
    app.link.wait_for(Hello)
    app.join()

    assert app.link.all_of(Heartbeat)
    assert app.failure is not None


def test_a_video_that_ends_is_degraded_and_the_process_stays(started: Any, tmp_path: Path) -> None:
    write_video(tmp_path / "short.avi", frames=5, fps=50)
    app = started(vision_spec(tmp_path, source=f"file:{tmp_path / 'short.avi'}"))
    app.link.wait_for_state("degraded", "ended")
    app.stop()

    assert app.failure is None


def test_the_end_of_the_link_ends_the_process_at_once(started: Any, tmp_path: Path) -> None:
    app = started(vision_spec(tmp_path))
    app.link.wait_for(Hello)
    app.link.hang_up()

    assert app.left.wait(10)


def test_a_stop_is_orderly_even_when_the_core_hangs_up_right_after(started: Any, tmp_path: Path) -> None:
    app = started(vision_spec(tmp_path))
    app.link.wait_for(Hello)
    app.link.say(Stop())
    app.link.hang_up()
    app.join()

    assert app.failure is None
    assert not app.left.is_set()


def test_a_model_that_was_altered_is_not_loaded(started: Any, tmp_path: Path) -> None:
    copy_altered_model(tmp_path / "models")
    app = started(vision_spec(tmp_path, model_directories=(str(tmp_path / "models"),)))
    app.join()

    assert "SHA-256" in str(app.failure)
    assert app.link.all_of(Hello) == []


def test_a_hailo_that_is_lost_ends_the_process_with_the_reason_and_is_given_back(
    started: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hailo: ModuleType
) -> None:
    hailo_model(tmp_path)
    app = started(vision_spec(tmp_path, model=ON_A_HAILO, delegate="hailo", model_directories=(str(tmp_path),)))
    hello = app.link.wait_for(Hello)
    app.link.wait_for(Heartbeat, where=lambda beat: beat.inference_ms > 0)
    monkeypatch.setenv("HAILO_STAND_IN", "lost")
    failed = app.link.wait_for(Failed)
    app.join()

    assert (hello.model, hello.delegate_trouble) == (ON_A_HAILO, "")
    assert "the model failed in hailort" in failed.detail
    assert failed.by_delegate
    assert not hailo.in_use


@pytest.fixture
def on_sensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A camera with a network on its sensor, and what it is to see."""
    imx500_model(tmp_path)
    people = packed_people([Detection(200, 200, 200, 400, 0.9)], 1280, 720)
    library = make_library(model="imx500", more=staticmethod(lambda: people))
    put_in_place(monkeypatch, library, make_devices())
    directories = (str(tmp_path), *model_directories())
    return partial(
        vision_spec, tmp_path, simulate=False, model=ON_AN_IMX500, delegate="imx500", model_directories=directories
    )


def test_the_sensor_of_a_camera_finds_people_without_the_processor(started: Any, on_sensor: Any) -> None:
    app = started(on_sensor())
    hello = app.link.wait_for(Hello)
    beat = app.link.wait_for(Heartbeat, where=lambda beat: beat.inferences_per_second > 0 and beat.persons == 1)
    app.stop()

    assert (hello.model, hello.runtime, hello.delegate_trouble) == (ON_AN_IMX500, "imx500", "")
    assert beat.inference_ms == 0
    assert app.failure is None


def test_a_sensor_that_takes_its_network_and_never_answers_is_named_as_what_failed(
    started: Any, on_sensor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensor_sight, "_PATIENCE_NS", 10**9)
    sys.modules["picamera2"].Picamera2.more = staticmethod(dict)
    app = started(on_sensor())
    failed = app.link.wait_for(Failed)
    app.join()

    assert failed.by_delegate
    assert "the camera's sensor has given no result for 1 s" in failed.detail


@pytest.mark.parametrize("fault", ["no upload", "no pictures"])
def test_a_sensor_that_does_not_start_or_gives_no_pictures_with_its_network_is_named_too(
    started: Any, on_sensor: Any, fault: str
) -> None:
    def refuse() -> None:
        raise RuntimeError("Failed to start camera: No such file or directory")

    camera = sys.modules["picamera2"].Picamera2
    if fault == "no upload":
        camera.during_start = staticmethod(refuse)
    else:
        camera.hang_capture = True
    app = started(on_sensor())
    failed = app.link.wait_for(Failed)
    app.join()

    assert failed.by_delegate


def test_a_sensor_that_was_given_up_takes_pictures_and_the_processor_looks_at_them(
    started: Any, on_sensor: Any
) -> None:
    app = started(on_sensor(delegate_given_up="it never answers"))
    hello = app.link.wait_for(Hello)
    app.link.wait_for(Heartbeat, where=lambda beat: beat.inference_ms > 0)
    app.stop()

    assert hello.delegate_trouble == f"it never answers: the processor runs {MODELS[0]} instead"
    assert app.failure is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"masks": (((0, 0), (0.1, 0), (0.1, 0.1)),)}, "an IMX500 sees what masks cover"),
        ({"simulate": True}, "an IMX500 is a camera of its own"),
        ({"source": "picamera2:3"}, "camera 3 is not there"),
    ],
)
def test_where_the_sensor_cannot_look_the_processor_runs_the_built_model(
    started: Any, on_sensor: Any, changes: dict[str, Any], text: str
) -> None:
    app = started(on_sensor(**changes))
    hello = app.link.wait_for(Hello)
    app.stop()

    assert hello.model == MODELS[0]
    assert text in hello.delegate_trouble
    assert hello.delegate_trouble.endswith(f"the processor runs {MODELS[0]} instead")


def test_without_the_delegate_of_the_settings_the_processor_looks_and_the_reason_is_told(
    started: Any, tmp_path: Path
) -> None:
    app = started(vision_spec(tmp_path, delegate="libnowhere.so.1"))
    hello = app.link.wait_for(Hello)
    app.link.wait_for(Heartbeat, where=lambda beat: beat.frames > 0 and beat.state == "ok")
    app.stop()

    assert "libnowhere.so.1 can't be loaded" in hello.delegate_trouble
    assert hello.delegate_trouble.endswith("the processor runs the model instead")
    assert app.failure is None
