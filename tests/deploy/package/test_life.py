"""Installed, upgraded, removed and purged on the Debian of this Python: in a chroot, and booted with its systemd."""

import json
import re
from pathlib import Path

import pytest

from tests.deploy.package.life import HAS_PINS, LAYERS, PRESSED, PROFILES, SETTINGS
from tests.support.debian import RELEASE

pytestmark = [pytest.mark.timeout(1800), pytest.mark.package]  # the first time it makes a Debian
_NO_PINS = "no python3-lgpio"


def seen(life: Path, step: str) -> dict[str, str]:
    """What a step said and left. It must have ended well."""
    if (why := life / "not booted").exists() and not (life / f"{step}.json").exists():
        pytest.skip(why.read_text())
    found: dict[str, str] = json.loads((life / f"{step}.json").read_text())
    assert found["code"] == "0", found["said"]
    return found


def told(found: dict[str, str]) -> list[str]:
    """But for the pins, whose library only Raspberry Pi OS has."""
    return [line for line in found["said"].splitlines() if line.startswith("edge-agent: ") and _NO_PINS not in line]


def lines(found: dict[str, str]) -> list[str]:
    return found["said"].splitlines()


def test_an_installation_that_is_killed_while_it_unpacks_or_configures_is_mended_by_the_next(life: Path) -> None:
    assert cut(life, "unpacking cut off")
    assert cut(life, "configuring cut off")
    assert "half-installed" in seen(life, "status of half an unpacking")["said"]
    status, *left = lines(seen(life, "status of half a configuring"))
    assert status.startswith("install ok half-configured")
    assert left == [".example"]
    assert seen(life, "installed")["said"].count("Setting up edge-agent") == 2


def cut(life: Path, step: str) -> bool:
    """Whether it was killed before it ended."""
    return bool(json.loads((life / f"{step}.json").read_text())["code"] == "-9")


def test_a_device_without_settings_gets_those_of_a_kiosk_which_it_may_read_and_nobody_else(life: Path) -> None:
    found = seen(life, "settings looked at")["said"]
    assert sorted(lines(seen(life, "settings looked at"))) == [
        "-rw-r----- root:edge-agent /etc/edge-agent/edge-agent.d/20-kiosk.toml",
        "-rw-r----- root:edge-agent /etc/edge-agent/edge-agent.d/50-site.toml",
        "-rw-r----- root:edge-agent /etc/edge-agent/edge-agent.d/90-device.toml",
        "-rw-r----- root:edge-agent /etc/edge-agent/edge-agent.toml",
        "drwxr-s--- root:edge-agent /etc/edge-agent/edge-agent.d",
    ], found
    assert "read 4 of 4: " in seen(life, "settings compared")["said"]


def test_it_says_what_to_do_next(life: Path) -> None:
    kinds, then = told(seen(life, "settings put"))
    assert f"sudo rm -r {SETTINGS} {LAYERS}; sudo cp -r {PROFILES}/camera-pi4/edge-agent.* /etc/edge-agent/" in kinds
    assert "sudo systemctl start edge-agent-enrol, else sudo edge-agent enrol" in then


def test_what_a_technician_has_changed_or_removed_stays_so(life: Path) -> None:
    found = seen(life, "settings changed")["said"]
    assert 'id = "kiosk-0815"' in found
    assert "20-kiosk.toml\n" not in found
    # Somebody's layers without the file that they belong to are nothing that may be mixed with others.
    alone = seen(life, "own layers alone")
    assert "edge-agent.toml" not in lines(alone)
    assert "edge-agent.d" in lines(alone)
    assert told(alone)[0].startswith(f"edge-agent: not started: there is no {SETTINGS}")


def test_half_an_example_becomes_a_whole_one(life: Path) -> None:
    found = lines(seen(life, "example cut off between its two parts"))
    assert {"edge-agent.d", "edge-agent.toml"} < set(found)
    assert ".example" not in found


def test_a_name_that_an_older_version_took_for_a_new_one_is_told_with_what_to_write(life: Path) -> None:
    mistake, meant, *_ = told(seen(life, "name that no earlier file has"))
    assert "no earlier file has button 'clinic'" in mistake
    assert "correct the name, or write add = true below it" in meant
    assert not [line for line in told(seen(life, "name marked as new")) if "add = true" in line]


