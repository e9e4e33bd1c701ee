"""The office's package: what is in it, and its life beside a device's."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.models.cache import cache_directory
from deploy.package.__main__ import build
from deploy.package.target import OFFICE
from tests.deploy.package.life import ROOT
from tests.support import debian
from tests.support.debian import RELEASE
from tests.support.once import once
from tests.support.root import run_as_root
from tests.support.run import ran

pytestmark = pytest.mark.package

OF_A_DEVICE = {"gpiozero", "lgpio", "cv2", "numpy", "ai_edge_litert", "pydantic_settings", "av"}


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = OFFICE[f"{RELEASE.name}-amd64"]
    made = once(tmp_path_factory, "office", lambda directory: print(build(target, directory, "none")))
    return next(made.glob("*.deb"))


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory, package: Path, amd64: Path) -> Mapping[str, str]:
    """What each step has said, and that it came to a good end."""
    if lacking := debian.missing():
        pytest.skip(lacking)

    def live(directory: Path) -> None:
        program = ("env", f"XDG_CACHE_HOME={cache_directory().parent}", sys.executable, "-m")
        run_as_root(*program, "tests.deploy.package.office_life", directory, package, amd64, cwd=ROOT)

    found = {
        path.stem: json.loads(path.read_text()) for path in once(tmp_path_factory, "office-life", live).glob("*.json")
    }
    assert {step: each["said"] for step, each in found.items() if each["code"]} == {}
    return {step: each["said"] for step, each in found.items()}


def test_it_is_installed_upgraded_and_removed_beside_a_device_in_either_order(told: Mapping[str, str]) -> None:
    assert all(
        "usage: edge-centre ack" in told[step]
        for step in ("office alone", "device after it", "office after the device")
    )
    assert "opt=edge-agent\n" in told["office removed"]
    assert "opt=edge-centre\n" in told["device purged"]


def test_it_holds_no_library_of_a_kiosk(told: Mapping[str, str]) -> None:
    found = set(told["libraries"].split())
    assert {"agent", "edge_centre", "paho"} <= found
    assert not found & OF_A_DEVICE


def test_modules_of_the_directory_or_the_environment_are_not_loaded(told: Mapping[str, str]) -> None:
    assert "asyncapi" in told["other modules around"]


def test_a_province_is_made_from_it_without_a_checkout(told: Mapping[str, str]) -> None:
    assert {"ansible", "brokers", "centres", "keys", "pki", "registrar", "signage"} <= set(told["province"].split())


def test_a_command_that_has_moved_is_handed_on_or_told_where_it_went(told: Mapping[str, str]) -> None:
    assert "call it as: edge-centre keygen" in told["moved command"]
    assert "/srv/keys/keys.json" in told["moved command"]
    assert "edge-centre ack (package edge-centre;" in told["office removed"]


def test_no_file_is_in_both(package: Path, amd64: Path) -> None:
    lists = [ran("dpkg-deb", "-c", each, check=True).stdout.splitlines() for each in (package, amd64)]
    office_files, device_files = ({line.split()[5] for line in each if not line.startswith("d")} for each in lists)
    assert office_files & device_files == set()


def test_debians_own_checker_finds_nothing(package: Path) -> None:
    tags = "uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball"
    done = ran("lintian", "--allow-root", "--fail-on=error,warning", "--suppress-tags", tags, package, timeout=900)
    told = [line for line in done.stdout.splitlines() if not re.search("unused-override|running with root", line)]
    assert (done.returncode, told) == (0, [])
