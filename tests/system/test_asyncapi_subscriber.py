"""A subscriber in another language, made from the AsyncAPI document alone, understands all that a device says."""

import json
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from agent.contract.camera_events import EVENTS, EventName
from agent.contract.commands import TABLE
from agent.contract.events import HardlyAbleToSeeData, LineCountData, TimeCorrectionData
from agent.contract.evidence import EvidenceChange, EvidenceData
from agent.contract.kinds import KINDS
from agent.contract.security import SecurityKind
from agent.contract.vocabulary import TimeQuality
from agent.core.camera.settings import DAYS
from agent.outbox.reporter import Reporter
from agent.runtime.supervision.main_loop import REBOOT
from agent.runtime.supervision.security import SecurityLog
from agent.trust.jose_keys import PrivateKey, sign
from edge_centre.key_files import make_key
from edge_centre.schema.examples import EXAMPLES
from tests.support.agent_process import AgentProcess
from tests.support.asyncapi_subscriber import AsyncApiSubscriber
from tests.support.centre import Centre
from tests.support.commissioning import unsigned
from tests.support.drafts import FACTORY, open_outbox, taken
from tests.support.mosquitto import Mosquitto
from tests.support.sim_clock import SimClock
from tests.support.subscriber import Subscriber
from tests.support.vision_media import demo_video
from tests.support.wait import wait_for

pytestmark = pytest.mark.grading

ALL_DAY_BUT_TODAY = {"days": [DAYS[(datetime.now(tz=UTC).weekday() + 2) % 7]], "from": "10:00", "to": "11:00"}
CAMERA = {
    "name": "front",
    "source": f"file:{demo_video()}?loop=1",
    "leave_after_s": 0.5,
    "cool_down_s": 0.5,
    "zones": [
        {
            "name": "street",
            "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]],
            "loitering_after_s": 0.5,
            "crowd_from": 2,
            "crowd_after_s": 0.2,
            "open": [ALL_DAY_BUT_TODAY],
        }
    ],
    "lines": [{"name": "gate", "from": [0.5, 0.0], "to": [0.5, 1.0]}],
}
SECTIONS: dict[str, Any] = {
    "buttons": [
        {"name": "police", "pin": 17, "debounce_ms": 0},
        {"name": "medical", "pin": 24, "kind": "medical", "debounce_ms": 0, "stuck_after_s": 1.0},
    ],
    "inputs": [
        {"name": "door", "kind": "tamper", "pin": 6},
        {"name": "mains", "kind": "mains", "pin": 13, "delay_s": 0.2, "restore_s": 0.2},
    ],
    "siren": {"pin": 26, "after_s": 0.1},
    "alarm": {"delayed_after_s": 0.2, "unconfirmed_after_s": 0.4, "repeat_after_s": 1.0},
    "service": {"out_of_service_after_s": 1},
    "centre": {"required": True, "heard_within_s": 2},
    "self_test": {"enabled": False},
    "cameras": [CAMERA],
}
SAID_BY_HAND: Mapping[SecurityKind, tuple[str, dict[str, Any]]] = {
    "tls-failed": ("a broker with a wrong certificate, and then the right one", {}),
    "broker-refused": ("a broker with access lists", {}),
    "broker-overrun": ("a broker that breaks the protocol: Mosquitto does not", {}),
    "delivery-stopped": ("a broker that stops passing on what it has taken", {"broker": "mqtt://a"}),
    "session-taken-over": ("a second client under the id of the device: test_probe.py", {}),
    "message-refused": ("a broker with access lists", {"topic": "edge/v1/gp/a/b/up/health"}),
    "command-flood": ("more acks in a moment than a test can sign", {}),
    "sequence-restarted": ("a disk that answers only after a minute", {"seq": 1_795_742_976_000}),
    "config-rolled-back": ("a minute in which settings don't come up", {"revision": 3, "in_force": 2}),
    "model-refused": ("a model where the agent itself can write", {"camera": "front", "model": "own"}),
    "alarm-unreadable": ("an alarm that a later version kept", {"kept": '{"data": {"of": "later"}}'}),
    "alarms-lost": ("a database that is damaged at the right place", {"alarm_ids": [], "all_known": False}),
    "renamed": ("another name after an outage", {"was": "edge/v1/gp/a/b", "given_up": {"alarm": 2, "event": 1}}),
    "service-page-entered": ("a phone in the cabinet", {"peer": "192.168.42.129"}),
    "uploads-allowed": ("a camera that is recorded, and a store", {"hosts": ["store.example"], "issuer": "uploads-1"}),
    "clip-asked": (
        "a camera that is recorded",
        {"clip": "01a21ac6-1e90-755d-98d2-2feefdb0a969", "camera": "front", "issuer": "thandi", "reason": "a quarrel"},
    ),
    "record-skipped": ("a power cut", {"first": 18, "last": 1017}),
}
"""Security events that are not provoked here, each with what it would take, and its detail."""
NOBODYS_EVENTS: tuple[EventName, ...] = ("person-down", "running")
"""Nobody on the demo video does this."""
CAMERA_EVENTS = {kind.type for name, kind in KINDS.items() if name in EVENTS and name not in NOBODYS_EVENTS}


