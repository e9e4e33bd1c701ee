"""The graders are just: what the contract allows is not called wrong, and what is odd does not stop them."""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agent.contract.errors import BrokerError
from agent.contract.identity import Identity
from agent.contract.messages import SecurityData
from agent.trust.jose_keys import KeyRing, PrivateKey, sign
from agent.trust.orders import signed
from agent.trust.tls_context import TlsFiles
from edge_centre.adapters.paho_centre import Heard
from edge_centre.conform import answering, checks
from edge_centre.conform import subject as subject_module
from edge_centre.conform.fleet import Fleet, Player
from edge_centre.conform.subject import Subject, run
from edge_centre.conform.verdict import Wrong, finding
from edge_centre.conform.voice import Made, Voice
from edge_centre.library import record
from tests.support.drafts import alarm_data

IDENTITY = Identity("conform", "run", "self-test")
KEY = PrivateKey.generate("operator", "office")
NOWHERE = "mqtt://127.0.0.1:1"
BOOT = SecurityData(kind="boot", severity="info", text="", detail={})


def fleet(*brokers: str) -> Fleet:
    ring = KeyRing()
    ring.take([KEY.public().as_jwk()], 1)
    ring.reload()
    return Fleet(brokers, TlsFiles(), "edge/v1", ring)


class SignsForEach:
    """A centre that signs each ack for each broker anew, and again every 0.7 s until it has its result. The second
    broker has it first."""

    def __init__(self, device: Player) -> None:
        self._device = device
        self._nonce = ""
        self._open: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._repeat)

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._closing.set()
            self._thread.join()

    def hear(self, made: Made, broker: int = 0) -> None:
        said = json.loads(made.payload)
        data = said["data"]
        self._nonce = said["nonce"]
        with self._lock:
            if said["type"] == "edge.result.v1" and data["status"] == "succeeded":
                del self._open[data["command_id"]]
            elif data.get("stage") in {"raised", "registered"}:
                action = "registered" if data["stage"] == "raised" else "closed"
                self._open[secrets.token_hex(8)] = data["alarm_id"], action
        self._send()

    def _send(self) -> None:
        with self._lock:
            for cmd_id, (alarm_id, action) in self._open.items():
                args = {"alarm_id": alarm_id, "action": action}
                tokens = [signed("ack", args, IDENTITY.source, KEY, self._nonce, cmd_id).token for _ in range(2)]
                for broker in (1, 0):
                    with self._device.fleet.changed:
                        self._device.hear(broker, "ack", alarm_id, tokens[broker])
                        self._device.fleet.changed.notify_all()

    def _repeat(self) -> None:
        while not self._closing.wait(0.7):
            self._send()


def test_a_centre_may_sign_for_each_broker_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Player, "quiet", lambda *_, **__: None)
    device = Player(fleet(NOWHERE, NOWHERE), IDENTITY)
    centre = SignsForEach(device)
    monkeypatch.setattr(device.fleet, "send", centre.hear)
    with centre.running():
        answering.self_test(device)


def test_an_order_whose_arguments_are_none_is_an_order_without_any() -> None:
    device = Player(fleet(), IDENTITY)
    claims: dict[str, Any] = {"cmd_id": "c1", "name": "ack", "args": ["closed"], "aud": IDENTITY.source}
    claims |= {"iss": KEY.issuer, "iat": 0, "exp": 1, "ctr": 1}
    device.hear(0, "ack", "a1", sign(claims, KEY))
    assert device.orders[0].trouble.startswith("malformed (")
    assert device.orders[0].args == {}


@pytest.fixture
def subject(monkeypatch: pytest.MonkeyPatch) -> Subject:
    for module in (checks, record):
        monkeypatch.setattr(module, "HOLE_AFTER_S", 0.0)
    monkeypatch.setattr(record, "_STEP_S", 0.0)
    return Subject(NOWHERE, TlsFiles(), IDENTITY, KEY)


def say(subject: Subject, made: Made, *, retain: bool = False) -> None:
    subject._hear(Heard(made.topic, made.payload, retain))


def test_a_device_may_go_on_above_all_its_numbers_after_a_power_cut(subject: Subject) -> None:
    voice = Voice(IDENTITY)
    say(subject, voice.state("online", 1))
    voice.boot = "16fdc6b1-2798-483e-82b4-436adfe27534"
    voice.seq += 2000
    say(subject, voice.state("online", 2))
    skipped = SecurityData(kind="record-skipped", severity="info", text="", detail={"first": 1, "last": 1000})
    say(subject, voice.make(voice.factory.security(skipped), record=1001))
    checks.numbers(subject)


def test_a_device_may_not_jump_within_one_boot(subject: Subject) -> None:
    voice = Voice(IDENTITY)
    say(subject, voice.state("online", 1))
    voice.seq += 2000
    say(subject, voice.state("online", 2))
    with pytest.raises(Wrong, match="has a seq that jumps"):
        checks.numbers(subject)


def test_a_number_that_can_not_be_compared_is_a_fault_of_the_device(subject: Subject) -> None:
    for seq in (1.5, 10**400):
        subject._hear(Heard(IDENTITY.up("event", "ufo"), json.dumps({"seq": seq}).encode(), False))
    found = finding(checks.numbers, subject)
    assert (found.verdict, found.faults[0][:35]) == ("failed", "says something that can't be read h")


@pytest.mark.parametrize(
    ("command", "longest_s", "reason"),
    [("exec sleep 60", 0.1, "has not ended within 0.1 s"), (r"printf '\377' >&2; false", 60.0, "has failed: ")],
)
def test_a_command_of_the_person_who_grades_that_fails_is_named(
    command: str, longest_s: float, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject_module, "_LONGEST_COMMAND_S", longest_s)
    with pytest.raises(BrokerError, match=reason):
        run(command)


def test_a_device_is_not_blamed_for_what_it_said_just_before_the_grader_listened(subject: Subject) -> None:
    def boot(**fields: int) -> Made:
        return voice.make(voice.factory.security(BOOT), **fields)

    voice = Voice(IDENTITY)
    say(subject, voice.state("online", 1))  # a subscription of its own, and the one to the rest comes after the next
    boot()
    say(subject, boot(recorddone=0))  # the broker has not confirmed the first yet
    say(subject, boot())
    say(subject, voice.alarm(alarm_data()))
    checks.numbers(subject)
    boot()
    say(subject, boot())
    with pytest.raises(Wrong, match="record 5 to 5 was delivered, and it never came"):
        checks.numbers(subject)
