"""`ack` and `command` repeat until the result comes, and say what a person can do when it does not."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from agent.core.errors import BrokerError
from agent.trust.jose_keys import KeyRing, PrivateKey
from agent.trust.tls_context import TlsFiles
from edge_centre.adapters.paho_centre import Heard
from edge_centre.cli import sender
from edge_centre.cli.target import Target
from edge_centre.key_files import make_key
from edge_centre.library import centre, link, orders
from tests.support.drafts import IDENTITY
from tests.support.made_up import envelope

STATE = {"bdseq": 1, "epoch": "e1", "boot_nonce": "s", "agent_version": "1", "config_revision": "1"}
RESULT = {"name": "ping", "status": "succeeded", "code": "ok", "text": "here"}
REFUSED = {"name": "ping", "status": "rejected", "text": "no"}


class World:
    """Brokers in memory, and a device that does with the n-th message what the test has it do."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.key: PrivateKey = make_key("operator", directory)
        self.ring = KeyRing.load(directory / "keys.json")
        self.down: set[str] = set()
        self.ears: dict[str, Callable[[Heard], None]] = {}
        self.sent: list[dict[str, Any]] = []
        self.ways: list[str] = []
        self.digest = ""
        self.said: list[str] = []
        self.steps: list[Callable[[dict[str, Any]], None]] = []
        self.retained: list[Heard] = []
        self.seq = 0
        monkeypatch.setattr(link, "_FIRST_PAUSE_S", 0.05)
        monkeypatch.setattr(centre, "CentreConnection", self.connection)
        monkeypatch.setattr(orders, "PAUSES_S", (0.05, 0.05))
        monkeypatch.setattr(orders, "LONGEST_PAUSE_S", 0.05)
        monkeypatch.setattr(orders, "NONCE_WITHIN_S", 0.05)

    def connection(
        self,
        url: str,
        tls: TlsFiles,
        hear: Callable[[Heard], None],
        link: Callable[[bool, str], None],
        *_: object,
        **__: object,
    ) -> "World.Connection":
        return World.Connection(self, url, hear, link)

    class Connection:
        def __init__(
            self, world: "World", url: str, hear: Callable[[Heard], None], link: Callable[[bool, str], None]
        ) -> None:
            self.world, self.url, self.hear, self.link = world, url, hear, link
            self.is_up = False

        def open(self, filters: list[str]) -> None:
            if self.url in self.world.down:
                raise BrokerError(f"no connection to {self.url}")
            self.is_up = True
            self.link(True, "Success")
            self.world.ears[self.url] = self.hear
            for heard in self.world.retained:
                self.hear(heard)

        def send(self, topic: str, payload: bytes, expiry_s: int) -> None:
            assert topic == IDENTITY.down("command", "ping")
            self.world.ways.append(self.url)
            claims = dict(self.world.ring.verify(payload).claims)
            self.world.sent.append(claims)
            self.world.digest = sha256(payload).hexdigest()
            if self.world.steps:
                self.world.steps.pop(0)(claims)

        def close(self) -> None:
            del self.world.ears[self.url]

    def message(self, level: str, nonce: str | None, data: dict[str, Any], *, retain: bool = False) -> Heard:
        self.seq += 1
        kind = level.partition("/")[0]
        full = {**(STATE if kind == "state" else {}), **data, "historical": False}
        seq = 0 if retain else self.seq
        payload = envelope(f"{kind}.v1", full, seq, nonce=nonce, id=f"m{self.seq}", source=IDENTITY.source)
        return Heard(IDENTITY.up(*level.split("/")), payload, retain)

    def answer(self, *, nonce: str | None = None, **data: Any) -> Callable[[dict[str, Any]], None]:
        """A step: the result with this data."""

        def step(claims: dict[str, Any]) -> None:
            said = {"command_id": claims["cmd_id"], "output": {}, **data}
            self.tell(self.message(f"result/{said['command_id']}", nonce, said))

        return step

    def tell(self, heard: Heard) -> None:
        for hear in list(self.ears.values()):
            hear(heard)

    def send(self, *brokers: str, timeout_s: float = 10.0) -> dict[str, Any]:
        with sender.Sender(Target(IDENTITY, [*brokers] or ["a"], TlsFiles()), self.said.append) as under_test:
            result = under_test.send(name="ping", arguments={}, key=self.key, timeout_s=timeout_s)
        assert self.ears == {}, "a connection was left open"
        return result


