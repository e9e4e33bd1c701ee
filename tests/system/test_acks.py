"""Green lights only when a person of the centre has answered, in a way that nobody else can."""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.trust.jose_keys import PrivateKey, sign
from tests.support.agent_process import SOURCE, AgentProcess
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

RESIDENT_WAITS = {"yellow": "on", "green": "off", "beacon": "flash", "tone": "off"}
SOMEBODY_COMES = {"yellow": "on", "green": "on", "beacon": "flash", "tone": "off"}


@dataclass(frozen=True, slots=True)
class Scene:
    """A kiosk with one open alarm, and the centre."""

    agent: AgentProcess
    centre: Centre
    alarm_id: str

    def claims(self, **changes: Any) -> dict[str, Any]:
        return self.centre.ack_claims(self.alarm_id, self.agent.key, **changes)

    def signed(self, **changes: Any) -> bytes:
        return sign(self.claims(**changes), self.agent.key)

    def send(self, token: bytes) -> None:
        self.centre.send(f"ack/{self.alarm_id}", token)

    def refusals(self, code: str) -> int:
        """Security events with this code."""
        found = self.centre.messages("security/command-rejected")
        return sum(m.data["detail"]["code"] == code for m in found)

    def results(self, command_id: str) -> list[dict[str, Any]]:
        return [{**m.data, "historical": None} for m in self.centre.messages(f"result/{command_id}")]

    def assert_refused(self, code: str, times: int = 1) -> None:
        """It is told to the security centre and to the sender, and changes no light."""
        self.centre.wait_for("security/command-rejected", lambda m: self.refusals(code) >= times)
        rejected = self.centre.wait_for("result/", lambda m: m.data["code"] == code)
        assert rejected.data["status"] == "rejected"
        assert self.agent.outputs() == RESIDENT_WAITS

    def assert_a_right_ack_works(self) -> None:
        command_id = self.centre.acknowledge(self.alarm_id, self.agent.key)
        assert self.centre.result(command_id)["status"] == "succeeded"
        self.agent.wait_for_outputs(**SOMEBODY_COMES)


@pytest.fixture
def scene(tmp_path: Path, broker: Mosquitto) -> Iterator[Scene]:
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url) as agent:
        agent.press()
        alarm_id = centre.wait_for_alarm("updated", stage="sent").data["alarm_id"]
        yield Scene(agent, centre, alarm_id)


def test_the_brokers_own_acknowledgement_does_not_light_green_and_a_verified_ack_does(scene: Scene) -> None:
    assert scene.agent.outputs() == RESIDENT_WAITS
    scene.assert_a_right_ack_works()
    registered = scene.centre.wait_for_alarm("updated", alarm_id=scene.alarm_id, stage="registered")
    assert registered.data["latency_ms"]["registered"] >= registered.data["latency_ms"]["sent"]

    scene.centre.acknowledge(scene.alarm_id, scene.agent.key, "dispatched")
    scene.agent.wait_for_outputs(yellow="on", green="slow-pulse")
    scene.centre.acknowledge(scene.alarm_id, scene.agent.key, "closed")
    scene.agent.wait_for_outputs(yellow="off", green="off", beacon="steady")
    scene.centre.wait_for_alarm("closed", alarm_id=scene.alarm_id)


def forged(scene: Scene) -> bytes:
    """Signed with another key, under the id of a key that the device knows."""
    known = scene.agent.key
    thief = PrivateKey.generate(known.role, known.issuer)
    return sign(scene.claims(), PrivateKey(known.kid, known.role, known.issuer, thief.key))


def altered(scene: Scene) -> bytes:
    """A right token whose content was changed on its way."""
    header, _, signature = scene.signed().split(b".")
    other = scene.signed(args={"alarm_id": scene.alarm_id, "action": "closed"}).split(b".")[1]
    return b".".join((header, other, signature))


def of_unknown_key(scene: Scene) -> bytes:
    return sign(scene.claims(), PrivateKey.generate("operator"))


def unsigned(scene: Scene) -> bytes:
    """The well-known trick of saying that no signature is needed."""
    _, payload, _ = scene.signed().split(b".")
    header = json.dumps({"alg": "none", "kid": scene.agent.key.kid}).encode()
    return base64url(header) + b"." + payload + b"."


def base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


