"""The province kit's playbook on a real Debian: it completes what was cut off, and changes nothing twice."""

import json
import re
import sys
from pathlib import Path

import pytest

from agent.models.store import cache_directory
from deploy.package import control_room
from tests.control_room.conftest import built_page
from tests.deploy.package.life import ROOT
from tests.support import debian
from tests.support.once import once
from tests.support.root import run_as_root

__all__ = ["built_page"]
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def said(tmp_path_factory: pytest.TempPathFactory, built_page: Path) -> dict[str, str]:
    """What each step has said."""
    if lacking := debian.missing():
        pytest.skip(lacking)

    def live(directory: Path) -> None:
        package = control_room.build(directory / "dist", "gzip")
        cache = f"XDG_CACHE_HOME={cache_directory().parent}"
        run_as_root(
            "env", cache, sys.executable, "-m", "tests.deploy.package.province_life", directory, package, cwd=ROOT
        )

    found: dict[str, str] = json.loads((once(tmp_path_factory, "province", live) / "said.json").read_text())
    return found


def test_a_playbook_that_was_cut_off_is_completed_by_the_next_and_the_one_after_changes_nothing(
    said: dict[str, str],
) -> None:
    assert "PLAY RECAP" not in said["cut off"]
    assert re.search(r"failed=0 ", said["completed"]), said["completed"]
    assert re.search(r"changed=0 .*failed=0 ", said["again"]), said["again"]


def test_every_host_is_then_as_it_should_be_and_the_check_notices_one_that_is_not(said: dict[str, str]) -> None:
    assert said["check"].count("\n  good") == 5, said["check"]
    assert "All is well." in said["check"]
    assert "it answers 502" in said["check without a registrar"]
    assert "2 checks fail" in said["check without a registrar"]


def test_only_what_a_host_needs_has_come_to_it_and_each_secret_to_its_user_alone(said: dict[str, str]) -> None:
    assert {line.partition(" ")[0]: line.partition(" ")[2] for line in said["secrets"].splitlines()} == {
        "/etc/mosquitto/edge-agent/server.key": "mosquitto 600",
        "/etc/mosquitto/edge-agent/edge-agent.acl": "mosquitto 600",
        "/etc/mosquitto/edge-agent/logins": "mosquitto 600",
        "/etc/mosquitto/edge-agent/province.acl": "root 600",
        "/etc/nginx/edge-agent/server.key": "root 600",
        "/etc/edge-agent-registrar/server.key": "root 600",
        "/etc/edge-agent-registrar/issuing/ca.key": "edge-agent-registrar 600",
    }


def test_the_registrar_there_gives_claims(said: dict[str, str]) -> None:
    assert said["claim"].startswith("edge-claim1.")
