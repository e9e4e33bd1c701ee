"""The systemd unit, judged by systemd itself and by what it must allow."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.core.errors import ModelError
from agent.models.store import ModelStore, default_directories
from agent.runtime.supervision.main_loop import REBOOT
from deploy.package import tree
from tests.support.run import ran

REPOSITORY = Path(__file__).parents[2]
UNIT = REPOSITORY / "deploy" / "systemd" / "edge-agent.service"
HARDWARE_WATCHDOG = UNIT.with_name("edge-agent-watchdog.conf")
MOST_EXPOSURE = 20
"""In tenths: 2.0 of 10. Asking the kernel whether the time is right costs 0.5 of what ProtectClock would give."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """A root directory in which the unit and the program lie where the package puts them."""
    program = tmp_path / "opt/edge-agent/bin/edge-agent"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    shell = tmp_path / "bin/sh"
    shell.parent.mkdir()
    shutil.copy("/bin/sh", shell)
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    shutil.copy(UNIT, tmp_path / "usr/lib/systemd/system")
    return tmp_path


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    plain = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
    return ran("systemd-analyze", *arguments, UNIT.name, env=plain)


@needs_systemd
def test_systemd_has_nothing_to_say_against_the_unit(stage: Path) -> None:
    done = analyze("verify", "--man=no", f"--root={stage}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_systemd_would_say_something_against_a_misspelt_line(stage: Path) -> None:
    unit = stage / "usr/lib/systemd/system" / UNIT.name
    unit.write_text(unit.read_text().replace("WatchdogSec", "WatchdogSeconds"))
    assert "WatchdogSeconds" in analyze("verify", "--man=no", f"--root={stage}").stderr


@needs_systemd
def test_the_unit_exposes_little(stage: Path) -> None:
    limit = f"--threshold={MOST_EXPOSURE}"
    done = analyze("security", "--offline=yes", "--no-pager", limit, f"--root={stage}")
    assert done.returncode == 0, done.stdout


def test_it_starts_again_for_ever_and_a_dying_camera_does_not_end_it() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    service = unit["Service"]
    assert service["Restart"] == "always"
    assert service["OOMPolicy"] == "continue"
    assert "MemoryHigh" not in service
    assert service["WorkingDirectory"] == f"/run/{service['RuntimeDirectory']}", "in memory: lgpio makes a FIFO there"


def test_the_machine_reboots_when_the_agent_ends_with_the_code_for_it_and_never_else() -> None:
    [line] = [line for line in UNIT.read_text().splitlines() if line.startswith("ExecStopPost=")]
    script = (
        line.removeprefix("ExecStopPost=+/bin/sh -c ").strip("'").replace("systemctl --no-block reboot", "echo REBOOT")
    )
    for status in (str(REBOOT), "0", "1", "2", "75", "KILL", "ABRT", ""):
        done = ran("/bin/sh", "-c", script, env={"EXIT_STATUS": status})
        assert (done.stdout.strip() == "REBOOT") == (status == str(REBOOT))


def test_a_model_runs_under_the_units_ban_on_code_made_at_run_time() -> None:
    assert "MemoryDenyWriteExecute=yes" in UNIT.read_text().splitlines()
    try:
        model = ModelStore(default_directories()).load("movenet-person-int8").path
    except ModelError as error:
        pytest.skip(str(error))
    done = ran(sys.executable, "-c", _INVOKE, str(model))
    if done.returncode == 77:
        pytest.skip("this kernel has no such ban (it came with Linux 6.3)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["refused", "(1,", "56,", "56,", "1)"]


_INVOKE = """\
import ctypes, mmap, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
    sys.exit(77)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except OSError:
    print("refused")