WRONG: dict[str, tuple[Callable[[Scene], bytes], str]] = {
    "forged": (forged, "bad-signature"),
    "altered": (altered, "bad-signature"),
    "of an unknown key": (of_unknown_key, "unknown-key"),
    "without a signature": (unsigned, "malformed"),
    "for the device of that id in another province": (
        lambda scene: scene.signed(aud=SOURCE.replace("gp", "kzn")),
        "wrong-audience",
    ),
    "in another name": (lambda scene: scene.signed(iss="somebody"), "wrong-issuer"),
    "of another start": (lambda scene: scene.signed(boot_nonce="0-0123456789abcdef"), "wrong-boot-nonce"),
    "with an unknown action": (
        lambda scene: scene.signed(args={"alarm_id": scene.alarm_id, "action": "cancelled"}),
        "bad-arguments",
    ),
    "of another kind": (lambda scene: scene.signed(name="update", args={}), "unknown-command"),
    "empty": (lambda scene: b"", "malformed"),
    "plain JSON": (lambda scene: b'{"action": "registered"}', "malformed"),
    "garbage": (lambda scene: b"\x00\xff\xfe" * 100, "malformed"),
    "over-long": (lambda scene: scene.signed(note="x" * 17_000), "too-large"),
    "valid for ever": (lambda scene: scene.signed(exp=2**62), "too-long-lived"),
}


def test_an_ack_that_is_not_right_is_refused_and_told_and_changes_no_light(scene: Scene) -> None:
    codes = Counter[str]()
    for what, (make, code) in WRONG.items():
        codes[code] += 1
        scene.send(make(scene))
        wait_for(lambda: scene.refusals(code) >= codes[code], what=f"the refusal of an ack that is {what}")  # noqa: B023
        scene.assert_refused(code, codes[code])
    scene.assert_a_right_ack_works()


def test_without_a_set_clock_a_token_must_echo_the_boot_nonce_and_with_one_it_must_be_of_now(
    scene: Scene,
) -> None:
    claims = scene.claims()
    del claims["boot_nonce"]
    past = {"iat": 1_600_000_000, "exp": 1_600_000_060}
    scene.send(sign({**claims, **past}, scene.agent.key))
    scene.assert_refused("clock-unsynced" if scene.centre.wait_for("state").timeq == "unsynced" else "expired")
    assert scene.agent.outputs() == RESIDENT_WAITS
    scene.assert_a_right_ack_works()


def test_a_token_works_once_even_over_a_restart_of_the_agent(scene: Scene) -> None:
    claims = scene.claims(args={"alarm_id": scene.alarm_id, "action": "registered"})
    token = sign(claims, scene.agent.key)
    scene.send(token)
    first = {**scene.centre.result(claims["cmd_id"]), "historical": None}
    scene.agent.wait_for_outputs(**SOMEBODY_COMES)
    scene.send(token)
    scene.centre.wait_for("security/command-repeated")
    wait_for(lambda: len(scene.results(claims["cmd_id"])) == 2, what="the result of the repetition")

    birth = scene.centre.wait_for("state").data
    old_nonce = scene.centre.nonce()
    scene.agent.kill()
    scene.agent.start()
    scene.agent.wait_for_outputs(**SOMEBODY_COMES)
    scene.centre.wait_for("state", lambda m: m.data["boot_nonce"] != birth["boot_nonce"])
    signed_again = scene.signed(args=claims["args"], cmd_id=claims["cmd_id"])
    for number, repetition in enumerate((token, signed_again), start=2):
        scene.send(repetition)
        wait_for(lambda: len(scene.results(claims["cmd_id"])) > number, what="the first result again")  # noqa: B023
    assert all(result == first for result in scene.results(claims["cmd_id"]))
    repeated = "security/command-repeated"  # one that were executed would not be told so
    wait_for(lambda: len(scene.centre.messages(repeated)) == 3, what="the third word of a repetition")

    later = scene.signed(args={"alarm_id": scene.alarm_id, "action": "dispatched"}, boot_nonce=old_nonce)
    scene.send(later)
    scene.centre.wait_for("security/command-rejected", lambda m: m.data["detail"]["code"] == "wrong-boot-nonce")
    assert scene.agent.outputs() == SOMEBODY_COMES
    scene.centre.acknowledge(scene.alarm_id, scene.agent.key, "closed")
    scene.agent.wait_for_outputs(yellow="off", green="off")


def test_whoever_has_only_the_alarm_can_answer_it(scene: Scene) -> None:
    """At another node of a cluster nobody gets the retained state."""
    alarm = scene.centre.wait_for_alarm("raised", alarm_id=scene.alarm_id)
    scene.send(scene.signed(boot_nonce=alarm.nonce))
    scene.agent.wait_for_outputs(**SOMEBODY_COMES)


