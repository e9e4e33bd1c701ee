"""The doctor names what is wrong with a device: each bad input for real."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_process import AgentProcess, environment, run_cli
from tests.support.centre import Centre
from tests.support.doctor import NOWHERE, Examined, examine, kiosk, open_directory, plain_user
from tests.support.mosquitto import Mosquitto
from tests.support.root import as_root
from tests.support.run import ran
from tests.support.vision_media import copy_altered_model
from tests.system.test_bad_disks import small_disk

pytestmark = pytest.mark.diagnosis


def only(*names: str) -> list[str]:
    return [word for name in names for word in ("--only", name)]


def test_a_kiosk_in_order_is_well_and_its_centre_hears_only_the_end_of_a_test_alarm(
    tmp_path: Path, broker: Mosquitto
) -> None:
    device = kiosk(tmp_path / "kiosk", broker.url)
    with Centre(broker.port) as centre:
        found = examine(device.config, "--simulate")
        heard = centre.wait_for("alarm/self-test")
        assert len(centre.messages("")) == 1
    assert found.code == 0
    assert found.tree["counts"]["fail"] == 0
    assert (heard.type, heard.seq, heard.data["status"], heard.data["stage"]) == (
        "edge.alarm.closed.v1",
        0,
        "test",
        "closed",
    )
    assert found.one("pins", "ok")["what"] == "all 1 inputs are at rest"
    assert "login and test alarm" in found.one("broker-1", "ok")["what"]
    assert not device.storage.exists(), "the doctor leaves nothing behind"


def test_the_json_has_the_form_that_the_contract_describes(tmp_path: Path) -> None:
    device = kiosk(tmp_path, NOWHERE)
    found = examine(device.config, "--simulate", "--only", "settings", "--only", "broker").tree
    assert set(found) == {
        *("version", "agent_version", "time", "config", "device", "user"),
        *("state", "summary", "counts", "checks"),
    }
    assert (found["version"], found["device"], found["state"]) == (1, "kiosk-0042", "fail")
    assert found["summary"] == "1 thing is wrong: broker-1."
    assert found["counts"] == {"ok": 1, "unknown": 0, "warn": 0, "fail": 1}
    assert [check["name"] for check in found["checks"]] == ["settings", "broker-1"]
    for check in found["checks"]:
        assert set(check) == {"name", "state", "took_ms", "findings"}
        assert all(set(finding) == {"state", "what", "do"} for finding in check["findings"])


def test_a_person_reads_a_line_for_each_finding_and_a_summary(tmp_path: Path) -> None:
    device = kiosk(tmp_path, NOWHERE)
    done = run_cli("doctor", "--config", device.config, "--simulate", "--only", "keys", "--only", "broker-1")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["ok", "keys"]
    assert lines[1].split()[:2] == ["FAIL", "broker-1"]
    assert "nothing listens on 127.0.0.1:1 → check the port" in lines[1]
    assert lines[-1] == "1 thing is wrong: broker-1."


def test_a_check_that_is_not_there_is_bad_usage(tmp_path: Path) -> None:
    done = run_cli("doctor", "--config", kiosk(tmp_path).config, "--simulate", "--only", "brokr")
    assert done.returncode == 2
    assert "there is no such check here; there are network," in done.stderr


@pytest.mark.parametrize("spoil", ["missing", "mistakes", "no TOML"])
def test_settings_that_can_not_be_used_are_findings_and_what_needs_none_is_looked_at(
    tmp_path: Path, spoil: str
) -> None:
    device = kiosk(tmp_path)
    if spoil == "missing":
        device.config.unlink()
    else:
        text = device.config.read_text()
        device.config.write_text(
            text.replace("pin = 17", "pin = 99\ncolour = 1") if spoil == "mistakes" else text + "["
        )
    found = examine(device.config, "--simulate")
    assert found.code == 1
    assert len([f for f in found.of("settings") if f["state"] == "fail"]) == (2 if spoil == "mistakes" else 1)
    assert all(str(device.config) in finding["what"] for finding in found.of("settings"))
    assert found.of("clock")
    assert found.one("broker", "unknown")["what"] == "it can't be checked until the settings are right"


def test_a_mask_file_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    camera = {"name": "front", "source": "picamera2:0", "mask_file": str(tmp_path / "nothing.json")}
    found = examine(kiosk(tmp_path, cameras=[camera]).config, "--simulate", "--only", "settings", "--only", "camera")
    assert "nothing.json" in found.failure("settings")
    assert "the camera stays off" in found.failure("camera-front")


# --- what only follows from something else

UNENROLLED: dict[str, Any] = {
    "mqtt": {f"{name}_file": f"/etc/edge-agent/none.{name}" for name in ("ca", "cert", "key")},
    "commands": {"keys": "/etc/edge-agent/none.json"},
}
AWAY = "mqtts://broker.example:8883"


def by_state(found: Examined, state: str) -> set[str]:
    return {check["name"] for check in found.tree["checks"] if check["state"] == state}


def test_a_technician_at_a_device_that_is_not_enrolled_sees_all_that_is_wrong_except_what_enrolment_mends(
    tmp_path: Path,
) -> None:
    has: dict[str, Any] = {
        "cameras": [{"name": "front", "source": f"file:{tmp_path}/nothing.avi"}],
        "upload": {"hosts": ["127.0.0.1:1"], "directory": "/proc/on-a-disk"},
        "storage": {"directory": "/proc/nothing"},
    }
    before = examine(kiosk(tmp_path / "new", **UNENROLLED, **has).config, "--simulate")
    certificates = {name: str(tmp_path / "left") for name in UNENROLLED["mqtt"]}
    (tmp_path / "left").touch()
    after = examine(kiosk(tmp_path / "in", **{**UNENROLLED, "mqtt": certificates}, **has).config, "--simulate")
    listed = {check["name"] for check in before.tree["checks"]}
    assert {check["name"] for check in after.tree["checks"]} - listed == {"certificate", "keys", "broker-1"}
    assert by_state(before, "fail") - {"network"} == {"enrolment", "disk", "camera-front", "uploads"}
    assert "on a disk (proc)" in str(before.of("uploads"))
    assert "nobody may" not in str(before.of("uploads")), "who may is among the keys, which the enrolment brings"
    alone = run_cli("doctor", "--config", kiosk(tmp_path / "one", **UNENROLLED).config, "--only", "broker")
    assert (alone.returncode, "no such check here before this device is enrolled; there are" in alone.stderr) == (
        2,
        True,
    )


def test_a_technician_whose_agent_runs_before_the_enrolment_hears_of_its_camera_and_not_of_the_broker(
    tmp_path: Path,
) -> None:
    lost = {"name": "front", "source": f"file:{tmp_path}/nothing.avi"}
    with AgentProcess(tmp_path / "kiosk", AWAY, **UNENROLLED, cameras=[lost]) as agent:
        agent.wait_for_status("nothing.avi")
        agent.wait_for_status("none.ca")
        found = examine(agent.config, "--simulate", *only("network", "enrolment", "agent"))
    assert found.failure("agent").startswith("the agent reports a problem with camera-front: ")
    assert found.one("agent", "ok"), "it runs"
    assert "not enrolled" in found.failure("enrolment")


_CABLE_OUT = (
    "mount -t sysfs none /sys && ip link set lo up && ip link add eth0 type veth peer name far && "
    'ip addr add 10.9.8.7/24 dev eth0 && ip link set eth0 up && exec "$@"'
)


def test_a_technician_whose_cable_is_out_reads_that_first_and_still_hears_of_all_that_needs_no_network(
    tmp_path: Path,
) -> None:
    device = kiosk(
        tmp_path,
        AWAY,
        NOWHERE,
        cameras=[{"name": "front", "source": f"file:{tmp_path}/nothing.avi"}],
        commands={"keys": str(tmp_path / "none.json")},
        upload={"hosts": ["store.example"], "directory": "/proc/on-a-disk"},
        live={"stream": "rtsps://media.example/live", "login_file": str(tmp_path / "no-login")},
    )
    doctor = [sys.executable, "-m", "agent", "doctor", "--simulate", "--json", "--config", str(device.config)]
    done = ran(*as_root("unshare", "--net", "--mount"), "sh", "-c", _CABLE_OUT, "sh", *doctor, env=environment({}))
    found = Examined(done.returncode, json.loads(done.stdout))
    assert found.tree["checks"][0]["name"] == "network"
    assert "no network cable is connected" in found.failure("network")
    assert by_state(found, "fail") == {"network", "keys", "broker-2", "camera-front", "uploads", "stream"}
    assert "broker-1" not in {check["name"] for check in found.tree["checks"]}
    assert "127.0.0.1:1" in found.failure("broker-2"), "it is on this machine, and needs no cable"
    assert "on a disk (proc)" in found.failure("uploads")
    assert "login" in found.failure("stream")


# --- the machine


def test_a_full_state_partition_is_told(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=8m") as disk:
        (disk / "filler").write_bytes(bytes(8 * 1024 * 1024 - 4096))
        device = kiosk(tmp_path / "kiosk", storage={"directory": str(disk / "storage")})
        found = examine(device.config, "--simulate", "--only", "disk")
    assert f"{disk} (tmpfs) is full: 0 MiB left" in str(found.of("disk"))
    assert "make room" in str(found.of("disk"))
    assert found.code == 1


def test_a_read_only_file_system_is_told(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=300m") as disk:
        (disk / "storage").mkdir()
        subprocess.run(as_root("mount", "-o", "remount,ro", disk), check=True)
        device = kiosk(tmp_path / "kiosk", storage={"directory": str(disk / "storage")})
        found = examine(device.config, "--simulate", "--only", "disk")
    assert f"{disk} (tmpfs) is read-only" in found.failure("disk")
    assert "its partition is not mounted" in found.failure("disk"), "for a tmpfs stands where it belongs"


def test_a_file_where_the_state_directory_belongs_is_told(tmp_path: Path) -> None:
    (tmp_path / "storage").touch()
    found = examine(kiosk(tmp_path).config, "--simulate", "--only", "disk")
    assert "is not a directory" in found.failure("disk")


def test_a_clock_in_1970_is_told_and_dates_are_not_judged_by_it(tmp_path: Path) -> None:
    device = kiosk(tmp_path)
    command = [sys.executable, "-m", "agent", "doctor", "--simulate", "--only", "clock", "--config", str(device.config)]
    utc = environment({"FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC"})
    done = ran("faketime", "-f", "@1970-01-01 00:05:00", *command, env=utc)
    assert done.returncode == 1
    assert "FAIL  clock  the clock is wrong: it says 1970-01-01 00:05:" in done.stdout


# --- pins, cameras, models, users


def test_a_gpio_chip_that_is_not_there_is_told(tmp_path: Path) -> None:
    if Path("/dev/gpiochip0").exists():
        pytest.skip("this machine has a GPIO chip")
    found = examine(kiosk(tmp_path).config, "--only", "pins")
    assert "there is no /dev/gpiochip0" in found.failure("pins")


def test_a_camera_node_that_is_not_there_is_told(tmp_path: Path) -> None:
    camera = {"name": "front", "source": "v4l2:/dev/video99"}
    found = examine(kiosk(tmp_path, cameras=[camera]).config, "--only", "camera")
    assert "there is no camera node /dev/video99" in found.failure("camera-front")


def test_what_the_services_user_may_not_use_is_told_with_its_owner(tmp_path: Path) -> None:
    with open_directory() as place:
        node, keys, state = place / "video0", place / "keys.json", place / "state"
        for path in (node, keys):
            path.touch(mode=0o000)
        state.mkdir(mode=0o555)
        device = kiosk(
            place / "kiosk",
            cameras=[{"name": "front", "source": f"v4l2:{node}"}],
            commands={"keys": str(keys)},
            storage={"directory": str(state)},
        )
        found = examine(
            device.config, *("--user", plain_user()), *("--only", "camera", "--only", "keys", "--only", "disk")
        )
    owner = "root:root" if os.geteuid() == 0 else plain_user()
    for name, path in (("camera-front", node), ("keys", keys), ("disk", state)):
        assert f"user {plain_user()} may not use {path}: it belongs to {owner}" in found.failure(name)
    assert found.tree["user"] == plain_user()


def test_where_it_can_not_be_told_whether_an_agent_runs_nothing_that_it_may_have_is_tried() -> None:
    with open_directory() as place:
        state = place / "state"
        state.mkdir(mode=0o000)
        device = kiosk(
            place / "kiosk",
            cameras=[{"name": "front", "source": f"file:{place}"}],
            storage={"directory": str(state / "inner")},
        )
        found = examine(device.config, "--user", plain_user(), "--lights", *only("agent", "camera", "lights"))
    assert "can't tell whether an agent is running" in found.one("agent", "unknown")["what"]
    for name in ("camera-front", "lights"):
        assert found.one(name, "unknown")["do"] == "run the doctor with sudo"


@pytest.mark.parametrize("options", [(), ("--simulate",)])
def test_a_user_that_is_not_there_is_bad_usage(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run_cli("doctor", "--config", kiosk(tmp_path).config, "--user", "edge-nobody", *options)
    assert done.returncode == 2
    assert "--user edge-nobody: this machine has no such user" in done.stderr


@pytest.mark.parametrize("used", [False, True], ids=["new", "used before"])
def test_the_doctor_leaves_nothing_in_the_state_directory_and_changes_nothing_there(tmp_path: Path, used: bool) -> None:
    device = kiosk(tmp_path / "kiosk")
    device.storage.mkdir(parents=True)
    lock = device.storage / "agent.lock"
    if used:
        lock.write_text("as it was")
    found = examine(device.config, "--simulate", "--lights", *only("pins", "lights", "disk"))
    assert found.one("pins", "ok")["what"] == "all 1 inputs are at rest"
    assert list(device.storage.iterdir()) == ([lock] if used else [])
    assert not used or lock.read_text() == "as it was"


def test_a_camera_that_hangs_does_not_hang_the_doctor(tmp_path: Path) -> None:
    device = kiosk(tmp_path, cameras=[{"name": "front", "source": "picamera2:0"}])
    fault = device.storage / "snapshots" / "front" / "front.fault"
    fault.parent.mkdir(parents=True)
    fault.write_text("hang")
    found = examine(device.config, "--simulate", "--only", "camera", "--limit", "6")
    assert "no answer within 6 s (while waiting for a picture of picamera2:0)" in found.failure("camera-front")


def test_a_simulated_camera_and_the_real_model_are_looked_at(tmp_path: Path) -> None:
    camera = {"name": "front", "source": "picamera2:0", "frames_per_second": 5}
    found = examine(kiosk(tmp_path, cameras=[camera]).config, "--simulate", "--only", "camera", "--only", "model")
    assert "frames/s" in found.of("camera-front")[0]["what"]
    assert "movenet-person-int8 is whole" in found.of("model-front")[0]["what"]


@pytest.mark.parametrize(("spoil", "says"), [("remove", "is not in"), ("alter", "SHA-256 differs")])
def test_a_model_that_is_missing_or_damaged_is_told(tmp_path: Path, spoil: str, says: str) -> None:
    if spoil == "alter":
        copy_altered_model(tmp_path / "home" / "edge-agent" / "models")
    camera = {"name": "front", "source": "picamera2:0"}
    device = kiosk(tmp_path / "kiosk", cameras=[camera])
    environ = {"XDG_CACHE_HOME": str(tmp_path / "home")}
    found = examine(device.config, "--simulate", "--only", "model", environ=environ)
    assert says in found.failure("model-front")
    assert "make model" in found.failure("model-front")


@pytest.mark.parametrize("keys", ["missing", "garbage", "technician only"])
def test_keys_with_which_nobody_can_answer_are_told(tmp_path: Path, keys: str) -> None:
    file = tmp_path / "made" / "keys.json"
    if keys == "technician only":
        assert run_cli("keygen", "--role", "technician", "--out", file.parent).returncode == 0
    elif keys == "garbage":
        file.parent.mkdir()
        file.write_text("{")
    found = examine(kiosk(tmp_path, commands={"keys": str(file)}).config, "--simulate", "--only", "keys")
    assert str(file) in found.failure("keys")


def test_lights_are_lit_one_by_one_only_when_asked_for(tmp_path: Path) -> None:
    device = kiosk(tmp_path)
    found = examine(device.config, "--simulate", "--lights", "--only", "lights")
    assert [finding["state"] for finding in found.of("lights")] == ["ok", "ok", "ok"]
    assert "lights" not in [
        check["name"] for check in examine(device.config, "--simulate", "--only", "pins").tree["checks"]
    ]


def test_the_doctor_itself_loads_no_library_of_the_camera(tmp_path: Path) -> None:
    camera = {"name": "front", "source": "picamera2:0"}
    device = kiosk(tmp_path, cameras=[camera])
    program = (
        "import sys; from agent.__main__ import main; "
        f"main(['doctor', '--simulate', '--only', 'model', '--config', {str(device.config)!r}]); "
        "print(sorted({'numpy', 'cv2', 'ai_edge_litert', 'tflite_runtime'} & set(sys.modules)))"
    )
    done = ran(sys.executable, "-c", program, env=environment({}))
    assert done.stdout.splitlines()[-1] == "[]"
