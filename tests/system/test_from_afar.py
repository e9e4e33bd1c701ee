"""Settings from afar: tried, confirmed or taken back by the device itself, and a press arrives all the while."""

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.settings import load
from agent.settings.kept import FILE, load_kept, look
from edge_centre.key_files import make_key
from tests.support.agent_process import CAMERA, AgentProcess, run_cli
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.office import Office, press_until, presses_at
from tests.support.wait import wait_for

pytestmark = pytest.mark.enrolment

CUTS = int(os.environ.get("CUTS", "3"))
"""So many kills; the environment may ask for more."""
SHORT_TRIAL = """
import sys
from agent.runtime.remote import trial
trial.TRIAL_S = 6.0
from agent.__main__ import main
sys.exit(main())
"""
HURRIED = (sys.executable, "-c", SHORT_TRIAL)


class Site:
    """A kiosk, its centre and its office."""

    def __init__(self, kiosk: AgentProcess, centre: Centre) -> None:
        self.kiosk, self.centre = kiosk, centre
        self.office = Office(centre, make_key("admin", kiosk.directory / "keys"))

    def close_all(self) -> None:
        """Close the open alarm, whatever its count is."""
        alarm = self.centre.messages("alarm/police")[-1]
        self.centre.acknowledge(alarm.data["alarm_id"], self.kiosk.key, "closed")
        self.centre.wait_for_alarm("closed", alarm_id=alarm.data["alarm_id"])

    def restart(self) -> None:
        """Kill the kiosk, start it, and wait until it is heard."""
        self.kiosk.kill()
        before = self.births()
        self.kiosk.start()
        wait_for(lambda: self.births() > before, what="a birth")

    def births(self) -> int:
        """How often the kiosk has said that it is online."""
        return sum(message.data["state"] == "online" for message in self.centre.messages("state"))

    def has_result(self, command: str) -> bool:
        return any(m.data["status"] != "in-progress" for m in self.centre.messages(f"result/{command}"))


@pytest.fixture
def site(tmp_path: Path, broker: Mosquitto) -> Iterator[Site]:
    kiosk = AgentProcess(tmp_path, broker.url, program=HURRIED)
    with Centre(broker.port) as centre:
        site = Site(kiosk, centre)
        with kiosk:
            centre.wait_for("state", lambda m: m.data["state"] == "online")
            yield site


def nowhere() -> dict[str, Any]:
    """Settings with a broker that is not there."""
    return {"mqtt": {"brokers": [f"mqtt://127.0.0.1:{free_port()}"]}}


def test_new_settings_come_into_force_without_a_new_process(site: Site) -> None:
    pid = site.kiosk.pid
    began_s = time.monotonic()
    command = site.office.config_set(1, {"health": {"interval_s": 2}})
    result = site.centre.result(command)
    print(f"in force after {time.monotonic() - began_s:.1f} s")

    assert (result["status"], result["code"]) == ("succeeded", "ok"), result
    config = site.office.wait_for_config(state="in-force", revision=1).data["config"]
    assert config == {"revision": 1, "wanted": 1, "state": "in-force", "reason": ""}
    assert site.kiosk.pid == pid
    site.kiosk.press()
    site.centre.wait_for_alarm("updated", stage="sent", press_count=1)


def test_a_wrong_broker_is_taken_back_and_a_press_meanwhile_arrives(site: Site) -> None:
    command = site.office.config_set(1, nowhere())
    site.centre.wait_for("state", lambda m: m.data["state"] == "offline")
    taken, tried = press_until(site.kiosk, lambda: site.has_result(command))
    result = site.centre.result(command)
    assert taken > 10
    site.centre.wait_for("alarm/police", lambda m: presses_at(site.centre) >= taken)
    assert presses_at(site.centre) <= tried
    print(f"{taken} presses of {tried} were taken")

    assert (result["status"], result["code"]) == ("failed", "rolled-back"), result
    assert "no broker takes the birth" in result["text"]
    config = site.office.wait_for_config(state="failed").data["config"]
    assert (config["revision"], config["wanted"]) == (0, 1)
    again = site.centre.result(site.office.config_set(1, {}))
    assert (again["status"], again["code"]) == ("failed", "old-revision")