def test_keys_that_are_changed_count_without_a_restart(scene: Scene) -> None:
    key_set = scene.agent.key_file.parent / "keys.json"
    newcomer = PrivateKey.generate("operator")
    both = json.loads(key_set.read_text())["keys"]
    old = scene.agent.key

    def change(*keys: Any) -> None:
        key_set.with_suffix(".new").write_text(json.dumps({"keys": keys}))
        key_set.with_suffix(".new").rename(key_set)

    change(newcomer.public().as_jwk())
    scene.send(scene.signed())
    scene.assert_refused("unknown-key")
    changed = scene.centre.wait_for("security/keys-changed").data["detail"]
    assert changed == {"came": [newcomer.kid], "went": [key["kid"] for key in both], "changed": []}
    scene.send(sign(scene.claims(iss=newcomer.issuer), newcomer))
    scene.agent.wait_for_outputs(**SOMEBODY_COMES)

    key_set.write_text("{")
    scene.centre.wait_for("event/part-degraded", lambda m: "the old keys stay in force" in m.data["detail"])
    change(old.public().as_jwk())
    scene.centre.wait_for("event/part-restored", lambda m: m.data["part"] == "commands")
    scene.centre.acknowledge(scene.alarm_id, old, "closed")
    scene.agent.wait_for_outputs(yellow="off", green="off")


def test_a_retained_ack_is_never_executed(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url) as agent:
        agent.press()
        alarm_id = centre.wait_for_alarm("updated", stage="sent").data["alarm_id"]
        agent.kill()
        # Without a nonce it would be right for ever on a device whose clock is set, so the flag alone decides.
        claims = centre.ack_claims(alarm_id, agent.key)
        centre.send(f"ack/{alarm_id}", sign(claims, agent.key), retain=True)
        birth = centre.wait_for("state").data
        agent.start()
        centre.wait_for("state", lambda m: m.data["boot_nonce"] != birth["boot_nonce"])
        scene = Scene(agent, centre, alarm_id)
        scene.assert_a_right_ack_works()
        assert scene.results(claims["cmd_id"]) == []


def test_an_ack_that_is_sent_to_another_alarm_changes_neither(tmp_path: Path, broker: Mosquitto) -> None:
    buttons = [{"name": "police", "pin": 17}, {"name": "medical", "kind": "medical", "pin": 24}]
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, buttons=buttons) as agent:
        ids = {}
        for name in ("police", "medical"):
            agent.press(name)
            ids[name] = centre.wait_for_alarm("updated", input=name, stage="sent").data["alarm_id"]
        claims = centre.ack_claims(ids["police"], agent.key)
        centre.send(f"ack/{ids['medical']}", sign(claims, agent.key))
        scene = Scene(agent, centre, ids["police"])
        scene.assert_refused("wrong-topic")
        # Green for one alarm would tell the person of the other one that help comes.
        centre.acknowledge(ids["police"], agent.key)
        centre.wait_for_alarm("updated", alarm_id=ids["police"], stage="registered")
        assert agent.outputs() == RESIDENT_WAITS
        centre.acknowledge(ids["medical"], agent.key)
        agent.wait_for_outputs(**SOMEBODY_COMES)


def test_a_message_that_is_somewhat_too_large_is_refused_aloud_and_disturbs_nothing(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url) as agent,
    ):
        agent.press()
        alarm_id = centre.wait_for_alarm("updated", stage="sent").data["alarm_id"]
        scene = Scene(agent, centre, alarm_id)
        scene.send(b"x" * 100 * 1024)
        refusal = centre.wait_for("security/command-rejected")
        assert refusal.data["detail"]["code"] == "too-large"
        scene.assert_a_right_ack_works()
        assert centre.messages("event/part-degraded") == [], "the connection did not stand"


def test_a_flood_of_forged_acks_becomes_no_flood_of_ours_and_does_not_hold_up_a_right_one(scene: Scene) -> None:
    for _ in range(100):
        scene.send(forged(scene))
    for _ in range(10):  # the flood may fill what waits, so a centre repeats its ack, as always
        command_id = scene.centre.acknowledge(scene.alarm_id, scene.agent.key)
        with suppress(AssertionError):
            scene.centre.result(command_id, timeout_s=1.0)
            break
    assert scene.centre.result(command_id)["status"] == "succeeded"
    scene.agent.wait_for_outputs(**SOMEBODY_COMES)
    assert 1 <= len(scene.centre.messages("security/command-rejected")) <= 20
