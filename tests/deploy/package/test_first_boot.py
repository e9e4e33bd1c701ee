"""A Debian with a prepared card starts for the first time, and its supply is cut while it installs the package."""

import json
import sys
from pathlib import Path

import pytest

from agent.models.cache import cache_directory
from deploy.package.target import TRIXIE
from tests.deploy.package.first_boot import KEY
from tests.deploy.package.life import ROOT
from tests.support import debian
from tests.support.debian import RELEASE
from tests.support.once import once
from tests.support.root import run_as_root

pytestmark = [pytest.mark.timeout(1800), pytest.mark.package]  # the first time it makes a Debian


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory, amd64: Path) -> dict[str, str]:
    """What each look at it showed."""
    if lacking := debian.missing():
        pytest.skip(lacking)

    def live(directory: Path) -> None:
        # The same cache, whoever becomes root.
        cache = f"XDG_CACHE_HOME={cache_directory().parent}"
        program = ("env", cache, sys.executable, "-m", "tests.deploy.package.first_boot")
        run_as_root(*program, directory, amd64, cwd=ROOT)

    found: dict[str, str] = json.loads((once(tmp_path_factory, "first-boot", live) / "notes.json").read_text())
    return found


def test_what_was_cut_off_is_all_there_at_the_end(notes: dict[str, str]) -> None:
    assert notes["left by the cut"] == notes["prepared"]
    assert notes["package"] == "install ok installed"


def test_its_settings_are_those_of_the_profile_on_the_card(notes: dict[str, str]) -> None:
    assert notes["settings"] == "-rw-r----- root:edge-agent\n"


def test_it_tries_to_enrol_with_the_claim_and_starts_no_agent_before_it_has(notes: dict[str, str]) -> None:
    assert "activating" in notes["enrolment"]
    assert "edge-agent.claim" in notes["card"]
    assert notes["agent"].split() == ["disabled", "inactive"]


def test_nothing_is_left_to_be_done_twice_and_the_card_tells_what_was_done(notes: dict[str, str]) -> None:
    assert notes["unit"].strip() in {"", "not-found"}
    for gone in (".deb", "edge-agent.profile", "first-boot.sh", "first-boot.service", "vendor-data", "firstrun.sh"):
        assert gone not in notes["card"]
    log = [line.split(" ", 2)[2] for line in notes["log"].splitlines()]
    assert log[0].startswith("installed edge-agent_")
    assert log[1:] == [
        "its settings are those of rtsp-gateway-pi5",
        "enrolment has begun, with the claim",
        log[-1],
    ]
    assert log[-1].startswith("not enrolled"), "nobody answers here"
    assert "edge-claim1" not in notes["log"] + notes["journal"]


def test_systemd_has_the_hardware_watchdog(notes: dict[str, str]) -> None:
    assert "/usr/lib/systemd/system.conf.d/edge-agent-watchdog.conf" in notes["watchdog"]


@pytest.mark.skipif(RELEASE != TRIXIE, reason="Bookworm's login is made by a package of Raspberry Pi OS alone")
def test_whoever_has_the_key_may_log_in_and_the_device_has_its_name(notes: dict[str, str]) -> None:
    assert "technician" in notes["login"]
    assert KEY in notes["login"]
    assert notes["login"].split()[-1] == "kiosk-0042"


@pytest.mark.skipif(RELEASE == TRIXIE, reason="Trixie has cloud-init")
def test_bookworms_words_are_gone_after_its_first_start(notes: dict[str, str]) -> None:
    assert "systemd." not in notes["firstrun"].splitlines()[-1]
    assert "cgroup_enable=memory" in notes["firstrun"]
