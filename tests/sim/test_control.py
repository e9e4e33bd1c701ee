import json
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.gpiozero_buttons import GpiozeroButtons
from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.adapters.system_clock import SystemClock
from agent.contract.lamps import PRESSED
from agent.core.errors import StorageError
from agent.core.facts import Edge
from agent.core.wiring import InputLine, LightPins
from agent.sim import control_socket
from agent.sim.contacts import SimContacts
from agent.sim.control import SimControl
from agent.sim.pins import SimPins
from tests.support.wait import wait_for

LINES = [InputLine("police", 17), InputLine("tamper", 24, pull_up=False)]
LIGHTS = LightPins(yellow=22, green=27, beacon=23, tone=18)


class Kiosk:
    """The hardware half of a simulated agent."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.edges: list[Edge] = []
        self.broken: list[str] = []
        factory = open_pin_factory({})
        clock = SystemClock()
        contacts = SimContacts(LINES, path.with_name("contacts.json"))
        self.lights = GpiozeroLights(LIGHTS, factory)
        self.buttons = GpiozeroButtons(LINES, factory, clock)
        self.control = SimControl(
            path,
            SimPins(contacts, LIGHTS, factory, clock),
            self.lights,
            {"disk-full": lambda: self.broken.append("disk-full"), "bad": self._fail},
        )

    def _fail(self) -> None:
        raise RuntimeError("no such thing")

    def start(self) -> None:
        self.lights.start()
        self.buttons.start(self.edges.append, lambda name, detail: None)
        self.edges.clear()  # the levels at start
        self.control.start()

    def close(self) -> None:
        self.control.close()
        self.buttons.close()
        self.lights.close()


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    kiosk = Kiosk(tmp_path / "sim.sock")
    kiosk.start()
    yield kiosk
    kiosk.close()


def send(path: Path, request: object) -> socket.socket:
    sock = control_socket.connect(path)
    sock.settimeout(10)
    sock.sendall(json.dumps(request).encode() + b"\n")
    return sock


def ask(path: Path, **request: Any) -> list[dict[str, Any]]:
    with send(path, request) as sock, sock.makefile("r") as lines:
        return [json.loads(line) for line in lines]


def test_a_press_is_two_edges_and_tells_its_time(kiosk: Kiosk) -> None:
    (told, done) = ask(kiosk.path, do="press", name="police", hold_s=0.05)

    assert done == {"done": True}
    assert told["answer"]["input"] == "police"
    assert told["answer"]["edge_boottime_ns"] <= kiosk.edges[0].boottime_ns
    assert [(e.input, e.active) for e in kiosk.edges] == [("police", True), ("police", False)]
    held_ns = kiosk.edges[1].boottime_ns - told["answer"]["edge_boottime_ns"]
    assert held_ns >= 40_000_000  # 50 ms from when the press was due, which its edge follows by a moment


def test_many_presses_are_told_one_by_one(kiosk: Kiosk) -> None:
    answers = ask(kiosk.path, do="press", name="police", hold_s=0, count=20, interval_s=0.01)

    assert len(answers) == 21
    times = [a["answer"]["edge_boottime_ns"] for a in answers[:-1]]
    assert times == sorted(times)
    assert [e.active for e in kiosk.edges] == [True, False] * 20


def test_others_are_served_while_a_button_is_held(kiosk: Kiosk) -> None:
    with send(kiosk.path, {"do": "press", "name": "police", "hold_s": 3600}) as holding:
        wait_for(lambda: kiosk.edges, what="the press")

        assert ask(kiosk.path, do="inputs")[0]["answer"] == {"police": "pressed", "tamper": "released"}
        (error,) = ask(kiosk.path, do="press", name="police")
        assert "release it first" in error["error"]
        ask(kiosk.path, do="release", name="police")

        assert holding
    assert [e.active for e in kiosk.edges] == [True, False]


def test_hold_stays_until_release(kiosk: Kiosk) -> None:
    ask(kiosk.path, do="hold", name="tamper")
    assert [e.active for e in kiosk.edges] == [True]

    ask(kiosk.path, do="release", name="tamper")

    assert [e.active for e in kiosk.edges] == [True, False]
    assert "not pressed" in ask(kiosk.path, do="release", name="tamper")[0]["error"]


def test_outputs_are_what_the_lights_show(kiosk: Kiosk) -> None:
    kiosk.lights.show(PRESSED)

    answer, _ = ask(kiosk.path, do="outputs")

    assert answer["answer"] == {"yellow": "on", "green": "off", "beacon": "flash", "tone": "off"}


def test_a_fault_is_called_and_an_unknown_one_lists_those_there_are(kiosk: Kiosk) -> None:
    assert ask(kiosk.path, do="fault", kind="disk-full") == [{"done": True}]
    assert kiosk.broken == ["disk-full"]

    known = ask(kiosk.path, do="fault", kind="flood")[0]["error"]
    assert "bad, disk-full, input-rain:police" in known


def test_rain_is_a_train_of_presses(kiosk: Kiosk) -> None:
    answers = ask(kiosk.path, do="fault", kind="input-rain:police")

    assert len(answers) == 61
    assert [e.active for e in kiosk.edges] == [True, False] * 60
    assert "police" in ask(kiosk.path, do="fault", kind="input-rain:cloud")[0]["error"]


def test_a_fault_that_fails_is_told_and_the_simulator_goes_on(kiosk: Kiosk, caplog: pytest.LogCaptureFixture) -> None:
    assert "no such thing" in ask(kiosk.path, do="fault", kind="bad")[0]["error"]
    assert ask(kiosk.path, do="inputs")[-1] == {"done": True}
    assert "no such thing" in caplog.text


@pytest.mark.parametrize(
    ("request_", "trouble"),
    [
        ({}, "do"),
        ([], "do"),
        ({"do": "dance"}, "press, hold"),
        ({"do": "press"}, "police, tamper"),
        ({"do": "press", "name": ["police"]}, "police, tamper"),
        ({"do": "press", "name": "doctor"}, "police, tamper"),
        ({"do": "press", "name": "police", "hold_s": -1}, "hold_s"),
        ({"do": "press", "name": "police", "hold_s": "long"}, "hold_s"),
        ({"do": "press", "name": "police", "count": 0}, "count"),
        ({"do": "press", "name": "police", "count": 2, "hold_s": 1, "interval_s": 1}, "longer"),
        ({"do": "fault"}, "disk-full"),
    ],
)
def test_a_request_that_can_not_be_met_is_told_why(kiosk: Kiosk, request_: object, trouble: str) -> None:
    with send(kiosk.path, request_) as sock, sock.makefile("r") as lines:
        (answer,) = [json.loads(line) for line in lines]

    assert trouble in answer["error"]
    assert not kiosk.edges


def test_a_client_that_talks_nonsense_or_leaves_does_no_harm(kiosk: Kiosk) -> None:
    for data in (b"", b"\xff\n", b"x" * 10_000):
        with control_socket.connect(kiosk.path) as sock:
            sock.sendall(data)
    with send(kiosk.path, {"do": "press", "name": "police", "hold_s": 0.05, "count": 1000}):
        wait_for(lambda: kiosk.edges, what="the press")

    wait_for(lambda: ask(kiosk.path, do="inputs")[0]["answer"]["police"] == "released", what="the release")


def test_only_the_owner_may_connect(kiosk: Kiosk) -> None:
    assert stat.S_IMODE(kiosk.path.stat().st_mode) == 0o600


def test_closing_ends_the_thread_and_removes_the_socket(kiosk: Kiosk) -> None:
    with send(kiosk.path, {"do": "press", "name": "police", "hold_s": 3600}) as waiting:
        wait_for(lambda: kiosk.edges, what="the press")

        kiosk.control.close()
        kiosk.control.close()

        with waiting.makefile("r") as lines:
            assert len(list(lines)) == 1
    assert not kiosk.path.exists()
    assert "sim-control" not in [t.name for t in threading.enumerate()]


def test_the_socket_of_a_dead_agent_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "sim.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    kiosk = Kiosk(path)
    kiosk.start()
    try:
        assert ask(path, do="inputs")[-1] == {"done": True}
    finally:
        kiosk.close()


def test_the_socket_of_a_living_agent_is_left_alone(kiosk: Kiosk) -> None:
    with pytest.raises(StorageError, match="another agent"):
        control_socket.listen(kiosk.path)

    assert ask(kiosk.path, do="inputs")[-1] == {"done": True}


def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 120)
    directory.mkdir()
    kiosk = Kiosk(directory / "sim.sock")
    kiosk.start()
    try:
        assert ask(kiosk.path, do="inputs")[-1] == {"done": True}
    finally:
        kiosk.close()
    assert not list(directory.iterdir())


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no such file"):
        control_socket.listen(tmp_path / "none" / "sim.sock")


def test_a_file_in_the_place_of_the_socket_is_not_deleted(tmp_path: Path) -> None:
    path = tmp_path / "sim.sock"
    path.write_text("precious")

    with pytest.raises(StorageError):
        control_socket.listen(path)

    assert path.read_text() == "precious"