import cv2, numpy
from deploy.package import tree
from tests.support.run import ran
try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tflite_runtime.interpreter import Interpreter
interpreter = Interpreter(sys.argv[1], num_threads=2)
interpreter.allocate_tensors()
entry = interpreter.get_input_details()[0]
picture = cv2.resize(numpy.zeros((480, 640, 3), numpy.uint8), (224, 224))
interpreter.set_tensor(entry["index"], picture[None])
interpreter.invoke()
shapes = {tuple(int(side) for side in output["shape"]) for output in interpreter.get_output_details()}
print(*[shape for shape in shapes if shape[-1] == 1])
"""


def test_a_recorder_encodes_under_the_same_ban() -> None:
    done = ran(sys.executable, "-c", _ENCODE)
    if done.returncode == 77:
        pytest.skip("this kernel has no such ban (it came with Linux 6.3)")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


_ENCODE = """\
import ctypes, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit(77)
from agent.adapters.av_encoder import AvEncoder
picture = bytes(640 * 480 * 3 // 2)
encoder = AvEncoder(640, 480, 5.0, 500_000)
units = [unit for number in range(1, 10) for unit, _ in encoder.encode(memoryview(picture), number * 200_000_000)]
print(sum(map(len, units)))
"""


def test_the_unit_lets_the_agent_ask_whether_the_time_is_right() -> None:
    unit = UNIT.read_text(encoding="utf-8")
    allowed = [line for line in unit.splitlines() if line.startswith("SystemCallFilter=") and "~" not in line]
    assert any("clock_adjtime" in line for line in allowed), "timeq would never be `synced`"
    assert "\nProtectClock=yes" not in unit


def test_a_part_that_hangs_is_found_within_30_s() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.read(UNIT)
    interval_s = float(unit["Service"]["WatchdogSec"])
    # It is fed at half its interval: at the worst once more, just before half an interval after the part has stopped.
    assert interval_s * 1.5 <= 30


def test_the_processor_watches_systemd_on_every_board() -> None:
    manager = configparser.RawConfigParser()
    manager.read(HARDWARE_WATCHDOG)
    assert 0 < float(manager["Manager"]["RuntimeWatchdogSec"]) <= 15, "a Pi's counts to 15 s at the most"
    for profile in ("kiosk-pi4", "camera-pi4"):
        boot = (REPOSITORY / "firmware_configs" / profile / "config.txt").read_text(encoding="utf-8")
        assert "dtparam=watchdog=on" in boot.splitlines()


@needs_systemd
def test_systemd_reads_the_hardware_watchdog_where_the_package_puts_it_after_that_of_the_system(tmp_path: Path) -> None:
    place = tmp_path / tree.PLACES["deploy/systemd/edge-agent-watchdog.conf"]
    place.parent.mkdir(parents=True)
    shutil.copy(HARDWARE_WATCHDOG, place)
    # Newer Raspberry Pi OS has its own.
    (place.parent / "70-rpi-enable-watchdog.conf").write_text(
        "[Manager]\nRuntimeWatchdogSec=16\nRebootWatchdogSec=1m\n"
    )
    (tmp_path / "etc/systemd").mkdir(parents=True)
    (tmp_path / "etc/systemd/system.conf").write_text("[Manager]\n")
    done = ran("systemd-analyze", f"--root={tmp_path}", "cat-config", "systemd/system.conf")
    assert re.findall(r"^RuntimeWatchdogSec=(.*)$", done.stdout, re.MULTILINE)[-1] == "15", done.stderr


def test_every_device_of_the_unit_is_given_to_a_group_that_the_user_is_in() -> None:
    rules = (UNIT.with_name("60-edge-agent.rules")).read_text(encoding="utf-8")
    groups = set(re.findall(r'GROUP="(\w+)"', rules))
    users = UNIT.with_name("edge-agent.sysusers.conf").read_text(encoding="utf-8")
    assert groups == set(re.findall(r"^m edge-agent (\w+)$", users, re.MULTILINE))
    allowed = set(re.findall(r"^DeviceAllow=char-(\w+) rw$", UNIT.read_text(encoding="utf-8"), re.MULTILINE))
    subsystems = set(re.findall(r'SUBSYSTEM=="(\w+)"', rules))
    allowed.remove("hailo")  # its own package lets everybody in
    assert {name.removesuffix("chip") for name in allowed} == subsystems
    script = (REPOSITORY / "deploy/package/debian/postinst").read_text(encoding="utf-8")
    assert set(re.findall(r"--subsystem-match=(\w+)", script)) == subsystems
    assert script.index("udevadm trigger") < script.index("udevadm settle") < script.index("restart")


@pytest.mark.skipif(shutil.which("udevadm") is None, reason="no udev on this machine")
def test_udev_takes_the_rules() -> None:
    rules = UNIT.with_name("60-edge-agent.rules")
    done = ran("udevadm", "verify", "--resolve-names=never", rules)
    if "Unknown command verb" in done.stderr:
        pytest.skip("this udevadm can't verify rules (it came with systemd 254)")
    assert done.returncode == 0, done.stderr


def test_a_camera_may_take_what_is_left_and_the_buttons_come_first() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    service = unit["Service"]
    assert int(service["Nice"]) < 0
    assert int(service["OOMScoreAdjust"]) < 0
    assert int(service["CPUWeight"]) > 100
    assert "CPUQuota" not in service, "it would slow the buttons down for a camera's greed"
    assert int(service["MemoryMax"].removesuffix("%")) < 90
    assert (service["MemorySwapMax"], service["LimitCORE"]) == ("0", "0"), (
        "what is in memory must not get onto the card"
    )


def test_without_settings_it_fails_once_and_not_for_ever() -> None:
    text = UNIT.read_text(encoding="utf-8")
    config = re.findall(r"^ExecStart=.* --config (\S+)$", text, re.MULTILINE)[0]
    assert f"\nAssertPathExists={config}\n" in text
