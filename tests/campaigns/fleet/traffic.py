"""What one kiosk without a camera sends and gets over its network in a day, counted in TCP segments by the kernel."""

import socket
import struct
import threading
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

from agent.contract.host_state import REPEAT_S, host_topic, write_state
from tests.support.agent_process import REPOSITORY, TREE, USER, AgentProcess
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto, free_port
from tests.support.wait import wait_for

_PROFILE = REPOSITORY / "firmware_configs" / "kiosk-pi4"
_DAY_S = 24 * 3600.0
_HEADERS = 20 + 32
"""Of IPv4 and of TCP with its timestamps, in each segment, acknowledgements among them."""
_SEGMENT = 1348
"""The most data in one, as over an MTU of 1,400: a mobile network's."""
_STILL_S = 0.4
_HOST = host_topic("edge/v1", CENTRE)
_ECHO = f"{TREE}/down/echo"
_ECHO_S = 225.0
"""The device's own echo, of which there is one at the connection too."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that a kiosk does, how often in a day, and what it takes once: bytes on the wire, messages to the
    centre."""

    name: str
    times: float
    """An assumption unless `is_rest`."""
    bytes_each: float
    messages: int
    is_rest: bool = False
    """Whether it goes on all day, as the settings say."""

    @property
    def bytes(self) -> float:
        """In a day."""
        return self.times * self.bytes_each


class Wire(AbstractContextManager["Wire"]):
    """Stands between the kiosk and its broker. The kernel counts what passes between the kiosk and us (TCP_INFO)."""

    def __init__(self, broker_port: int) -> None:
        self.port = free_port()
        self._broker_port = broker_port
        self._listener = socket.socket()
        self._sockets = ExitStack()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> "Wire":
        self._sockets.enter_context(self._listener)
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen()
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self.cut()
        for thread in self._threads:
            thread.join()
        self._sockets.close()

    @property
    def count(self) -> int:
        """Bytes so far, both ways, headers and acknowledgements included."""
        return sum(_bytes(kiosk) for kiosk, _ in self._pairs)

    def cut(self) -> None:
        """End all connections."""
        for sock in (sock for pair in self._pairs for sock in pair):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                pair = self._listener.accept()[0], socket.create_connection(("127.0.0.1", self._broker_port))
                for sock in pair:
                    self._sockets.enter_context(sock)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pairs.append(pair)
                for ways in (pair, pair[::-1]):
                    self._threads.append(threading.Thread(target=_pass, args=ways))
                    self._threads[-1].start()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)


def _bytes(sock: socket.socket) -> int:
    # linux/tcp.h: tcpi_bytes_acked and tcpi_bytes_received at 120, tcpi_segs_out and tcpi_segs_in behind them.
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144)
    acked, received, segments_out, segments_in = struct.unpack_from("QQII", info, 120)
    return int(acked + received + _HEADERS * (segments_out + segments_in))


