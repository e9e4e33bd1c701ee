"""What the doctor says of a camera that an agent has."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.running_agent import RunningAgent
from agent.bootstrap.specs import STATUS_FILE
from agent.core.diagnosis.finding import Finding, State
from agent.doctor.check import Device
from agent.doctor.vision import camera, model
from agent.settings import Settings
from tests.support.hailo import MODEL as ON_A_HAILO
from tests.support.hailo import hailo, hailo_model
from tests.support.imx500 import MODEL as ON_AN_IMX500
from tests.support.imx500 import imx500_model, make_devices, put_in_place
from tests.support.picamera2_stand_in import make_library
from tests.support.vision_media import model_directories

__all__ = ["hailo"]


def settings_of(directory: Path, node: Path) -> Settings:
    """Those of a device with camera `yard` at `node`."""
    return Settings.model_validate(
        {
            "device": {"province": "gp", "site": "park", "id": "camera-0001"},
            "storage": {"directory": directory},
            "mqtt": {"brokers": ["mqtt://127.0.0.1:1"]},
            "cameras": [{"name": "yard", "source": f"v4l2:{node}"}],
        }
    )


def examine(directory: Path, node: Path, figures: dict[str, Any], **part: Any) -> Finding:
    """The finding about camera `yard` at `node`, of which an agent that runs says these figures, and of its part."""
    report = {"cameras": {"yard": figures}, "parts": {"camera-yard": part} if part else {}}
    (directory / STATUS_FILE).write_text(json.dumps(report))
    settings = settings_of(directory, node)
    device = Device(settings, simulate=False, agent=RunningAgent(1, simulated=False, runtime_directory=directory))
    (finding,) = camera(device, settings.cameras[0], lambda _: None)
    return finding


def test_a_camera_that_gives_the_agent_pictures_is_well(tmp_path: Path) -> None:
    finding = examine(tmp_path, Path("/dev/null"), {"frames_per_second": 9.96, "detail": ""})

    assert finding.state is State.OK
    assert "10.0 frames/s" in finding.what


def test_a_camera_that_is_hardly_able_to_see_fails_with_what_to_do(tmp_path: Path) -> None:
    why = {"reason": "blurred", "detail": "the picture is blurred: focus the lens"}
    finding = examine(tmp_path, Path("/dev/null"), {"frames_per_second": 9.96, "hardly_able_to_see": why})

    assert finding.state is State.FAIL
    assert "hardly able to see with it: the picture is blurred" in finding.what
    assert finding.do == "focus the lens"


def test_what_looks_like_a_person_and_never_moves_is_a_warning_that_says_where(tmp_path: Path) -> None:
    boxes = [[0.05, 0.3, 0.1, 0.4], [0.06, 0.3, 0.1, 0.4], [0.8, 0.8, 0.05, 0.2]]
    finding = examine(tmp_path, Path("/dev/null"), {"frames_per_second": 9.96, "never_moving": boxes})

    assert finding.state is State.WARN
    assert finding.what.endswith("never moves: left of the picture, lower right of the picture")
    assert "mask it, or turn the camera" in finding.do


@pytest.mark.parametrize(
    "figures",
    [
        {"hardly_able_to_see": {"reason": "too-dark", "detail": "the picture is too dark: add a light"}},
        {"tampers": [{"kind": "dark", "event_id": "e1", "since": "2026-11-28T22:00:00.000Z"}]},
    ],
)
def test_the_dark_is_a_warning_as_it_may_be_night(tmp_path: Path, figures: dict[str, Any]) -> None:
    finding = examine(tmp_path, Path("/dev/null"), {"frames_per_second": 9.96, **figures})

    assert finding.state is State.WARN
    assert "too dark" in finding.what
    assert finding.do == "look again by day, or add a light"


@pytest.mark.parametrize(("kind", "advice"), [("covered", "glass"), ("turned", "points"), ("frozen", "power")])
def test_a_tamper_fails_though_the_camera_gives_pictures(tmp_path: Path, kind: str, advice: str) -> None:
    tampers = [{"kind": kind, "event_id": "e1", "since": "2026-11-28T12:00:00.000Z"}]
    finding = examine(tmp_path, Path("/dev/null"), {"frames_per_second": 9.96, "tampers": tampers})

    assert finding.state is State.FAIL
    assert kind in finding.what
    assert advice in finding.do


def test_the_reason_for_which_the_agent_gets_no_pictures_is_named(tmp_path: Path) -> None:
    finding = examine(tmp_path, Path("/dev/null"), {"frames_per_second": 0.0, "detail": "gave no picture for 10 s"})

    assert finding.state is State.FAIL
    assert "gave no picture for 10 s" in finding.what


def test_a_camera_that_rests_while_the_kiosk_runs_on_its_battery_is_a_warning(tmp_path: Path) -> None:
    rests = {"ok": False, "detail": "it is stopped: the kiosk runs on its battery", "transient": True}
    finding = examine(tmp_path, Path("/dev/null"), {"frames_per_second": 0.0}, **rests)

    assert finding.state is State.WARN
    assert "runs on its battery" in finding.what
    assert "mains are back" in finding.do


@pytest.mark.parametrize("figures", [{"frames_per_second": 0.0, "detail": "can't be opened"}, {"tampers": []}])
def test_a_node_that_can_not_be_opened_is_named_though_an_agent_has_the_camera(
    tmp_path: Path, figures: dict[str, Any]
) -> None:
    finding = examine(tmp_path, Path("/dev/video99"), figures)

    assert finding.state is State.FAIL
    assert "there is no camera node /dev/video99" in finding.what
    assert "cable" in finding.do


@pytest.mark.parametrize(
    ("parts", "state", "text"),
    [
        ({"delegate-yard": {"ok": True, "detail": ""}}, State.OK, "runs yolo on hailo"),
        ({"delegate-yard": {"ok": False, "detail": "the Hailo is away"}}, State.FAIL, "the Hailo is away"),
        ({}, State.UNKNOWN, "does not report on it here"),
    ],
)
def test_a_running_agent_is_asked_about_its_accelerator_which_serves_no_other_process(
    tmp_path: Path, parts: dict[str, Any], state: State, text: str
) -> None:
    (tmp_path / STATUS_FILE).write_text(json.dumps({"parts": parts}))
    settings = settings_of(tmp_path, Path("/dev/null"))
    one = settings.cameras[0].model_copy(update={"model": "yolo", "delegate": "hailo"})
    device = Device(settings, simulate=False, agent=RunningAgent(1, simulated=False, runtime_directory=tmp_path))
    [finding] = model(device, one, lambda _: None)

    assert finding.state is state
    assert text in finding.what


@pytest.mark.usefixtures("hailo")
@pytest.mark.parametrize(
    ("fault", "state", "text"), [("", State.OK, "on hailort"), ("no-device", State.FAIL, "DEVICES")]
)
def test_a_hailo_is_tried_while_no_agent_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, state: State, text: str
) -> None:
    hailo_model(tmp_path)
    monkeypatch.setattr("agent.models.store.default_directories", lambda: (tmp_path, *map(Path, model_directories())))
    monkeypatch.setenv("HAILO_STAND_IN", fault)
    settings = settings_of(tmp_path / "state", Path("/dev/null"))
    one = settings.cameras[0].model_copy(
        update={"model": ON_A_HAILO, "delegate": "hailo", "inferences_per_second": 0.2}
    )
    [finding] = model(Device(settings, simulate=False, agent=None), one, lambda _: None)

    assert finding.state is state, finding
    assert text in finding.what


@pytest.mark.parametrize(
    ("sensor", "state", "text"),
    [("imx500", State.OK, "the camera's sensor takes it"), ("imx708", State.FAIL, "imx708, not an IMX500")],
)
def test_a_network_is_given_to_the_cameras_sensor_while_no_agent_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sensor: str, state: State, text: str
) -> None:
    imx500_model(tmp_path)
    monkeypatch.setattr("agent.models.store.default_directories", lambda: (tmp_path,))
    put_in_place(monkeypatch, make_library(model=sensor), make_devices())
    settings = settings_of(tmp_path / "state", Path("/dev/null"))
    changes = {"model": ON_AN_IMX500, "delegate": "imx500", "source": "picamera2:0"}
    one = settings.cameras[0].model_copy(update=changes)
    [finding] = model(Device(settings, simulate=False, agent=None), one, lambda _: None)

    assert finding.state is state, finding
    assert text in finding.what


def test_a_model_in_the_state_directory_fails_with_what_runs_instead_and_where_it_belongs(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, Path("/dev/null"))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / f"{settings.cameras[0].model}.json").write_text("{}")
    refused, speed = model(Device(settings, simulate=False, agent=None), settings.cameras[0], lambda _: None)

    assert refused.state is State.FAIL
    assert f"{tmp_path}/models/movenet-person-int8.json is refused" in refused.what
    assert "/etc/edge-agent/models and give them to root" in refused.do
    assert "is whole" in speed.what