def test_a_model_where_the_agent_can_write_is_told_and_the_told_command_puts_it_where_only_root_can(life: Path) -> None:
    [said] = [line for line in told(seen(life, "model where the agent can write")) if "models" in line]
    assert "/var/lib/edge-agent/models are no longer used" in said
    assert "find out who did" in said
    moved = seen(life, "model moved as it said")
    assert lines(moved)[:2] == [
        "-rw-r----- root:edge-agent /etc/edge-agent/models/own.json",
        "-rw-r----- root:edge-agent /etc/edge-agent/models/own.tflite",
    ]
    assert "models" not in lines(moved)
    assert not [line for line in told(moved) if "models" in line]


def test_profiles_are_files_and_no_links_that_could_lead_nowhere(life: Path) -> None:
    assert seen(life, "links looked for")["said"] == ""


def test_it_answers_on_its_debians_python(life: Path) -> None:
    assert "usage: edge-agent" in seen(life, "asked")["said"]


@pytest.mark.parametrize("way", ["apt-get", "dpkg"])
def test_the_file_for_another_debian_is_refused_with_what_to_take_in_its_place(life: Path, way: str) -> None:
    said = seen(life, f"foreign by {way}")["said"]
    assert f"deb{RELEASE.number}" in said
    if way == "dpkg":
        assert f"and this device has Debian GNU/Linux {RELEASE.number}" in said
        assert f": install the file with +deb{RELEASE.number} in its name\n" in said


def test_an_installation_says_what_the_device_can_not_do(life: Path) -> None:
    assert "buttons only, no camera" not in seen(life, "installed")["said"]
    assert "buttons only, no camera" in seen(life, "without what runs models")["said"]
    assert (_NO_PINS in seen(life, "installed")["said"]) != HAS_PINS


def test_each_of_its_profiles_is_valid_there(life: Path) -> None:
    assert seen(life, "profiles checked")["said"] == ""


def test_another_profile_that_was_copied_as_it_said_is_for_the_agent_alone(life: Path) -> None:
    said = lines(seen(life, "profile copied"))
    found = [line for line in said if not line.startswith(("read ", "edge-agent: warning: "))]
    assert len(found) > 1
    assert all(re.match(r"(-rw-r|drwxr-s)\S+ root:edge-agent /etc/edge-agent", line) for line in found)
    assert not any("kiosk" in line for line in found)


def test_modules_of_a_user_or_of_the_environment_are_not_loaded(life: Path) -> None:
    assert json.loads(seen(life, "asked with other modules around")["said"])["device"]


def test_its_user_reaches_settings_and_devices_and_running_has_changed_no_file_of_the_package(life: Path) -> None:
    groups, directory = seen(life, "looked at")["said"].splitlines()
    assert set(groups.split()) == {"edge-agent", "edge-agent-tap", "video", "gpio"}
    assert directory == "drwxr-s--- root:edge-agent /etc/edge-agent"


def test_a_device_with_the_settings_that_came_with_the_package_starts_nothing(life: Path) -> None:
    found = seen(life, "started unconfigured")
    assert (found["active"], found["enabled"]) == ("inactive", "disabled")


def test_after_installation_the_timer_runs_and_without_a_claim_or_credentials_nothing_is_started(life: Path) -> None:
    beside = lines(seen(life, "units beside the agent's"))
    assert beside[:4] == ["enabled"] * 4
    assert beside[4:7] == ["active", "active", "inactive"], "nobody asks for the service page"
    assert beside[7].startswith("tss:")
    assert seen(life, "units beside the agent's")["code"] == "0"
    found = lines(seen(life, "started without a claim"))
    assert sorted(found) == ["", "ConditionResult=no", "ConditionResult=no", "ExecMainPID=0", "ExecMainPID=0"]