def measure(directory: Path, rest_s: float, pace: float = 1.0) -> list[Chore]:
    """Watch a kiosk of the profile through so many seconds of rest, and once through whatever else a day has. At rest
    all that repeats itself does so `pace` times as often as it should. Returns a day."""
    with ExitStack() as stack:
        authorities = BrokerAuthorities.create(directory / "authorities")
        access = f"user CN={CENTRE}\ntopic read {_ECHO}"  # so that we see when it passes
        broker = stack.enter_context(Mosquitto(directory / "broker", authorities=authorities, access=access))
        files = authorities.devices.client(USER, f"{USER}/up/alarm", days=[365, 365])
        wires = [stack.enter_context(Wire(broker.port)) for _ in range(2)]
        files_of_centre = authorities.centre(CENTRE)
        centre = stack.enter_context(Centre(broker.centre_port, more_filters=[_HOST, _ECHO], files=files_of_centre))
        street = tomllib.loads((_PROFILE / "edge-agent.toml").read_text())
        parts = tomllib.loads((_PROFILE / "edge-agent.d" / "20-kiosk.toml").read_text())
        health_s, word_s = street["health"]["interval_s"] / pace, REPEAT_S / pace
        kiosk = AgentProcess(
            directory / "kiosk",
            *(f"mqtts://127.0.0.1:{wire.port}" for wire in wires),
            mqtt={
                "ca_file": str(authorities.server.ca),
                "cert_file": str(files.cert),
                "key_file": str(files.key),
                "keepalive_s": round(street["mqtt"]["keepalive_s"] / pace),
            },
            health={"interval_s": health_s},
            self_test={**street["self_test"], "after_start_s": 10},
            **{name: parts[name] for name in ("buttons", "inputs", "lights", "centre")},
        )
        stack.enter_context(_speaking(centre, word_s))
        count: Callable[[], int] = lambda: sum(wire.count for wire in wires)  # noqa: E731
        said: Callable[[], int] = lambda: len(centre.messages())  # noqa: E731
        day: list[Chore] = []

        @contextmanager
        def noted(name: str, times: float) -> Iterator[None]:
            before, heard = count(), said()
            yield
            _wait_still(count)
            day.append(Chore(name, times, count() - before, said() - heard))

        with noted("start of the agent", 0):
            stack.enter_context(kiosk)
            centre.wait_for("health")
        with noted("self-test, the other broker tried too", 1):
            test = centre.wait_for("alarm/self-test", timeout_s=60)
            for action in ("registered", "closed"):
                centre.result(centre.acknowledge(test.data["alarm_id"], kiosk.key, action))
            assert (event := centre.wait_for("event/self-test")).data["outcome"] == "passed", event
        bursts = _rest(centre, count, rest_s)
        rest: dict[str, float | None] = {
            "health": health_s,
            "the centre's word": word_s,
            "its own echo": _ECHO_S / pace,
        }
        for name, every_s in {**rest, "keepalive": None}.items():
            of = bursts[name]
            times = _DAY_S / pace / (every_s or rest_s / max(1, len(of)))
            day.append(Chore(name, times, mean(of or [0]), int(name == "health"), is_rest=True))
        with noted("connection lost and made again", 4):
            born = len(centre.messages("state"))
            wires[0].cut()
            wait_for(lambda: len(centre.messages("state")) > born + 1, what="a kiosk that is lost, and online again")
        before = len(centre.messages("event/tamper"))
        with noted("event, as of the door or the mains", 4):
            kiosk.press("door")
            wait_for(lambda: len(centre.messages("event/tamper")) > before, what="an event")
        with noted("alarm, answered and closed", 1):
            kiosk.press("medical")
            alarm_id = centre.wait_for_alarm(input="medical").data["alarm_id"]
            for action in ("registered", "dispatched", "closed"):
                centre.result(centre.acknowledge(alarm_id, kiosk.key, action))
        return day


@contextmanager
def _speaking(centre: Centre, every_s: float) -> Iterator[None]:
    """The centre says that it watches, as often as centres do."""
    ends = threading.Event()

    def speak() -> None:
        while True:
            centre.subscriber.publish(_HOST, write_state(online=True, time=datetime.now(UTC)), retain=True)
            if ends.wait(every_s):
                return

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


def _wait_still(count: Callable[[], int]) -> int:
    """Wait until nothing has passed for a moment; returns what has by then."""
    seen, since_s = count(), time.monotonic()
    while time.monotonic() < since_s + _STILL_S:
        time.sleep(0.02)
        if (now := count()) != seen:
            seen, since_s = now, time.monotonic()
    return seen


def _rest(centre: Centre, count: Callable[[], int], seconds: float) -> dict[str, list[int]]:
    """What passes while nothing happens: each burst belongs to what the centre heard, or said, in it."""
    found = defaultdict[str, list[int]](list)
    seen, heard, until_s = count(), len(centre.subscriber.heard), time.monotonic() + seconds
    while time.monotonic() < until_s:
        if (now := _wait_still(count)) == seen:
            continue
        topics = [each.topic for each in centre.subscriber.heard[heard:]]
        is_health = any(topic.endswith("/health") for topic in topics)
        others = {_HOST: "the centre's word", _ECHO: "its own echo"}
        found["health" if is_health else next((others[each] for each in topics if each in others), "keepalive")].append(
            now - seen
        )
        seen, heard = now, heard + len(topics)
    return found