def silent(claims: dict[str, Any]) -> None:
    """A step: nobody hears it."""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_a_command_that_nobody_answers_is_signed_again_under_the_same_id_until_the_result_comes(world: World) -> None:
    world.steps = [silent, silent, silent, world.answer(**RESULT)]

    assert world.send()["status"] == "succeeded"
    assert len(world.sent) == 4
    assert len({claims["cmd_id"] for claims in world.sent}) == 1
    counters = [claims["ctr"] for claims in world.sent]
    assert counters == sorted(set(counters))
    assert [line for line in world.said if "has not answered yet" in line] == world.said
    assert len(world.said) == 3


def test_it_goes_to_every_broker_and_one_that_is_down_is_tried_again_each_time(world: World) -> None:
    def comes_back(claims: dict[str, Any]) -> None:
        world.down.clear()

    world.down = {"b"}
    world.steps = [silent, comes_back, silent, silent, silent, world.answer(**RESULT)]

    assert world.send("a", "b")["status"] == "succeeded"
    assert "b" in world.ways
    assert any("no connection to b" in line for line in world.said)


def test_when_no_broker_lets_it_in_that_is_said_at_once(world: World) -> None:
    world.down = {"a", "b"}

    with pytest.raises(BrokerError, match="no connection to a; no connection to b"):
        world.send("a", "b", timeout_s=60)


def test_the_newest_nonce_is_echoed_and_a_refusal_brings_it_to_whoever_had_none(world: World) -> None:
    world.retained = [world.message("state", "1-old", {"state": "online"}, retain=True)]
    world.steps = [
        world.answer(nonce="9-new", **REFUSED, code="nonce-expired"),
        world.answer(nonce="9-new", **RESULT),
    ]

    assert world.send()["status"] == "succeeded"
    assert [claims["boot_nonce"] for claims in world.sent] == ["1-old", "9-new"]


def test_a_retained_nonce_never_takes_the_place_of_one_that_was_just_said(world: World) -> None:
    def both(claims: dict[str, Any]) -> None:
        world.tell(world.message("state", "9-new", {"state": "online"}))
        world.tell(world.message("state", "1-old", {"state": "online"}, retain=True))

    world.steps = [both, world.answer(**RESULT)]
    world.send()

    assert world.sent[-1]["boot_nonce"] == "9-new"


def test_a_device_that_comes_back_is_told_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "PAUSES_S", (60.0,))

    def returns(claims: dict[str, Any]) -> None:
        world.tell(world.message("state", "1-n", {"state": "online"}))

    world.steps = [returns, world.answer(**RESULT)]
    assert world.send(timeout_s=60)["status"] == "succeeded"


@pytest.mark.parametrize("code", ["unknown-key", "bad-signature", "malformed"])
def test_a_refusal_by_a_device_that_can_not_tell_who_speaks_is_known_by_the_digest(world: World, code: str) -> None:
    def refuse(claims: dict[str, Any]) -> None:
        somebody_elses = {"command_id": "unknown", **REFUSED, "code": "retained", "output": {"sha256": "0" * 64}}
        ours = {"command_id": "unknown", **REFUSED, "code": code, "output": {"sha256": world.digest}}
        for data in (somebody_elses, ours):
            world.tell(world.message("result/unknown", None, data))

    world.steps = [refuse]
    assert world.send()["code"] == code
    assert len(world.sent) == 1


def test_what_takes_its_time_is_waited_for(world: World) -> None:
    begins = {**RESULT, "status": "in-progress", "code": "asked", "text": "the self-test begins"}
    world.steps = [world.answer(**begins), world.answer(**begins), world.answer(**RESULT)]

    assert world.send()["status"] == "succeeded"
    assert "the self-test begins" in world.said[0]


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("lost", "power and its network"),
        ("offline", "until it is started"),
        ("online", "online"),
        (None, "knows it"),
    ],
)
def test_silence_is_reported_with_the_last_that_the_device_has_said_of_itself(
    world: World, state: str | None, text: str
) -> None:
    world.retained = [] if state is None else [world.message("state", None, {"state": state}, retain=True)]

    with pytest.raises(BrokerError, match=f"did not answer within 0.2 s: .*{text}"):
        world.send(timeout_s=0.2)
    assert world.ears == {}


def test_a_refusal_that_another_signature_does_not_put_right_is_the_result_in_the_end(world: World) -> None:
    world.steps = [world.answer(**REFUSED, code="counters-unknown")] * 99

    assert world.send(timeout_s=1)["code"] == "counters-unknown"
