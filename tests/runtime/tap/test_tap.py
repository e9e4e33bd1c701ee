"""The tap, driven by hand: each pass of its thread is one call here."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.ports import MAX_RECEIVED_BYTES, Received
from agent.runtime.tap import tap as module
from agent.runtime.tap.tap import Tap
from agent.sim import control_socket
from tests.support.drafts import IDENTITY, alarm, open_outbox, picture, security
from tests.support.sim_clock import SimClock

WORDS = (b"draft", b"report", b"view", b"cameras", b"check")


class Heard(list[Mapping[str, Any]]):
    """What the device has heard of its own tap."""

    def take(self, line: Mapping[str, Any], now_s: float) -> None:
        self.append(line)


class Rig:
    """A tap with a real outbox and a real socket; lamps and commands are made up."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "tap.sock"
        self.outbox = open_outbox(directory / "storage", SimClock())
        self.lamps = "off"
        self.commands: list[Received] = []
        self.told: list[bytes] = []
        """What the service page's process has told."""
        self.asked: list[tuple[str, bytes]] = []
        listener = control_socket.listen(self.path, mode=0o660)
        self.witness = Heard()
        part: Any = self
        witness: Any = self.witness
        answers = dict.fromkeys(WORDS, part)
        self.tap = Tap(listener, self.outbox, part, part, part, lambda: witness, lambda: answers, IDENTITY)

    def lines(self) -> Iterator[Mapping[str, Any]]:
        yield {"lamps": {"yellow": self.lamps}}
        yield {"path": {"up": False}}

    def tick(self) -> None: ...

    def take(self, line: bytes) -> None:
        self.told.append(line)

    def receive(self, message: Received) -> None:
        self.commands.append(message)

    def ask(self, word: str, body: bytes, tell: Callable[[Mapping[str, Any]], None]) -> None:
        self.asked.append((word, body))
        tell({"refused": "no"})

    def connect(self) -> socket.socket:
        sock = control_socket.connect(self.path)
        self.tap.run_once(5)
        return sock

    def heard(self, sock: socket.socket) -> list[dict[str, Any]]:
        """The lines that one more pass brings; the reader has taken all that came before."""
        self.tap.run_once(0)
        sock.setblocking(False)
        text = b""
        try:
            while more := sock.recv(65536):
                text += more
        except BlockingIOError:
            pass
        return [json.loads(line) for line in text.splitlines()]

    def is_let_go(self, sock: socket.socket) -> bool:
        sock.settimeout(5)
        try:
            while sock.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.tap.close()
    rig.outbox.close()


def test_a_reader_hears_how_things_are_and_then_every_message_as_it_was_sealed_and_every_change(rig: Rig) -> None:
    rig.outbox.put(security("before"))
    with rig.connect() as sock:
        assert rig.heard(sock) == [{"lamps": {"yellow": "off"}}, {"path": {"up": False}}]
        rig.outbox.put(alarm("a1"))
        rig.outbox.put(picture())
        rig.lamps = "on"
        raised, lamps = rig.heard(sock)
        assert raised["data"]["alarm_id"] == "a1"
        assert raised["type"] == "edge.alarm.raised.v1"
        assert lamps == {"lamps": {"yellow": "on"}}
        assert rig.heard(sock) == []


def test_two_readers_hear_the_same(rig: Rig) -> None:
    with rig.connect() as one, rig.connect() as two:
        rig.heard(one)
        rig.heard(two)
        rig.heard(one)
        rig.outbox.put(alarm("a1"))
        assert rig.heard(one)[-1] == rig.heard(two)[-1] == rig.witness[-1]


def test_nobody_who_publishes_does_more_than_look_when_nobody_listens(rig: Rig) -> None:
    assert (rig.outbox.tap, rig.witness) == (None, [])
    with rig.connect():
        assert rig.outbox.tap is not None
    rig.tap.run_once(5)
    assert rig.outbox.tap is None


def test_a_command_goes_byte_for_byte_to_whoever_verifies_those_of_a_broker(rig: Rig) -> None:
    token = b"eyJ.x.y"
    with rig.connect() as sock:
        sock.sendall(b"command/ident")
        rig.tap.run_once(5)
        assert rig.commands == []
        sock.sendall(b"ify " + token + b"\nack/a1 " + token + b"\n")
        rig.tap.run_once(5)
    size = len(token)
    assert rig.commands == [
        Received(IDENTITY.down("command", "identify"), token, size, retain=False),
        Received(IDENTITY.down("ack", "a1"), token, size, retain=False),
    ]


