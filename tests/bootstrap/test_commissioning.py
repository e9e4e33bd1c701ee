"""What a walk tries on each kind of device."""

from pathlib import Path

import pytest

from agent.bootstrap.commissioning import equipment
from agent.bootstrap.specs import tap_socket
from agent.core.commissioning.plan import plan
from agent.settings import load

PROFILES = Path(__file__).parents[2] / "firmware_configs"
NAMES = sorted(path.parent.name for path in PROFILES.glob("*/edge-agent.toml"))
KIOSK = [
    "label",
    "self-test",
    "button-police",
    "contacts-police",
    "button-medical",
    "button-fire",
    "tone",
    "input-door",
    "input-mains",
    "input-battery",
    "paths",
    "power-cut",
    "paths-back",
    "answer",
]


def steps(name: str) -> list[str]:
    has = equipment(load(PROFILES / name / "edge-agent.toml", environ={}), "10000000abcdef01")
    return [step.id for step in plan(has)]


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_a_profile_has_gets_a_step_of_its_own(name: str) -> None:
    settings = load(PROFILES / name / "edge-agent.toml", environ={})
    ids = steps(name)
    assert len(set(ids)) == len(ids)
    tried = {step.partition("-")[2] for step in ids}
    inputs = {each.name for each in settings.inputs if each.kind != "service"}  # whoever walks on a phone has held it
    assert {button.name for button in settings.buttons} | inputs <= tried
    assert {f"{camera.name}-{what}" for camera in settings.cameras for what in ("view", "sees", "covered")} <= tried
    assert {"label", "self-test", "paths", "power-cut"} <= {*ids}
    assert ("siren" in ids) is (settings.siren is not None)


@pytest.mark.parametrize("name", ["kiosk-pi4", "kiosk-pi5", "kiosk-zero2w"])
def test_a_kiosk_is_walked_from_its_label_to_an_answer_of_the_centre(name: str) -> None:
    assert steps(name) == KIOSK


def test_a_device_without_buttons_is_asked_for_no_press() -> None:
    cameras = [f"camera-{name}-{what}" for name in ("entrance", "yard") for what in ("view", "sees", "covered")]
    assert steps("camera-pi4") == ["label", "self-test", *cameras, "paths", "power-cut", "paths-back"]


def test_the_tap_is_where_the_service_manager_lets_the_agent_put_it_or_else_beside_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/edge-agent:/run/other")
    assert tap_socket(tmp_path) == Path("/run/edge-agent/tap.sock")
    assert tap_socket(tmp_path, Path("/run/its-own")) == Path("/run/its-own/tap.sock")
    assert tap_socket(tmp_path, Path()) == tmp_path / "tap.sock", "an agent that was started by hand"
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    assert tap_socket(tmp_path) == tmp_path / "tap.sock"


def test_the_technician_is_told_which_device_this_should_be_and_how_long_to_wait() -> None:
    has = equipment(load(PROFILES / "kiosk-pi4" / "edge-agent.toml", environ={}), "10000000abcdef01")
    said = {step.id: [act.say for act in step.acts] for step in plan(has)}
    [label] = said["label"]
    assert "gp/jhb-park-station/" in label
    assert "board 10000000abcdef01, Park Station" in label
    assert "for at least 35 s" in said["contacts-police"][0]
    assert "wait 60 s" in said["input-mains"][0]
    assert all(act.seconds >= 60 for step in plan(has) for act in step.acts)
