"""A long backlog: while it drains, a press still comes first, and the agent's memory stays flat.

The backlog is made with the agent's own outbox, on the disk of a device whose broker is away. Then the agent starts,
the broker comes back, and one button is pressed right before that and another while the backlog drains.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from agent.adapters.system_clock import SystemClock
from agent.contract.camera_events import PersonLeftData
from agent.contract.envelope import MessageFactory
from agent.contract.identity import Identity
from agent.contract.messages import Draft, SecurityData
from agent.outbox.outbox import Outbox
from tests.campaigns.bench.child import Child
from tests.campaigns.bench.latency import BARE_TOPIC
from tests.campaigns.chaos.kiosk import Kiosk
from tests.campaigns.chaos.network import GOOD, Conditions, Network
from tests.campaigns.chaos.world import ChaosBroker
from tests.support.agent_process import DEVICE, TREE
from tests.support.drafts import alarm_data

PRESS_GOAL_S = 1.0
MEMORY_GOAL_MIB = 16.0
_BUDGET_BYTES = 512 * 1024 * 1024
_ALARM_EVERY = 1_000
_WRITE_EVERY = 2_000
_RECONNECT_S = 20.0
_DRAIN_S = 300.0
_QUIET_S = 20.0
_ASK_S = 60.0
_LOOK_AGAIN_S = 0.1
_BARE_MESSAGES = 10_000
_MIB = 2**20

Heard = tuple[int, str, str]
"""When it came (CLOCK_BOOTTIME, ns), topic, payload."""


@dataclass(frozen=True, slots=True)
class BacklogReport:
    """What came of it. Times are in seconds, memory in MiB."""

    messages: int
    arrived: int
    less_important_first: int
    """Messages other than alarms that reached the centre before the press made while the broker was away."""
    press_s: float
    """From the agent's connection to that press at the centre."""
    second_press_s: float
    """From the edge of the press made while the backlog drained to the centre."""
    overtaken: int
    """Messages of the backlog that came after that second press."""
    per_s: float
    """Messages a second while it drained."""
    bare_per_s: float
    """Messages a second of a bare paho publisher: same broker, same size, QoS 1, its window of 20."""
    memory_before: float
    memory_peak: float
    memory_after: float

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        growth = self.memory_peak - self.memory_before
        found = {
            f"{self.messages - self.arrived} of {self.messages} waiting messages never came": (
                self.arrived != self.messages
            ),
            f"{self.less_important_first} less important messages came before the press": self.less_important_first > 0,
            f"the press came {self.press_s:.1f} s after the connection": self.press_s > PRESS_GOAL_S,
            f"the press during the backlog took {self.second_press_s:.1f} s": self.second_press_s > PRESS_GOAL_S,
            f"memory grew by {growth:.1f} MiB while it drained": growth > MEMORY_GOAL_MIB,
        }
        return [text for text, is_so in found.items() if is_so]

    def as_dict(self) -> dict[str, Any]:
        """For the record."""
        return {**{name: round(value, 3) for name, value in asdict(self).items()}, "faults": self.faults}


def play(directory: Path, count: int, rng: random.Random, say: Callable[[str], None]) -> BacklogReport:
    """Make a backlog of so many messages and let it drain."""
    with ChaosBroker(directory / "broker") as broker, Network(broker.port, rng) as network:
        bare_per_s = _bare_rate(broker.port, min(count, _BARE_MESSAGES))
        network.conditions = Conditions(refuses=True)
        with Kiosk(directory / "kiosk", network.url, telemetry_max_bytes=_BUDGET_BYTES) as kiosk:
            began = time.monotonic()
            _fill(kiosk.storage, count)
            say(f"backlog: {count} messages wait on disk, made in {time.monotonic() - began:.0f} s")
            kiosk.start()
            with _Centre(broker.port, f"{TREE}/up/#") as centre, _Memory(kiosk.pid) as memory:
                kiosk.press([("police", 0.0)])
                kiosk.wait_until_pressed()
                network.conditions = GOOD
                press = centre.wait_for("alarm/police", _RECONNECT_S)
                say("backlog: the broker is back, and the press is there")
                kiosk.press([("fire", 0.0)])
                kiosk.wait_until_pressed()
                second = centre.wait_for("alarm/fire", _RECONNECT_S)
                arrivals = centre.wait_for_backlog(count)
                memory_after = memory.now()
            edge_ns = kiosk.presses()[-1].begun_ns
            kiosk.stop()
    drain_s = (arrivals[-1] - network.accepted_ns) / 1e9 if arrivals else 0.0
    say(f"backlog: {len(arrivals)} messages in {drain_s:.1f} s")
    return BacklogReport(
        messages=count,
        arrived=len(arrivals),
        less_important_first=sum(
            "/up/alarm/" not in topic for arrived_ns, topic, _ in centre.heard if arrived_ns < press[0]
        ),
        press_s=(press[0] - network.accepted_ns) / 1e9,
        second_press_s=(second[0] - edge_ns) / 1e9,
        overtaken=sum(arrived_ns > second[0] for arrived_ns in arrivals),
        per_s=len(arrivals) / drain_s if drain_s else 0.0,
        bare_per_s=bare_per_s,
        memory_before=memory.before / _MIB,
        memory_peak=memory.peak / _MIB,
        memory_after=memory_after / _MIB,
    )