@pytest.mark.long
def test_a_device_that_nobody_hurries_is_back_within_a_minute_and_says_why(tmp_path: Path, broker: Mosquitto) -> None:
    kiosk = AgentProcess(tmp_path, broker.url)
    with Centre(broker.port) as centre:
        site = Site(kiosk, centre)
        with kiosk:
            began_s = time.monotonic()
            command = site.office.config_set(1, nowhere())
            result = centre.result(command, timeout_s=70)
            took_s = time.monotonic() - began_s
            print(f"back after {took_s:.1f} s")
            assert (result["code"], took_s < 60) == ("rolled-back", True)
            kiosk.press()
            centre.wait_for_alarm("updated", stage="sent")


def test_an_alarm_does_not_wait_for_the_end_of_a_trial_without_a_broker(tmp_path: Path, broker: Mosquitto) -> None:
    kiosk = AgentProcess(tmp_path, broker.url)
    with Centre(broker.port) as centre:
        site = Site(kiosk, centre)
        with kiosk:
            command = site.office.config_set(1, nowhere())
            centre.wait_for("state", lambda m: m.data["state"] == "offline")
            wait_for(lambda: "the agent has started" in kiosk.log().partition("offline")[0], what="the trial")
            press_until(kiosk, lambda: "raised" in kiosk.log())
            pressed_s = time.monotonic()
            centre.wait_for_alarm("updated", stage="sent", timeout_s=30)
            print(f"sent {time.monotonic() - pressed_s:.1f} s after the press")
            assert "an alarm could not be sent" in centre.result(command)["text"]


def test_a_broker_whose_certificate_nobody_vouches_for_is_taken_back(
    site: Site, tmp_path: Path, authorities: BrokerAuthorities
) -> None:
    with Mosquitto(tmp_path / "stranger", authorities=authorities) as stranger:
        result = site.centre.result(site.office.config_set(1, {"mqtt": {"brokers": [stranger.url]}}))
    assert result["code"] == "rolled-back"
    assert "certificate" in result["text"]
    site.kiosk.press()
    site.centre.wait_for_alarm("updated", stage="sent")


def test_of_a_camera_its_process_alone_restarts_and_one_that_is_not_there_is_taken_back(
    tmp_path: Path, broker: Mosquitto
) -> None:
    program = (sys.executable, "-c", SHORT_TRIAL.replace("6.0", "20.0"))
    back = {**CAMERA, "name": "back"}
    kiosk = AgentProcess(tmp_path, broker.url, program=program, cameras=[CAMERA, back])
    with Centre(broker.port) as centre:
        site = Site(kiosk, centre)
        with kiosk:
            for name in ("front", "back"):
                centre.wait_for("health", lambda m: m.data["cameras"].get(name, {}).get("frames", 0) > 0)  # noqa: B023
            processes = {child.pid for child in kiosk.children()}
            gone = {"cameras": [{"name": "front", "source": f"file:{tmp_path}/nothing.avi"}]}
            command = site.office.config_set(1, gone)
            site.office.wait_for_config(state="trying")
            taken, tried = press_until(kiosk, lambda: site.has_result(command))
            assert taken == tried
            result = centre.result(command)
            assert result["code"] == "rolled-back"
            assert "camera front gives no pictures" in result["text"]
            centre.wait_for("alarm/police", lambda m: presses_at(centre) == taken)

            site.close_all()
            better = {"cameras": [{"name": "front", "score_threshold": 0.7}]}
            assert centre.result(site.office.config_set(2, better))["code"] == "ok"
            assert len({child.pid for child in kiosk.children()} & processes) == 1, "the other camera goes on"
            assert site.births() == 1 + 3, "the description came again, with each change of the settings in use"
            assert look(kiosk.config).settings.cameras[0].score_threshold == 0.7
            assert not [m for m in centre.messages("state") if m.data["state"] == "offline"]


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"buttons": [{"name": "police", "remove": True}]}, "forbidden-setting", "buttons"),
        ({"buttons": [{"name": "police", "pin": 99}]}, "forbidden-setting", "buttons"),
        ({"alarm": {"delayed_after_s": 50}}, "forbidden-setting", "alarm"),
        ({"mqtt": {"brokers": ["http://a.example"]}}, "bad-settings", "a broker is mqtt://HOST"),
    ],
)
def test_what_may_not_be_is_refused_at_once_and_reported(
    site: Site, changes: dict[str, Any], code: str, said: str
) -> None:
    result = site.centre.result(site.office.config_set(3, changes))
    assert (result["status"], result["code"], said in result["text"]) == ("failed", code, True)
    config = site.office.wait_for_config(state="refused").data["config"]
    assert (config["revision"], config["wanted"], said in config["reason"]) == (0, 3, True)
    site.centre.wait_for("security/config-refused", lambda m: m.data["detail"]["code"] == code)