def test_the_service_page_is_served_by_a_user_of_its_own_while_the_contact_in_the_cabinet_has_asked_for_it(
    life: Path,
) -> None:
    asked = seen(life, "service page asked for")
    user, active, directory, given, *told = lines(asked)
    assert (user, active, directory) == ("edge-agent-page", "active", "drwxrws--- edge-agent:edge-agent-tap")
    assert "https://10.77.0.2:8443" in told
    assert [line for line in told if line.startswith(("it has a certificate", "the office"))] == [
        "it has a certificate of its own, which no phone knows",
        "the office vouches for kiosk-simulated.local",
    ], "before it was enrolled, and then"
    assert given == "-rw-r----- edge-agent:edge-agent-tap"
    assert told[-1].startswith("edge-agent-service-page.service: Consumed") or "nobody asks" in " ".join(told[-4:])
    assert "Traceback" not in asked["said"]
    assert asked["code"] == "0"


def test_to_systemd_the_agent_has_a_tpm_with_the_drop_in_alone_and_the_firmwares_mailbox_never(life: Path) -> None:
    without = lines(seen(life, "devices"))
    assert "closed" in without
    assert not {"tpmrm0", "vcio", "tss"} & set(re.findall(r"\w+", " ".join(without)))
    with_tpm = lines(seen(life, "devices with a TPM"))
    assert (with_tpm.count("closed"), with_tpm.count("tss")) == (2, 2), "the agent and the renewal"
    assert "vcio" not in " ".join(with_tpm)
    assert len([line for line in with_tpm if "/dev/tpmrm0 rw" in line]) == 2


def states(life: Path, step: str) -> dict[str, str]:
    """What the doctor found: a state for each check."""
    found = json.loads(seen(life, step)["said"])
    assert found["user"] == "edge-agent"
    return {check["name"]: check["state"] for check in found["checks"]}


def test_the_doctor_begins_with_what_keeps_the_device_out_and_leaves_out_what_follows_from_it(life: Path) -> None:
    found = states(life, "doctor without certificates")
    assert (found["account"], found["disk"]) == ("ok", "ok")
    assert {name for name, state in found.items() if state == "fail"} >= {"enrolment", "pins"}
    assert not {"certificate", "keys", "broker-1", "broker-2"} & found.keys(), "the enrolment mends these"
    assert found["settings"] == "ok", "nobody has given it a name yet, so the example's is none of its faults"
    assert found["agent"] == "ok", "it is started when the device is enrolled"


@pytest.mark.parametrize("who", ["root", "the service's user"])
def test_the_doctor_looks_at_the_running_agent_with_the_packages_model(life: Path, who: str) -> None:
    found = states(life, f"doctor as {who}")
    well = ("settings", "account", "disk", "camera-front")
    assert {name: found[name] for name in well} == dict.fromkeys(well, "ok")
    assert found["model-front"] in {"ok", "warn"}, "a busy machine is slow"
    assert found["broker-1"] == "fail", "no broker runs there"


def test_the_doctor_tells_a_person_in_one_last_line(life: Path) -> None:
    assert "broker-1" in lines(seen(life, "doctor as a person"))[-1]


def test_the_unit_runs_with_all_that_it_forbids_and_sees_with_the_packages_model(life: Path) -> None:
    assert seen(life, "configured")["active"] == "active"
    journal = seen(life, "journal")["said"]
    assert "camera front: movenet-person-int8 on ai-edge-litert" in journal
    assert "camera front delivers pictures" in journal


def test_an_upgrade_restarts_it_and_an_open_alarm_is_still_open(life: Path) -> None:
    before, after = seen(life, "pressed"), seen(life, "upgraded")
    assert json.loads(before["lights"])["yellow"] in {"on", "fast-flash"}
    assert json.loads(after["lights"])["yellow"] in {"on", "fast-flash"}
    assert after["active"] == "active"
    assert after["pid"] not in {before["pid"], "0"}
    assert after["settings"] == before["settings"]
    assert told(after) == []


def test_the_agent_is_asked_to_stop_and_has_the_time_to(life: Path) -> None:
    journal = seen(life, "journal")["said"]
    assert journal.count("Deactivated successfully") >= journal.count("Stopping edge-agent.service") >= 5
    # Of its own accord it ended only over bad settings.
    assert set(re.findall("Failed with result '(.+)'", journal)) == {"exit-code"}
    assert set(re.findall("status=(.+)", journal)) == {"2/INVALIDARGUMENT"}


