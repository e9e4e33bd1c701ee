"""The profiles in firmware_configs: complete, safe, said once, and drawn as they are."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.settings import Settings, load
from deploy.wiring.conflicts import conflicts
from deploy.wiring.header import board_of
from deploy.wiring.pages import ROOT, TITLES, pages
from tests.support.run import ran

NAMES = sorted(path.parent.name for path in ROOT.glob("*/edge-agent.toml"))
STREET = sorted(TITLES)


def profile(name: str) -> Settings:
    return load(ROOT / name / "edge-agent.toml", environ={})


def test_there_is_a_profile_for_each_kind_of_device() -> None:
    assert NAMES == [
        "camera-pi4",
        "camera-pi5",
        "kiosk-camera-pi5",
        "kiosk-pi4",
        "kiosk-pi5",
        "kiosk-zero2w",
        "rtsp-gateway-pi5",
        "simulated",
    ]
    assert set(NAMES) - set(STREET) == {"simulated"}


def test_the_readme_tells_of_every_profile_and_of_no_other() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| \[`([a-z0-9-]+)`\]", text, re.MULTILINE)) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_is_valid_and_describes_a_device_that_does_something(name: str) -> None:
    settings = profile(name)
    assert settings.buttons or settings.cameras
    assert settings.device.location is not None
    assert bool(settings.buttons) == ("kiosk" in settings.device.id), "its id says what it is"


@pytest.mark.parametrize("name", [name for name in STREET if "kiosk" in name])
def test_a_technician_before_an_open_cabinet_asks_for_the_service_page_without_the_office(name: str) -> None:
    assert [each.active_when for each in profile(name).inputs if each.kind == "service"] == ["closed"]


@pytest.mark.parametrize("name", STREET)
def test_a_device_in_the_street_speaks_tls_and_obeys_signed_commands_only(name: str) -> None:
    settings = profile(name)
    assert len(settings.mqtt.brokers) > 1
    assert all(url.startswith("mqtts://") for url in settings.mqtt.brokers)
    assert None not in {settings.mqtt.ca_file, settings.mqtt.cert_file, settings.mqtt.key_file}
    assert settings.commands.keys is not None


@pytest.mark.parametrize("name", NAMES)
def test_no_profile_sends_pictures_of_routine_events(name: str) -> None:
    assert not any(camera.event_snapshots for camera in profile(name).cameras)


@pytest.mark.parametrize("name", STREET)
def test_cameras_leave_a_core_to_the_buttons_and_share_what_the_board_can_bear(name: str) -> None:
    settings = profile(name)
    assert all(camera.threads <= 3 for camera in settings.cameras)
    looks = sum(camera.inferences_per_second for camera in settings.cameras)
    assert looks <= (12 if name.endswith("pi4") else 30)


def test_every_kiosk_has_the_same_pins_and_the_simulated_one_has_their_lights() -> None:
    kiosks = [profile(name) for name in STREET if name.startswith("kiosk")]
    assert len(kiosks) == 4
    for kiosk in kiosks[1:]:
        assert (kiosk.buttons, kiosk.inputs, kiosk.lights) == (kiosks[0].buttons, kiosks[0].inputs, kiosks[0].lights)
    assert profile("simulated").lights == kiosks[0].lights


@pytest.mark.parametrize("name", STREET)
def test_what_profiles_share_is_one_file_and_only_the_device_layer_names_the_device(name: str) -> None:
    layers = {path.name: path for path in (ROOT / name / "edge-agent.d").iterdir()}
    shared = [ROOT / name / "edge-agent.toml", layers["50-site.toml"]]
    shared += [path for file, path in layers.items() if file.startswith("20-")]
    assert all(path.is_symlink() and path.resolve().parent == ROOT / "base" for path in shared)
    named = [file for file, path in layers.items() if re.search(r"^id = ", path.read_text(), re.MULTILINE)]
    assert named == ["90-device.toml"]


@pytest.mark.parametrize("name", STREET)
def test_a_copy_of_the_folder_is_the_profile(name: str, tmp_path: Path) -> None:
    subprocess.run(["cp", "-rL", f"{ROOT / name}/.", tmp_path], check=True)
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
    assert load(tmp_path / "edge-agent.toml", environ={}) == profile(name)


@pytest.mark.parametrize("name", STREET)
def test_pictures_tables_boot_lines_and_bills_are_what_the_settings_say(name: str) -> None:
    for file, text in pages(name).items():
        assert (ROOT / name / file).read_text(encoding="utf-8") == text, "run: make wiring"


@pytest.mark.parametrize("name", STREET)
def test_nothing_wants_a_pin_that_something_else_has(name: str) -> None:
    config = (ROOT / name / "config.txt").read_text(encoding="utf-8")
    command_line = (ROOT / "card" / "cmdline.txt").read_text(encoding="utf-8")
    assert conflicts(profile(name), config, command_line, board_of(name)) == []


@pytest.mark.parametrize("name", STREET)
def test_boot_lines_watch_the_machine_and_switch_off_what_is_not_used(name: str) -> None:
    lines = (ROOT / name / "config.txt").read_text(encoding="utf-8").splitlines()
    suffix = "-pi5" if name.endswith("pi5") else ""
    assert {"dtparam=watchdog=on", "dtparam=audio=off", f"dtoverlay=disable-bt{suffix}"} <= set(lines)
    assert (f"dtoverlay=disable-wifi{suffix}" in lines) == (not name.endswith("zero2w"))
    assert ("dtparam=rtc_bbat_vchg=3000000" in lines) == name.endswith("pi5")
    assert ("dtoverlay=i2c-rtc,ds3231" in lines) == (not name.endswith("pi5"))
    flat = any(camera.source.startswith("picamera2:") for camera in profile(name).cameras)
    assert f"camera_auto_detect={int(flat)}" in lines


@pytest.mark.parametrize("name", STREET)
def test_the_pin_map_names_every_pin(name: str) -> None:
    settings = profile(name)
    table = (ROOT / name / "pins.md").read_text(encoding="utf-8")
    rows = [(f'button "{button.name}"', button.pin) for button in settings.buttons]
    rows += [(f'button "{b.name}", supervision', b.pin_nc) for b in settings.buttons if b.pin_nc is not None]
    rows += [(f'input "{each.name}"', each.pin) for each in settings.inputs]
    for what, pin in rows:
        assert f"| {what} | GPIO{pin} |" in table
    for pin in settings.lights.model_dump().values():
        assert pin is None or f"| GPIO{pin} |" in table


@pytest.mark.parametrize("name", STREET)
def test_no_picture_and_no_table_shows_the_password_of_a_camera(name: str) -> None:
    for text in pages(name).values():
        assert "change-me" not in text


needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")


@needs_systemd
def test_systemd_starts_without_the_data_partition_and_keeps_the_rest_read_only(tmp_path: Path) -> None:
    generator = "/usr/lib/systemd/system-generators/systemd-fstab-generator"
    done = ran(
        generator, tmp_path, tmp_path, tmp_path, env={"SYSTEMD_FSTAB": str(ROOT / "card" / "fstab"), "PATH": "/usr/bin"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "local-fs.target.wants" / "data.mount").exists(), "wanted, and not required"
    assert not (tmp_path / "local-fs.target.requires" / "data.mount").exists()
    for mount in ("-.mount", "boot-firmware.mount"):
        options = re.findall(r"^Options=(.*)$", (tmp_path / mount).read_text(), re.MULTILINE)
        assert "ro" in options[0].split(",")


@needs_systemd
def test_the_agents_state_goes_to_the_data_partition_only_where_there_is_one(tmp_path: Path) -> None:
    unit = tmp_path / "edge-agent-data.service"
    shutil.copy(ROOT / "card" / unit.name, unit)
    done = ran("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit)
    assert (done.returncode, done.stderr) == (0, "")
    lines = unit.read_text().splitlines()
    assert {"After=data.mount", "DefaultDependencies=no"} <= set(lines)
    assert not any(line.startswith(("Requires=", "RequiredBy=")) for line in lines), "the agent starts without it"
    agent = (ROOT.parent / "deploy/systemd/edge-agent.service").read_text()
    assert "StateDirectory=edge-agent\n" in agent
    commands = [line for line in lines if line.startswith("ExecStart")]
    assert all(line.startswith("ExecStart=-") for line in commands), "one that failed would be tried at each new start"


def test_the_overlay_in_memory_leaves_the_data_partition_alone() -> None:
    words = (ROOT / "card" / "cmdline.txt").read_text(encoding="utf-8").split()
    assert "overlayroot=tmpfs:recurse=0" in words
    assert "cgroup_enable=memory" in words, "else no memory limit is in force"
    assert "Storage=volatile" in (ROOT / "card" / "journald.conf").read_text(encoding="utf-8").splitlines()