def test_settings_that_are_left_at_the_broker_are_taken_once_and_a_failed_revision_never_again(
    tmp_path: Path, broker: Mosquitto
) -> None:
    kiosk = AgentProcess(tmp_path, broker.url, program=HURRIED)
    with Centre(broker.port) as centre:
        site = Site(kiosk, centre)
        in_a_year = int(time.time()) + 365 * 86400
        left = site.office.desire(4, {"health": {"interval_s": 2}}, exp=in_a_year)
        with kiosk:
            assert centre.result(left)["code"] == "ok"
            failing = site.office.desire(5, nowhere(), exp=in_a_year)
            assert centre.result(failing)["code"] == "rolled-back"
            assert site.office.wait_for_config(state="failed").data["config"]["revision"] == 4

            # A kill between the word and its note on disk would have it said again.
            wait_for(lambda: load_kept(kiosk.storage).is_told, what="a note that it was told")
            before = len(centre.messages("result/"))
            site.restart()
            assert centre.result(site.office.order("ping"))["code"] == "ok"
            assert len([m for m in centre.messages("result/") if m.data["name"] != "ping"]) == before
            assert look(kiosk.config).kept.in_force.revision == 4


def test_an_agent_that_dies_of_new_settings_starts_with_the_old_ones(site: Site) -> None:
    command = site.office.config_set(1, nowhere())
    path = site.kiosk.storage / FILE
    wait_for(lambda: path.exists() and '"trial"' in path.read_text(), what="the trial")
    site.kiosk.kill()
    site.kiosk.start()
    result = site.centre.result(command)
    assert (result["code"], "the agent ended while it tried them" in result["text"]) == ("rolled-back", True)
    assert site.office.wait_for_config(state="failed").data["config"]["revision"] == 0


def test_keys_from_afar_are_obeyed_at_once_and_after_a_restart_and_the_files_no_more(site: Site) -> None:
    kiosk, centre, office = site.kiosk, site.centre, site.office
    operator = make_key("operator", kiosk.directory / "other")
    keys = [office.admin.public().as_jwk(), operator.public().as_jwk()]
    for wrong in ([operator.public().as_jwk()], keys[1:], [{"kid": "x"}], [keys[0] | {"role": "operator"}]):
        assert centre.result(office.order("keys-set", revision=1, keys=wrong))["code"] == "bad-keys"
    assert centre.result(office.order("keys-set", revision=2, keys=keys))["code"] == "ok"
    assert centre.result(office.order("keys-set", revision=2, keys=keys))["code"] == "old-revision"
    for start in range(2):
        assert centre.result(office.order("ping", operator))["code"] == "ok"
        office.order("ping", kiosk.key)
        wait_for(lambda: len(centre.messages("security/command-rejected")) > start, what="a refusal")  # noqa: B023
        assert centre.messages("security/command-rejected")[-1].data["detail"]["code"] == "unknown-key"
        site.restart()