def show(console: Console, report: BacklogReport) -> None:
    """The table."""
    table = Table(title=f"A backlog of {report.messages:,} messages", title_justify="left", show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    for row in (
        ("arrived", f"{report.arrived:,}"),
        ("less important messages before the press", str(report.less_important_first)),
        ("press made while the broker was away: connection to centre", f"{report.press_s:.2f} s"),
        ("press made while it drained: edge to centre", f"{report.second_press_s * 1000:.1f} ms"),
        ("  messages of the backlog that it overtook", f"{report.overtaken:,}"),
        ("messages a second, beside a bare paho publisher", f"{report.per_s:,.0f}, {report.bare_per_s:,.0f}"),
        (
            "memory before, at most, after",
            f"{report.memory_before:.1f}, {report.memory_peak:.1f}, {report.memory_after:.1f} MiB",
        ),
    ):
        table.add_row(*row)
    console.print(table)


def _fill(storage: Path, count: int) -> None:
    """Events and security events in turn, and an alarm now and then: what waits after long days without a broker."""
    clock = SystemClock()
    identity = Identity("gp", "jhb-park-station", DEVICE)
    outbox = Outbox(storage, clock, identity, _BUDGET_BYTES, storage / "black-box-of-the-filling")
    outbox.open()
    for number, draft in enumerate(_drafts(MessageFactory(identity), count), start=1):
        outbox.accept(draft)
        if number % _WRITE_EVERY == 0:
            outbox.writer.wake()
            outbox.writer.run_once(0)
    outbox.close()


def _drafts(drafts: MessageFactory, count: int) -> Iterator[Draft]:
    for number in range(count):
        if number % _ALARM_EVERY == 0:
            yield drafts.alarm("raised", alarm_data(f"waiting-{number}", input="medical"))
        elif number % 2:
            yield drafts.security(
                SecurityData(kind="command-rejected", severity="warning", text="a command was refused", detail={})
            )
        else:
            yield drafts.camera_event(
                "person-left",
                PersonLeftData(
                    event_id=f"event-{number}",
                    camera="front",
                    frame_monoms=1_000,
                    persons=0,
                    duration_ms=1_000,
                    track=f"0a1b2c3d-{number}",
                ),
            )


def _is_of_backlog(topic: str) -> bool:
    return "/up/event/person-left" in topic or "/up/security/command-rejected" in topic or "/alarm/medical" in topic


def _bare_rate(port: int, count: int) -> float:
    with (
        _Centre(port, BARE_TOPIC) as centre,
        Child("-m", "tests.campaigns.bench.bare_publisher", str(port), BARE_TOPIC, what="the bare publisher") as bare,
    ):
        bare.ask(_ASK_S, count=count, interval_s=0, bytes=700)
        deadline = time.monotonic() + _ASK_S
        while len(centre.heard) < count and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_S)
            centre.listen()
    return (len(centre.heard) - 1) / ((centre.heard[-1][0] - centre.heard[0][0]) / 1e9)


class _Centre(AbstractContextManager["_Centre"]):
    """Hears in a process of its own, so that nobody waits for us. Payloads are kept of alarms only."""

    def __init__(self, port: int, topics: str) -> None:
        self._listener = Child("-m", "tests.campaigns.bench.listener", str(port), topics, what="the listener")
        self.heard: list[Heard] = []

    def __enter__(self) -> "_Centre":
        self._listener.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._listener.__exit__(*error)

    def listen(self) -> None:
        """Take what has come."""
        for arrived_ns, topic, payload in self._listener.ask(_ASK_S):
            self.heard.append((arrived_ns, topic, _identifier(payload)))

    def wait_for(self, topic: str, timeout_s: float) -> Heard:
        """The first message under this topic."""
        deadline = time.monotonic() + timeout_s
        while True:
            self.listen()
            if found := [heard for heard in self.heard if heard[1].endswith(topic)]:
                return found[0]
            assert time.monotonic() < deadline, f"nothing under {topic} within {timeout_s:g} s"
            time.sleep(_LOOK_AGAIN_S)

    def wait_for_backlog(self, count: int) -> list[int]:
        """When each message of the backlog came first; fewer than `count` when no more come."""
        deadline = time.monotonic() + _DRAIN_S
        first: dict[str, int] = {}
        read, last_s = 0, time.monotonic()
        while len(first) < count and time.monotonic() < min(deadline, last_s + _QUIET_S):
            self.listen()
            if len(self.heard) > read:
                last_s = time.monotonic()
            for arrived_ns, topic, identifier in self.heard[read:]:
                if _is_of_backlog(topic):
                    first.setdefault(identifier, arrived_ns)
            read = len(self.heard)
            time.sleep(_LOOK_AGAIN_S)
        return sorted(first.values())


def _identifier(payload: str) -> str:
    """Of a message; everything else of a hundred thousand would only fill our memory."""
    return payload[payload.find('"id":') :][:48]


class _Memory(AbstractContextManager["_Memory"]):
    """Resident memory of a process, in bytes, looked at twenty times a second."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory")
        self.before = self.peak = self.now()

    def __enter__(self) -> "_Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def now(self) -> int:
        """At this moment."""
        return int(self._process.memory_info().rss)

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self.peak = max(self.peak, self.now())