class Device:
    """A kiosk with everything, its keys, and the centre."""

    def __init__(self, directory: Path, broker: Mosquitto, centre: Centre) -> None:
        self.agent = AgentProcess(directory, broker.url, **SECTIONS)
        self.centre = centre
        self.admin = make_key("admin", directory / "keys")

    def claims(self, name: str, **args: Any) -> dict[str, Any]:
        return self.centre.ack_claims("", self.admin) | {"name": name, "args": args}

    def send(self, name: str, **args: Any) -> dict[str, Any]:
        """Send a command; returns its claims."""
        claims = self.claims(name, **args)
        self.centre.send(f"command/{name}", sign(claims, self.admin))
        return claims

    def order(self, name: str, **args: Any) -> dict[str, Any]:
        """Send a command; returns its final result."""
        return self.centre.result(self.send(name, **args)["cmd_id"], timeout_s=60)

    def answer(self, alarm_id: str, action: str, **args: Any) -> dict[str, Any]:
        """Send an ack; returns its result."""
        claims = self.centre.ack_claims(alarm_id, self.admin, action)
        claims["args"] |= args
        self.centre.send(f"ack/{alarm_id}", sign(claims, self.admin))
        return self.centre.result(claims["cmd_id"])

    def say_host_state(self, payload: bytes) -> None:
        self.centre.subscriber.publish("edge/v1/host/jhb/state", payload)

    def alarm(self, name: str) -> str:
        return str(self.centre.wait_for_alarm("raised", input=name).data["alarm_id"])


