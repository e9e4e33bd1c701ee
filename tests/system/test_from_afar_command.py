"""Settings and keys from afar by the command line: signed by two persons, left at the brokers, and cleared there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.settings.kept import look
from agent.trust.jose_keys import PrivateKey
from edge_centre.key_files import make_key
from tests.support.agent_process import CAMERA, SOURCE, TREE, USER, AgentProcess, run_cli
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto
from tests.support.office import Office
from tests.support.subscriber import Subscriber
from tests.system.test_from_afar import SHORT_TRIAL

pytestmark = pytest.mark.enrolment

MASKED = 'changes={"cameras": [{"name": "front", "masks": [[[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]]}]}'
FASTER = 'changes={"health": {"interval_s": 2}}'
DOWN_CONFIG = f"{TREE}/down/config"


class Desk:
    """Two persons at a centre, who know the name of a kiosk and its brokers."""

    def __init__(self, kiosk: AgentProcess, *brokers: str) -> None:
        self._keys = kiosk.directory / "keys"
        self._there = ("--device", USER, *(word for url in brokers for word in ("--broker", url)))
        self.admin = make_key("admin", self._keys)
        self.supervisor = make_key("supervisor", self._keys)

    def file(self, key: PrivateKey) -> Path:
        return self._keys / f"{key.kid}.key.json"

    def config_set(self, *words: object, key: PrivateKey | None = None) -> "subprocess.CompletedProcess[str]":
        return self.order("config-set", *words, key=key)

    def order(self, *words: object, key: PrivateKey | None = None) -> "subprocess.CompletedProcess[str]":
        signed = ("--key", self.file(key or self.admin))
        return run_cli("command", *self._there, *map(str, words), *signed)

    def clear(self) -> "subprocess.CompletedProcess[str]":
        return run_cli("command", *self._there, "config-set", "--clear")


def is_left_at(broker: Mosquitto) -> bool:
    """Whether a broker keeps settings for the kiosk; a marker after them shows that they would have come."""
    with Subscriber(broker.port, [DOWN_CONFIG, "marker"]) as somebody:
        somebody.publish("marker", b"x", retain=False)
        somebody.wait_for(lambda heard: heard.topic == "marker")
        return any(heard.topic == DOWN_CONFIG for heard in somebody.heard)


def test_a_mask_goes_when_two_persons_sign_and_whoever_signs_alone_is_told_how(
    tmp_path: Path, broker: Mosquitto
) -> None:
    program = (sys.executable, "-c", SHORT_TRIAL)
    kiosk = AgentProcess(tmp_path, broker.url, program=program, cameras=[{**CAMERA, "source": "file:/nothing"}])
    desk, second = Desk(kiosk, broker.url), tmp_path / "second.jwt"
    with Centre(broker.port) as centre, kiosk:
        centre.wait_for("state", lambda m: m.data["state"] == "online")
        masked = desk.config_set("revision=1", MASKED)
        assert (masked.returncode, "succeeded (ok)" in masked.stdout) == (0, True), masked
        alone = desk.config_set("revision=2", "changes={}")
        assert (alone.returncode, "failed (second-signer)" in alone.stdout) == (1, True), alone
        assert "sign the same under a higher revision, with --co-sign FILE" in alone.stderr

        elsewhere = run_cli(
            *("command", "--device", USER, "config-set", "revision=3", "changes={}"),
            *("--key", desk.file(desk.supervisor), "--co-sign", second),
        )
        assert (elsewhere.returncode, elsewhere.stderr) == (0, "")
        both = desk.config_set("revision=3", "changes={}", "--second", second)
        assert (both.returncode, "succeeded (ok)" in both.stdout) == (0, True), both
        assert look(kiosk.config).settings.cameras[0].masks == ()

        assert desk.config_set("revision=4", MASKED).returncode == 0
        here = desk.config_set("revision=5", "changes={}", "--second", desk.file(desk.supervisor))
        assert (here.returncode, "succeeded (ok)" in here.stdout) == (0, True), here
        old = desk.config_set("revision=4", MASKED)
        assert (old.returncode, "failed (old-revision)" in old.stdout) == (1, True), old
        assert "take a higher revision" in old.stderr


def test_one_admin_makes_no_second_signer_two_people_do_and_that_one_signs_for_masks(
    tmp_path: Path, broker: Mosquitto
) -> None:
    program = (sys.executable, "-c", SHORT_TRIAL)
    kiosk = AgentProcess(tmp_path, broker.url, program=program, cameras=[{**CAMERA, "source": "file:/nothing"}])
    desk, second = Desk(kiosk, broker.url), tmp_path / "second.jwt"
    new = PrivateKey.generate("admin", "zanele")
    desk.file(new).write_text(json.dumps(new.as_jwk()))
    keys = "keys=" + json.dumps([key.public().as_jwk() for key in (desk.admin, new)])
    with Centre(broker.port) as centre, kiosk:
        centre.wait_for("state", lambda m: m.data["state"] == "online")
        assert desk.config_set("revision=1", MASKED).returncode == 0
        for signed_by in ((), ("--second", desk.file(new))):
            alone = desk.order("keys-set", "revision=1", keys, *signed_by)
            assert (alone.returncode, "keys-set: failed (second-signer)" in alone.stdout) == (1, True), alone
            assert "let another person, an admin or a supervisor, sign the same" in alone.stderr
        masks = desk.config_set("revision=2", "changes={}", "--second", desk.file(new))
        assert "failed (second-signer)" in masks.stdout, "the device does not know the key"

        elsewhere = run_cli(
            *("command", "--device", USER, "keys-set", "revision=1", keys),
            *("--key", desk.file(desk.supervisor), "--co-sign", second),
        )
        assert (elsewhere.returncode, elsewhere.stderr) == (0, "")
        both = desk.order("keys-set", "revision=1", keys, "--second", second)
        assert (both.returncode, "keys-set: succeeded (ok)" in both.stdout) == (0, True), both

        gone = desk.config_set("revision=3", "changes={}", "--second", desk.file(desk.supervisor))
        assert "failed (second-signer)" in gone.stdout, "the set has the supervisor no more"
        pair = desk.config_set("revision=4", "changes={}", "--second", desk.file(new))
        assert (pair.returncode, "succeeded (ok)" in pair.stdout) == (0, True), pair
        assert look(kiosk.config).settings.cameras[0].masks == ()


def test_settings_that_are_left_reach_a_kiosk_that_starts_later_until_they_are_cleared(
    tmp_path: Path, first: Mosquitto, second: Mosquitto
) -> None:
    kiosk = AgentProcess(tmp_path / "kiosk", first.url, second.url)
    desk = Desk(kiosk, first.url, second.url)
    with Centre(first.port) as centre:
        office = Office(centre, desk.admin)
        left = desk.config_set("revision=4", FASTER, "--retain")
        assert left.returncode == 0, left
        assert "config-set: revision 4 waits at the brokers: kiosk-0042 takes it when it comes" in left.stdout
        assert is_left_at(first)
        assert is_left_at(second)
        with kiosk:
            office.wait_for_config(state="in-force", revision=4)
            assert look(kiosk.config).settings.health.interval_s == 2

            now = desk.config_set("revision=5", "changes={}", "--retain")
            assert (now.returncode, "config-set: succeeded (ok)" in now.stdout) == (0, True), now
            again = desk.config_set("revision=5", FASTER, "--retain")
            assert again.returncode == 2
            assert "revision 5 is not above 5, the last one that the device has seen" in again.stderr

            kiosk.press()
            alarm = centre.wait_for_alarm("updated", stage="sent").data["alarm_id"]
            waits = desk.config_set("revision=6", FASTER, "--retain")
            assert (waits.returncode, "takes it when its open alarm is closed" in waits.stdout) == (0, True), waits
            centre.acknowledge(alarm, kiosk.key, "closed")
            office.wait_for_config(state="in-force", revision=6)

            cleared = desk.clear()
            assert (cleared.returncode, cleared.stderr) == (0, "")
            assert not is_left_at(first)
            assert not is_left_at(second)
            assert look(kiosk.config).kept.in_force.revision == 6, "what is in force stays"


def test_a_broker_that_does_not_take_them_is_named(tmp_path: Path, broker: Mosquitto) -> None:
    (tmp_path / "acl").write_text("topic read #\n")
    kiosk = AgentProcess(tmp_path / "kiosk", broker.url)
    with Mosquitto(tmp_path / "strict", extra=[f"acl_file {tmp_path / 'acl'}"]) as strict:
        some = Desk(kiosk, broker.url, strict.url, "mqtt://127.0.0.1:1")
        left = some.config_set("revision=1", FASTER, "--retain")
        assert left.returncode == 1
        assert f"revision 1 is left at {broker.url}\n" in left.stderr
        assert f"not at {strict.url}: the broker refused {DOWN_CONFIG}: Not authorized" in left.stderr
        assert "not at mqtt://127.0.0.1:1: no connection to 127.0.0.1:1" in left.stderr
        assert some.clear().returncode == 1
        assert not is_left_at(broker)
        none = Desk(kiosk, strict.url).config_set("revision=1", FASTER, "--retain")
        assert (none.returncode, none.stdout) == (1, "")
        assert "Not authorized" in none.stderr


@pytest.mark.parametrize("role", ["supervisor", "operator"])
def test_whoever_may_not_leave_settings_is_told_before_they_are_left(
    tmp_path: Path, broker: Mosquitto, role: str
) -> None:
    kiosk = AgentProcess(tmp_path / "kiosk", broker.url)
    desk = Desk(kiosk, broker.url)
    key = desk.supervisor if role == "supervisor" else kiosk.key
    done = desk.config_set("revision=1", FASTER, "--retain", key=key)
    assert (done.returncode, "the signer must be an admin" in done.stderr) == (2, True), done
    assert not is_left_at(broker)


def test_a_kiosk_that_was_off_disobeys_a_thief_of_a_revoked_key_from_its_first_connection(
    tmp_path: Path, broker: Mosquitto
) -> None:
    kiosk = AgentProcess(tmp_path, broker.url)
    desk = Desk(kiosk, broker.url)
    stolen = make_key("operator", tmp_path / "keys")
    (tmp_path / "left.json").write_text(json.dumps({"keys": [desk.admin.public().as_jwk()]}))
    fleet = ("keys", "send", "--set", tmp_path / "left.json", "--key", desk.file(desk.admin), "--broker", broker.url)
    with Centre(broker.port) as centre:
        with kiosk:
            centre.wait_for("state", lambda m: m.data["state"] == "online")
            assert "succeeded (ok)" in desk.order("ping", key=stolen).stdout
        off = run_cli(*map(str, fleet), "--timeout", "1")
        assert (off.returncode, "0 of 1 devices obey revision 1" in off.stdout) == (1, True), off
        assert "it has lost its connection" in off.stdout
        with kiosk:
            centre.wait_for("meta", lambda m: m.data["keys"]["revision"] == 1)
            assert "rejected (unknown-key)" in desk.order("ping", key=stolen).stdout
            on = run_cli("keys", "who", "--broker", broker.url, "--revision", "1")
            assert (on.returncode, "1 of 1 devices obey revision 1" in on.stdout) == (0, True), on
            again = run_cli(*map(str, fleet))
            assert (again.returncode, "1 of 1 devices obey revision 2" in again.stdout) == (0, True), again
            cleared = run_cli("command", "--device", USER, "--broker", broker.url, "keys-set", "--clear")
            assert (cleared.returncode, "keys-set: nothing is left" in cleared.stdout) == (0, True), cleared


def test_keys_that_a_kiosk_refuses_are_told_to_whoever_left_them(tmp_path: Path, broker: Mosquitto) -> None:
    kiosk = AgentProcess(tmp_path, broker.url)
    desk = Desk(kiosk, broker.url)
    new = PrivateKey.generate("admin", "zanele")
    both = {"keys": [key.public().as_jwk() for key in (desk.admin, new)]}
    (tmp_path / "both.json").write_text(json.dumps(both))
    fleet = ("keys", "send", "--set", tmp_path / "both.json", "--key", desk.file(desk.admin), "--broker", broker.url)
    with Centre(broker.port) as centre, kiosk:
        centre.wait_for("state", lambda m: m.data["state"] == "online")
        alone = run_cli(*map(str, fleet))
        assert (alone.returncode, "takes two signers" in alone.stdout) == (1, True), alone
        signed = run_cli(*map(str, fleet), "--second", str(desk.file(desk.supervisor)))
        assert (signed.returncode, "1 of 1 devices obey revision 1" in signed.stdout) == (0, True), signed


def test_a_stolen_kiosk_keeps_no_revoked_key_in_force_at_the_others(tmp_path: Path, broker: Mosquitto) -> None:
    kiosk = AgentProcess(tmp_path, broker.url)
    desk = Desk(kiosk, broker.url)
    (tmp_path / "left.json").write_text(json.dumps({"keys": [desk.admin.public().as_jwk()]}))
    fleet = ("keys", "send", "--set", tmp_path / "left.json", "--key", desk.file(desk.admin), "--broker", broker.url)
    with Centre(broker.port) as centre, kiosk:
        centre.wait_for("state", lambda m: m.data["state"] == "online")
        topic = f"{TREE}/up/meta"
        said = json.loads(centre.subscriber.wait_for(lambda heard: heard.topic == topic).payload)
        said |= {
            "id": "m1",
            "source": f"{SOURCE}9",
            "data": said["data"] | {"keys": {"revision": 0, "seen": 2**53 - 1}},
        }
        centre.subscriber.publish(topic.replace(USER, f"{USER}9"), json.dumps(said), retain=True)
        for words, revision in (((), 1), (("--revision", "7"), 7)):
            sent = run_cli(*map(str, (*fleet, "--timeout", "5", *words)))
            assert (sent.returncode, f"1 of 2 devices obey revision {revision}" in sent.stdout) == (1, True), sent
            assert f"it has seen revision {2**53 - 1}" in sent.stdout
        who = run_cli("keys", "who", "--broker", broker.url)
        assert "1 of 2 devices obey revision 7" in who.stdout