@pytest.mark.parametrize(
    "line", [b"config x", b"command/a/b x", b"command/ x", b"../up/alarm x", b"\xff\xfe", b"", b"{}"]
)
def test_nothing_but_acks_and_commands_is_taken_from_a_reader(rig: Rig, line: bytes) -> None:
    with rig.connect() as sock:
        sock.sendall(line + b"\n")
        rig.tap.run_once(5)
        assert rig.commands == []
        assert rig.outbox.tap is not None


def test_a_token_that_is_too_long_is_passed_on_as_too_long_or_not_at_all(rig: Rig) -> None:
    with rig.connect() as sock:
        sock.sendall(b"command/ping " + b"x" * (MAX_RECEIVED_BYTES + 1) + b"\n")
        while not rig.commands:
            rig.tap.run_once(5)
        assert (len(rig.commands[0].payload), rig.commands[0].size) == (MAX_RECEIVED_BYTES, MAX_RECEIVED_BYTES + 1)
        sock.sendall(b"x" * (5 * MAX_RECEIVED_BYTES))
        while rig.outbox.tap is not None:
            rig.tap.run_once(5)
        assert rig.is_let_go(sock)


def test_a_draft_and_a_report_go_to_whoever_seals_and_every_reader_hears_the_answer(rig: Rig) -> None:
    with rig.connect() as asks, rig.connect() as other:
        for each in (asks, other):
            rig.heard(each)
        body = b'{"kept": ' + b" " * (2 * MAX_RECEIVED_BYTES) + b"{}}"
        asks.sendall(b"draft " + body + b"\nreport {}\n")
        while len(rig.asked) < 2:
            rig.tap.run_once(5)
        assert rig.asked == [("draft", body), ("report", b"{}")]
        assert rig.heard(asks)[-2:] == [{"refused": "no"}, {"refused": "no"}]
        assert {"refused": "no"} in rig.heard(other)
        assert rig.commands == []


def test_a_reader_that_takes_nothing_is_let_go_and_the_other_one_stays(rig: Rig) -> None:
    with rig.connect() as slow, rig.connect() as quick:
        told = 0
        for number in range(3000):
            rig.outbox.put(alarm(f"a{number}"))
            told += len([line for line in rig.heard(quick) if "type" in line])
        assert told == 3000
        assert rig.is_let_go(slow)
        rig.outbox.put(alarm("last"))
        assert rig.heard(quick)[-1]["data"]["alarm_id"] == "last"


def test_a_tap_that_falls_behind_lets_its_readers_go_instead_of_hiding_a_gap(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 3)
    with rig.connect() as sock:
        for number in range(4):
            rig.outbox.put(alarm(f"a{number}"))
        rig.tap.run_once(0)
        assert rig.is_let_go(sock)
        assert rig.outbox.tap is None


def test_more_than_four_readers_are_turned_away(rig: Rig) -> None:
    socks = [rig.connect() for _ in range(5)]
    assert rig.is_let_go(socks[4])
    socks[0].close()
    rig.tap.run_once(5)
    with rig.connect() as sock:
        assert rig.heard(sock)[0] == {"lamps": {"yellow": "off"}}
    for each in socks:
        each.close()


def test_the_socket_is_for_the_user_and_the_group_of_the_agent_alone(rig: Rig) -> None:
    assert rig.path.stat().st_mode & 0o777 == 0o660


def test_what_the_service_page_tells_is_no_command(rig: Rig) -> None:
    with rig.connect() as sock:
        sock.sendall(b'page {"event": "entered"}\n')
        rig.tap.run_once(5)

    assert rig.told == [b'{"event": "entered"}']
    assert rig.commands == []


def test_a_reader_that_floods_leaves_the_queue_of_commands_to_brokers_and_is_let_go(rig: Rig) -> None:
    with rig.connect() as sock:
        sock.sendall(b"command/ping x\n" * 4000)
        rig.tap.run_once(5)
        assert rig.is_let_go(sock)
        assert 0 < len(rig.commands) <= 40, "the queue holds 64"
    for _ in range(5):
        with rig.connect() as again:
            again.sendall(b"command/ping x\n" * 64)
            while rig.outbox.tap is not None:
                rig.tap.run_once(5)
    assert len(rig.commands) <= 48, "coming back brings nothing"


def test_a_reader_hears_nothing_of_before_it_came_and_pays_for_nobody_s_flood(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 3)
    with rig.connect():
        publishes = rig.outbox.tap  # a thread that has looked, and has not told yet
        assert publishes is not None
    rig.tap.run_once(5)
    for _ in range(4):
        publishes(b'{"type": "late"}')
    with rig.connect() as sock:
        assert [*map(list, rig.heard(sock))] == [["lamps"], ["path"]]
        rig.outbox.put(alarm("a1"))
        assert rig.heard(sock)[-1]["data"]["alarm_id"] == "a1"