def test_a_reboot_ends_the_agent_with_a_code_of_its_own_and_is_told_by_the_next_start(site: Site) -> None:
    command = site.office.order("reboot")
    assert site.kiosk.ended() == 76
    site.kiosk.start()
    assert site.centre.result(command)["code"] == "ok"
    site.office.order("ping")
    site.kiosk.press()
    site.centre.wait_for_alarm("updated", stage="sent")


def test_a_technician_sees_what_was_set_from_afar_and_takes_it_away(site: Site) -> None:
    assert site.centre.result(site.office.config_set(7, {"health": {"interval_s": 2}}))["code"] == "ok"
    said = run_cli("check-config", site.kiosk.config)
    assert "from afar, revision 7, in force: health.interval_s; `edge-agent config-reset`" in said.stderr
    assert json.loads(said.stdout)["health"]["interval_s"] == 2.0
    keys = [site.office.admin.public().as_jwk()]
    assert site.centre.result(site.office.order("keys-set", revision=5, keys=keys))["code"] == "ok"
    told = run_cli("doctor", "--config", site.kiosk.config, "--simulate", "--only", "settings")
    assert "from afar, revision 7, in force: health.interval_s" in told.stdout.replace("\n", " ")

    site.kiosk.send(signal.SIGTERM)
    assert run_cli("config-reset", "--config", site.kiosk.config).returncode == 0
    site.kiosk.start()
    assert site.office.wait_for_config(revision=0, wanted=7, state="in-force")
    assert site.centre.result(site.office.order("keys-set", revision=5, keys=keys))["code"] == "old-revision"


def test_a_file_that_can_not_be_read_costs_the_cameras_and_no_press(site: Site) -> None:
    site.kiosk.kill()
    (site.kiosk.storage / FILE).write_bytes(b"\x00" * 100)
    site.kiosk.start()
    degraded = site.centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "config")
    assert "is not what was written" in degraded.data["detail"]
    assert site.office.wait_for_config(state="failed")
    site.kiosk.press()
    site.centre.wait_for_alarm("updated", stage="sent")
    assert site.centre.result(site.office.config_set(1, {}))["code"] == "not-kept"
    assert run_cli("config-reset", "--config", site.kiosk.config).returncode == 0


def test_a_kill_at_any_moment_leaves_one_whole_configuration(tmp_path: Path, broker: Mosquitto) -> None:
    chance = random.Random(47)
    kiosk = AgentProcess(tmp_path, broker.url, program=HURRIED)
    in_force, interval = 0, load(kiosk.config).health.interval_s
    seen: list[str] = []
    with Centre(broker.port) as centre:
        site = Site(kiosk, centre)
        with kiosk:
            for revision in range(1, CUTS + 1):
                wanted = float(10 + revision)
                command = site.office.config_set(revision, {"health": {"interval_s": wanted}})
                centre.wait_for(f"result/{command}")
                threading.Event().wait(chance.uniform(0, 6))  # it comes at any moment; nothing is waited for
                site.restart()
                code = "unheard-of"  # it was killed before it had anything on disk
                if look(kiosk.config).kept.wanted == revision:
                    code = centre.result(command)["code"]
                if code == "ok":
                    in_force, interval = revision, wanted
                begun = look(kiosk.config)
                assert (begun.trouble, begun.kept.trial) == ("", None)
                assert code in {"ok", "rolled-back", "unheard-of"}
                assert (begun.kept.in_force.revision, begun.settings.health.interval_s) == (in_force, interval)
                seen.append(code)
    print(f"{CUTS} kills: {seen.count('ok')} with the new settings, {seen.count('rolled-back')} with the old ones")