def test_settings_that_the_new_version_refuses_leave_the_old_one_running(life: Path) -> None:
    before, after = seen(life, "upgraded"), seen(life, "upgraded with bad settings")
    assert (after["active"], after["pid"]) == ("active", before["pid"])
    mistake, advice = told(after)
    assert "nonsense is not a setting" in mistake
    assert "goes on with the old version, but won't start again" in advice
    assert advice.endswith("sudo systemctl restart edge-agent")


def test_it_does_not_start_again_with_such_settings_and_goes_on_where_it_was_once_they_are_mended(life: Path) -> None:
    assert seen(life, "started with bad settings")["active"] in {"activating", "failed"}
    mended = seen(life, "bad settings mended")
    assert mended["active"] == "active"
    assert json.loads(mended["lights"])["yellow"] in {"on", "fast-flash"}


def test_an_upgrade_that_is_killed_leaves_the_old_one_running_and_able_to_start_and_the_next_one_ends_it(
    life: Path,
) -> None:
    assert cut(life, "upgrade cut off")
    before = seen(life, "bad settings mended")
    half = json.loads((life / "upgrade cut off.json").read_text())
    assert (half["active"], half["pid"]) == ("active", before["pid"])
    # As after a power cut.
    again = seen(life, "started on half an upgrade")
    assert again["active"] == "active"
    assert json.loads(again["lights"])["yellow"] == "fast-flash"
    after = seen(life, "upgrade mended")
    assert after["active"] == "active"
    assert after["pid"] not in {again["pid"], "0"}
    assert after["settings"] == before["settings"]


def test_removal_stops_it_and_leaves_settings_and_state_and_the_black_box(life: Path) -> None:
    found = seen(life, "removed")
    assert found["active"] == "inactive"
    assert found["left"].split() == [SETTINGS, "/run/edge-agent", "/var/lib/edge-agent/alarms.db"]


def test_installed_again_it_goes_on_where_it_was(life: Path) -> None:
    before, found = seen(life, "pressed"), seen(life, "installed again")
    assert (found["active"], found["enabled"]) == ("active", "enabled")
    assert found["settings"] == before["settings"]


def test_no_alarm_is_lost_over_upgrades_an_upgrade_that_is_killed_a_removal_and_a_new_installation(life: Path) -> None:
    heard = [line for line in lines(seen(life, "heard")) if line.startswith("edge/v1/")]
    messages = [json.loads(line.partition(" ")[2]) for line in heard]
    raised = {each["data"]["input"]: each["data"] for each in messages if each["type"] == "edge.alarm.raised.v1"}
    assert set(raised) == set(PRESSED)
    assert {data["press_count"] for data in raised.values()} == {1}


def test_on_the_card_the_state_is_that_of_the_data_partition_and_none_is_left_on_the_root(life: Path) -> None:
    before, moved = seen(life, "installed again"), seen(life, "state moved to the data partition")
    assert "alarms.db" in lines(moved)
    assert lines(moved).count("alarms.db") == 1, "the root's directory is empty before the partition lies over it"
    for found in (moved, seen(life, "with the data partition again")):
        assert found["active"] == "active"
        assert json.loads(found["lights"])["yellow"] == json.loads(before["lights"])["yellow"] != "off"


def test_without_the_data_partition_the_agent_works_from_memory_and_says_so_and_the_pins_are_there(life: Path) -> None:
    found = seen(life, "without the data partition")
    assert found["active"] == "active"
    assert "alarms.db" not in found["said"]
    assert "is read-only: nothing survives a power cut → its partition is not mounted" in found["said"]
    assert lines(found)[-1] == "pins"
    assert "ERROR store: " in seen(life, "journal")["said"]


def test_a_purge_removes_settings_keys_and_state_with_what_somebody_has_put_there_and_says_so(life: Path) -> None:
    found = seen(life, "purged")
    assert found["left"] == ""
    assert "edge-agent.service" not in found["wants"]
    assert any("/etc/edge-agent" in line and "/var/lib/edge-agent" in line for line in told(found))
    assert "overlayroot-chroot" in told(found)[-1]
    assert "sudo rm -rf /data/edge-agent" in told(found)[-1]


def test_where_settings_were_put_before_the_installation_starts_it(life: Path) -> None:
    found = seen(life, "installed with settings there")
    assert (found["active"], found["enabled"]) == ("active", "enabled")
    assert told(found) == []
