"""Installed, upgraded, removed and purged on a real Bookworm: in a chroot, and booted with its own systemd."""

import json
import re
from pathlib import Path

import pytest

from tests.deploy.package_life import SETTINGS

pytestmark = pytest.mark.timeout(900)  # the first time it makes a Bookworm
NEXT = "sudo systemctl enable --now edge-agent"


def seen(life: Path, step: str) -> dict[str, str]:
    """What a step said and left. It must have ended well."""
    if (why := life / "not booted").exists() and not (life / f"{step}.json").exists():
        pytest.skip(why.read_text())
    found: dict[str, str] = json.loads((life / f"{step}.json").read_text())
    assert found["code"] == "0", found["said"]
    return found


def told(found: dict[str, str]) -> list[str]:
    return [line for line in found["said"].splitlines() if line.startswith("edge-agent: ")]


def test_in_a_chroot_it_installs_and_says_in_one_line_what_to_do_next(life: Path) -> None:
    (line,) = told(seen(life, "installed"))
    assert "sudo cp -r /usr/share/edge-agent/profiles/kiosk-pi4/edge-agent.* /etc/edge-agent/" in line
    assert f"edge-agent doctor --config {SETTINGS}" in line
    assert line.endswith(NEXT)


def test_it_answers_on_bookworms_python(life: Path) -> None:
    assert "usage: edge-agent" in seen(life, "asked")["said"]


def test_each_of_its_profiles_is_valid_there(life: Path) -> None:
    assert seen(life, "profiles checked")["said"] == ""


def test_a_profile_that_was_copied_as_it_said_is_for_the_agent_alone(life: Path) -> None:
    found = seen(life, "profile copied")["said"].splitlines()
    assert len(found) > 1
    assert all(re.match(r"(-rw-r|drwxr-s)\S+ root:edge-agent /etc/edge-agent", line) for line in found)


def test_modules_of_a_user_or_of_the_environment_are_not_loaded(life: Path) -> None:
    assert json.loads(seen(life, "asked with other modules around")["said"])["device"]


def test_its_user_reaches_settings_and_devices_and_running_has_changed_no_file_of_the_package(life: Path) -> None:
    groups, directory = seen(life, "looked at")["said"].splitlines()
    assert set(groups.split()) == {"edge-agent", "video", "gpio"}
    assert directory == "drwxr-s--- root:edge-agent /etc/edge-agent"


def test_a_device_that_is_not_configured_starts_nothing(life: Path) -> None:
    found = seen(life, "started unconfigured")
    assert (found["active"], found["enabled"]) == ("inactive", "disabled")


def test_the_unit_runs_with_all_that_it_forbids_and_sees_with_the_packages_model(life: Path) -> None:
    assert seen(life, "configured")["active"] == "active"
    journal = seen(life, "journal")["said"]
    assert "camera front: ssdlite-person-int8 on ai-edge-litert" in journal
    assert "camera front gives pictures" in journal


def test_an_upgrade_restarts_it_and_an_open_alarm_is_still_open(life: Path) -> None:
    before, after = seen(life, "pressed"), seen(life, "upgraded")
    assert json.loads(before["lights"])["yellow"] == "on"
    assert json.loads(after["lights"])["yellow"] in {"on", "fast-flash"}
    assert after["active"] == "active"
    assert after["pid"] not in {before["pid"], "0"}
    assert after["settings"] == before["settings"]
    assert told(after) == []


def test_the_agent_is_asked_to_stop_and_has_the_time_to(life: Path) -> None:
    journal = seen(life, "journal")["said"]
    assert journal.count("Deactivated successfully") == journal.count("Stopping edge-agent.service") == 3
    assert "Failed with result" not in journal


def test_settings_that_the_new_version_refuses_leave_the_old_one_running(life: Path) -> None:
    before, after = seen(life, "upgraded"), seen(life, "upgraded with bad settings")
    assert (after["active"], after["pid"]) == ("active", before["pid"])
    mistake, advice = told(after)
    assert "nonsense is no setting" in mistake
    assert advice.endswith("sudo systemctl restart edge-agent")


def test_removal_stops_it_and_leaves_settings_and_state(life: Path) -> None:
    found = seen(life, "removed")
    assert found["active"] == "inactive"
    assert found["left"].split() == [SETTINGS, "/var/lib/edge-agent/alarms.db"]


def test_installed_again_it_goes_on_where_it_was(life: Path) -> None:
    before, found = seen(life, "pressed"), seen(life, "installed again")
    assert (found["active"], found["enabled"]) == ("active", "enabled")
    assert found["settings"] == before["settings"]
    assert json.loads(found["lights"])["yellow"] in {"on", "fast-flash"}


def test_a_purge_removes_settings_keys_and_state_and_says_so(life: Path) -> None:
    found = seen(life, "purged")
    assert found["left"] == ""
    assert "edge-agent.service" not in found["wants"]
    assert any("/etc/edge-agent" in line and "/var/lib/edge-agent" in line for line in told(found))


def test_where_settings_were_put_before_the_installation_starts_it(life: Path) -> None:
    found = seen(life, "installed with settings there")
    assert (found["active"], found["enabled"]) == ("active", "enabled")
    assert told(found) == []
