"""What the first start of a card does when something is missing, with other programs in the place of the system's."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.enrolment

SCRIPT = Path(__file__).parents[3] / "deploy/card/edge-agent-first-boot.sh"
NO_CLAIM = "not enrolled: no claim on the card: run sudo edge-agent enrol with the office's invitation"
PROFILES = SCRIPT.parents[2] / "firmware_configs"


class System:
    """A system below `root`; `did` is what its programs were asked for."""

    def __init__(self, root: Path, profile: str) -> None:
        self.root, self.card = root, root / "boot"
        self.card.mkdir()
        (root / "bin").mkdir()
        self.have("apt-get", "0")
        (root / "run").mkdir()
        self.up_s(60)
        for each in ("dpkg", "systemctl", "sync"):
            self.have(each, "0")
        shutil.copytree(PROFILES, root / "usr/share/edge-agent/profiles")
        shutil.copytree(PROFILES / profile, root / "etc/edge-agent")
        for name, text in {
            f"{SCRIPT.name}": SCRIPT.read_text(),
            "edge-agent.profile": profile,
            "edge-agent_1.deb": "",
        }.items():
            (self.card / name).write_text(text)

    def have(self, program: str, code: str) -> None:
        """`program` notes what it is asked for, says so, and ends with `code`."""
        path = self.root / "bin" / program
        path.write_text(f'#!/bin/sh\necho "{program} $*" | tee -a {self.root}/did\nexit {code}\n')
        path.chmod(0o755)

    def up_s(self, seconds: float) -> None:
        """So long ago the kernel began."""
        (self.root / "uptime").write_text(f"{seconds:.2f} 1.00\n")

    def enrolled(self) -> None:
        """It has credentials."""
        (self.root / "var/lib/edge-agent/credentials/current").mkdir(parents=True)

    def start(self) -> int:
        """Run it once, with its paths below `root`."""
        text = SCRIPT.read_text().replace("=/boot/firmware", f"={self.card}")
        text = (
            text.replace("/run/", f"{self.root}/run/")
            .replace("/proc/uptime", f"{self.root}/uptime")
            .replace("/etc/", f"{self.root}/etc/")
            .replace("/usr/", f"{self.root}/usr/")
            .replace("/var/", f"{self.root}/var/")
        )
        path = f"{self.root}/bin:{os.environ['PATH']}"
        return subprocess.run(
            ["sh"], input=text, text=True, env={"PATH": path}, capture_output=True, check=False
        ).returncode

    @property
    def log(self) -> list[str]:
        """The card's, without its dates."""
        return [line.split(" ", 2)[2] for line in (self.card / "edge-agent-first-boot.txt").read_text().splitlines()]


def test_what_fails_is_told_once_however_often_it_is_tried_and_ends_well_when_it_can(tmp_path: Path) -> None:
    system = System(tmp_path, "kiosk-pi4")
    system.have("apt-get", "100")
    assert [system.start(), system.start()] == [1, 1]
    assert len(system.log) == 1
    lock = system.root / "run/edge-agent-enrol/card.lock"
    assert lock.stat().st_mode & 0o777 == 0o600, "the service's user can't lock it, and so keep root waiting"
    assert system.log[0].startswith("not installed, and tried again every minute: apt-get -q -y")
    system.have("apt-get", "0")
    assert system.start() == 0
    assert system.log[-1] == NO_CLAIM
    assert [path.name for path in system.card.iterdir()] == ["edge-agent-first-boot.txt"]


def test_a_pi_camera_waits_for_the_network_and_the_enrolment_does_not_wait_for_the_camera(tmp_path: Path) -> None:
    system = System(tmp_path, "camera-pi4")
    (system.card / "edge-agent.claim").touch()
    (system.root / "bin/apt-get").write_text('#!/bin/sh\ncase "$*" in *update*) exit 100 ;; esac\n')
    assert system.start() == 1
    assert "start --no-block edge-agent-enrol.service" in (tmp_path / "did").read_text()
    assert system.log[-1].startswith("what a camera needs (python3-picamera2 python3-av) wants the network")
    system.have("apt-get", "0")
    assert system.start() == 0
    assert "installed python3-picamera2 python3-av" in system.log
    assert "try-restart edge-agent.service" in (tmp_path / "did").read_text()


def test_where_the_network_has_no_packages_the_first_start_ends_after_half_an_hour_and_says_what_is_missing(
    tmp_path: Path,
) -> None:
    system = System(tmp_path, "rtsp-gateway-pi5")
    (system.root / "bin/apt-get").write_text('#!/bin/sh\ncase "$*" in *update*) exit 100 ;; esac\n')
    assert [system.start(), system.start()] == [1, 1]
    system.up_s(31 * 60)
    assert system.start() == 0
    assert system.log[-2].startswith("python3-av is not to be had, so nothing is recorded: sudo apt-get install")
    assert system.log[-1] == NO_CLAIM


@pytest.mark.parametrize(
    "said",
    [
        "not enrolled: this claim has expired (2026-03-01 08:00 UTC): ask the office for a new one",
        "not enrolled yet: the clock says 1970-01-01 00:05 UTC: nothing is done",
        "this device is enrolled, but its other settings have mistakes: 20-kiosk.toml:3: pin",
    ],
)
def test_a_technician_reads_in_the_last_line_why_the_device_is_not_let_in_and_not_that_all_is_done(
    tmp_path: Path, said: str
) -> None:
    system = System(tmp_path, "kiosk-pi4")
    (system.card / "edge-agent.claim").touch()
    # What the enrolment writes while the first start goes on.
    (system.card / "edge-agent-first-boot.txt").write_text(f"2026-03-02 09:30:00 {said}\n")
    system.enrolled()
    assert system.start() == 0
    assert system.log[-2:] == ["enrolment has begun, with the claim", said]
    assert "done" not in system.log
    assert "start --no-block edge-agent-enrol-lamps.service" in (tmp_path / "did").read_text()


def test_done_is_the_last_line_of_a_device_that_was_enrolled_meanwhile(tmp_path: Path) -> None:
    system = System(tmp_path, "kiosk-pi4")
    system.enrolled()
    (system.card / "edge-agent-first-boot.txt").write_text("2026-03-02 09:30:00 enrolled as kzn/a/b: it is done\n")
    assert system.start() == 0
    assert system.log[-1] == "done"


@pytest.mark.parametrize("layer", ["20-kiosk.toml", "50-site.toml"])
def test_settings_that_were_there_are_not_said_to_be_the_profiles(tmp_path: Path, layer: str) -> None:
    system = System(tmp_path, "kiosk-pi4")
    (tmp_path / "etc/edge-agent/edge-agent.d/95-enrolled.toml").touch()
    (tmp_path / "etc/edge-agent/edge-agent.d" / layer).write_text("[device]\n")
    system.start()
    assert "it has settings of its own, which stay: they are not those of kiosk-pi4" in system.log