def test_a_subscriber_made_from_the_document_alone_understands_everything_that_a_device_says(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with AsyncApiSubscriber(tmp_path / "contract", broker.url) as made, Centre(broker.port) as centre:
        device = Device(tmp_path / "kiosk", broker, centre)
        with device.agent:
            go_in_and_out_of_service(device)
            answer_an_alarm(device)
            trouble_it(device)
            order_everything(device)
            wait_for(lambda: made.seen >= CAMERA_EVENTS, what=f"every event of a camera, {CAMERA_EVENTS}")
            restart_it(device)
        assert {m.data["name"] for m in centre.messages("result/")} == {*TABLE, "unknown"}, "results of every command"
        say_the_rest(broker, tmp_path / "outbox")
        judged = {"snapshot", *made.types}
        try:
            wait_for(lambda: judged <= made.seen, what="a valid message of every type")
        finally:
            print(f"never seen: {judged - made.seen}\nrefused: {made.refused[:5]}\nunknown: {made.unknown}")
        assert made.refused == []
        assert made.unknown == set()


def go_in_and_out_of_service(device: Device) -> None:
    device.centre.wait_for("event/out-of-service")
    device.say_host_state(json.dumps({"online": True, "time": "2026-11-24T13:45:02.117Z"}).encode())
    device.centre.wait_for("event/in-service")
    device.say_host_state(b"nobody knows")
    device.centre.wait_for("security/centre-state-ignored")


def answer_an_alarm(device: Device) -> None:
    agent, centre = device.agent, device.centre
    centre.wait_for("health", lambda m: m.data["cameras"].get("front", {}).get("persons", 0) > 0, timeout_s=60)
    agent.press("police")
    alarm_id = device.alarm("police")
    centre.wait_for("event/siren-sounded")
    device.answer(alarm_id, "registered", by="Thandi M.")
    centre.wait_for("event/siren-stopped")
    centre.wait_for_picture(alarm_id)
    device.answer(alarm_id, "dispatched", unit="Unit 7")
    device.answer(alarm_id, "take-over", by="Sipho N.")
    device.answer(alarm_id, "closed", reason="helped", note="a lost child, with her mother now")
    assert device.answer(alarm_id, "closed")["code"] == "unknown-alarm"


def trouble_it(device: Device) -> None:
    agent, centre = device.agent, device.centre
    agent.press_many("medical", 1, hold_s=2.0)
    centre.wait_for("event/input-fault", lambda m: m.data["fault"] == "stuck")
    device.answer(device.alarm("medical"), "closed")
    agent.sim("fault", kind="camera-lost")
    centre.wait_for("event/camera-tamper", lambda m: m.data["kind"] == "signal-lost")
    agent.sim("fault", kind="camera-none")
    centre.wait_for("event/part-restored", lambda m: m.data["part"] == "camera-front", timeout_s=60)
    centre.send("ack/a1", b"no token")
    centre.wait_for("security/command-rejected")
    centre.wait_for("result/unknown")
    token = sign(device.claims("ping"), device.admin)
    for _ in range(2):
        centre.send("command/ping", token)
    centre.wait_for("security/command-repeated")


NOBODYS_CLIP = "01a21ac6-1e90-755d-98d2-2feefdb0a969"
"""A clip that no device has."""


def order_everything(device: Device) -> None:
    for name in ("ping", "rebirth", "snapshot"):
        assert device.order(name)["code"] == "ok", name
    assert device.order("identify", seconds=0.2)["code"] == "ok"
    assert device.order("test-mode", seconds=30.0)["code"] == "ok"
    assert device.order("test-mode", seconds=0)["code"] == "ok"
    asked = device.send("service-page", seconds=60)  # no process serves it here
    assert device.order("service-page", seconds=0)["code"] == "ok"
    assert device.centre.result(asked["cmd_id"])["code"] == "no-page"
    assert device.order("replay", first=1)["code"] == "ok"
    assert device.order("clip", reason="a quarrel")["code"] == "not-recorded"
    assert device.order("clip-hold", clip=NOBODYS_CLIP, hold=True, reason="case 17")["code"] == "unknown-clip"
    looking = {"camera": "front", "reason": "who is it?"}
    live = device.order("live-start", **looking)["output"]["live"]
    device.centre.subscriber.wait_for(lambda heard: "/up/live/" in heard.topic)
    assert device.order("live-start", live=live, **looking)["code"] == "ok"
    assert device.order("live-stop", live=live)["code"] == "ok"
    urls = [{"url": "https://store.example/{name}"}]
    assert device.order("upload-urls", urls=urls, expires=2_000_000_000)["code"] == "no-uploads"
    device.order("self-test")
    device.centre.wait_for("event/self-test")
    assert device.order("config-set", revision=1, changes={"lights": {"yellow": 4}})["code"] == "forbidden-setting"
    device.centre.wait_for("security/config-refused")
    known = json.loads((device.agent.directory / "keys" / "keys.json").read_text())["keys"]
    keys = [*known, PrivateKey.generate("operator").public().as_jwk()]
    assert device.order("keys-set", revision=1, keys=keys)["code"] == "ok"
    device.centre.wait_for("security/keys-changed")


def restart_it(device: Device) -> None:
    agent, centre = device.agent, device.centre
    claims = device.send("config-set", revision=2, changes={"health": {"interval_s": 2}})
    centre.wait_for("security/config-changed")
    assert centre.result(claims["cmd_id"], timeout_s=60)["code"] == "ok"

    claims = device.send("reboot")
    assert agent.ended() == REBOOT
    agent.start()
    assert centre.result(claims["cmd_id"])["code"] == "ok"

    agent.press("medical")
    centre.wait_for_alarm("updated", input="medical", stage="unconfirmed")
    agent.kill()
    agent.config.write_text(agent.config.read_text().replace('"medical"\n', '"clinic"\n', 1))
    (agent.storage / "telemetry.db").write_bytes(b"no database" * 1000)
    agent.start()
    centre.wait_for("security/alarm-without-input")
    centre.wait_for("security/storage-damaged")
    agent.send(signal.SIGTERM)
    centre.wait_for("state", lambda m: m.data["state"] == "offline")


def say_the_rest(broker: Mosquitto, directory: Path) -> None:
    """What is not provoked here goes through the agent's own factory and outbox, and is sent as its publisher would."""
    clock = SimClock()
    outbox = open_outbox(directory, clock)
    log = SecurityLog(Reporter(FACTORY, outbox), clock)
    for kind, (_, detail) in SAID_BY_HAND.items():
        assert log.report(kind, "told by hand", **detail)
    outbox.put(FACTORY.commissioning(unsigned()))  # a device without a certificate has none
    for change in get_args(EvidenceChange):  # a simulated device without a certificate records nothing
        data = EvidenceData(camera="front", clip=NOBODYS_CLIP, chain={"seq": 1, "head": "0" * 64})
        outbox.put(FACTORY.evidence(change, data))
    for name in NOBODYS_EVENTS:
        outbox.put(FACTORY.camera_event(name, EVENTS[name].data.model_validate(EXAMPLES[f"event.{name}"]["data"])))
    # They would take an hour, and a lens out of focus.
    outbox.put(FACTORY.line_count(LineCountData.model_validate(EXAMPLES["event.line-count"]["data"])))
    outbox.put(
        FACTORY.hardly_able_to_see(HardlyAbleToSeeData.model_validate(EXAMPLES["event.hardly-able-to-see"]["data"]))
    )
    # It would take a step of the machine's clock.
    outbox.put(
        FACTORY.time_correction(
            TimeCorrectionData(
                boot_id=clock.boot_id,
                offset_ms=-61_000,
                timeq_before=TimeQuality.UNSYNCED,
                timeq_after=TimeQuality.SYNCED,
            )
        )
    )
    with Subscriber(broker.port) as device:
        for message in taken(outbox):
            device.publish(
                message.topic, message.payload, qos=message.qos, retain=message.retain, expiry_s=message.expiry_s
            )
    outbox.close()


def test_it_reports_what_is_not_as_the_document_says_and_goes_on(tmp_path: Path, broker: Mosquitto) -> None:
    tree = "edge/v1/gp/jhb-park-station/kiosk-0042/up"
    sound = EXAMPLES["alarm.raised"]
    wrong = {**sound, "data": {**sound["data"], "stage": "lifted"}}
    later = {**sound, "type": "edge.alarm.raised.v9"}
    with AsyncApiSubscriber(tmp_path / "contract", broker.url) as made, Subscriber(broker.port) as device:
        for payload in (
            b"",
            b"garbage",
            b"[]",
            b"null",
            b"\xff\xd8jpeg",
            *(json.dumps(each).encode() for each in (wrong, later)),
        ):
            device.publish(f"{tree}/alarm/police", payload)
        device.publish(f"{tree}/health", json.dumps(sound))
        device.publish(f"{tree}/alarm/police", json.dumps(sound), retain=True)
        device.publish(f"{tree}/lift/up", b"of a later version")
        device.publish(f"{tree}/alarm/police", json.dumps({**sound, "of_later": {}}))
        wait_for(lambda: made.seen, what="the sound one after all the others")
        assert made.seen == {"edge.alarm.raised.v1"}
        assert made.unknown == {"edge.alarm.raised.v9"}
        assert len(made.refused) == 8
        reasons = [why for each in made.refused for why in each["why"]]
        assert "/data/stage must be equal to one of the allowed values" in reasons
        assert {"retained: true", "another channel's"} <= set(reasons)
