from pathlib import Path

import pytest

from agent.profile import input_lines
from agent.settings import Settings, load

PROFILES = Path(__file__).parents[2] / "firmware_configs"
NAMES = sorted(path.name for path in PROFILES.iterdir() if path.is_dir())


def profile(name: str) -> Settings:
    return load(PROFILES / name / "edge-agent.toml", environ={})


def boot_pins(name: str, kind: str) -> set[int]:
    """BCM numbers that config.txt sets up as inputs (`ip`) or outputs (`op`)."""
    pins: set[int] = set()
    for line in (PROFILES / name / "config.txt").read_text().splitlines():
        if line.startswith("gpio="):
            _, numbers, actions = line.split("=", 2)
            if kind in actions.split(","):
                pins |= {int(number) for number in numbers.split(",")}
    return pins


def output_pins(settings: Settings) -> set[int]:
    return {pin for pin in settings.lights.model_dump().values() if pin is not None}


def test_there_is_a_profile_for_each_kind_of_device() -> None:
    assert NAMES == ["camera", "kiosk", "simulated"]


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_is_valid_and_describes_a_device_that_does_something(name: str) -> None:
    settings = profile(name)
    assert settings.buttons or settings.cameras
    assert settings.device.location is not None


@pytest.mark.parametrize("name", ["camera", "kiosk"])
def test_a_device_in_the_street_speaks_tls_and_obeys_signed_commands_only(name: str) -> None:
    settings = profile(name)
    assert len(settings.mqtt.brokers) > 1
    assert all(url.startswith("mqtts://") for url in settings.mqtt.brokers)
    assert None not in {settings.mqtt.ca_file, settings.mqtt.cert_file, settings.mqtt.key_file}
    assert settings.commands.keys is not None


@pytest.mark.parametrize("name", NAMES)
def test_no_profile_sends_pictures_of_routine_events(name: str) -> None:
    assert not any(camera.event_snapshots for camera in profile(name).cameras)


def test_the_kiosks_pins_are_safe_from_power_on_as_its_boot_configuration_says() -> None:
    settings = profile("kiosk")
    assert boot_pins("kiosk", "ip") == {line.pin for line in input_lines(settings)}
    assert boot_pins("kiosk", "op") == output_pins(settings)


def test_the_kiosks_pin_map_names_every_pin() -> None:
    settings = profile("kiosk")
    table = (PROFILES / "kiosk" / "pins.md").read_text()
    for button in settings.buttons:
        assert f'| button "{button.name}" | GPIO{button.pin} |' in table
        if button.pin_nc is not None:
            assert f'| button "{button.name}", supervision | GPIO{button.pin_nc} |' in table
    for each in settings.inputs:
        assert f'| input "{each.name}" | GPIO{each.pin} |' in table
    for pin in output_pins(settings):
        assert f"| GPIO{pin} |" in table


def test_the_simulated_device_has_the_kiosks_lights() -> None:
    assert profile("simulated").lights == profile("kiosk").lights
