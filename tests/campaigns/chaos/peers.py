"""The peers' table: how many of 20 presses arrive, in five kinds of trouble, beside what others lose.

Each trouble is played several times over, with a fresh device each time. A press has arrived when the sum of
`press_count` over the alarms that the centre knows of has risen by it.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.campaigns.bench.latency import Bench, Pacing
from tests.campaigns.bench.quiet_broker import QuietBroker
from tests.campaigns.bench.simulated_agent import BASE, SimulatedAgent
from tests.campaigns.chaos.kiosk import Kiosk
from tests.campaigns.chaos.witness import Witness
from tests.campaigns.chaos.world import ChaosBroker
from tests.support.wait import wait_for

PRESSES = 20
_NORMAL_S = 0.1
_BURST_S = 0.2 / PRESSES
_DOWN_S = 5.0
_ARRIVAL_S = 20.0

PEERS = ("mqtt-io, interrupt", "naive gpiozero and paho script", "ThingsBoard gateway, SQLite")
"""Measured on another day on two cores: mqtt-io 2.7.0 (aiomqtt 2.5.1), paho-mqtt 2.2.0, gpiozero 2.0.1.post3,
thingsboard-gateway 3.8.5, Mosquitto 2.0.21 on loopback; gpiozero's mock pins driven inside each process."""
_LATENCY_OF_PEERS = ("2.3 / 1.8", "1.2 / 1.4", "336 / 226")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One row: what is done, and what the peers came to."""

    name: str
    play: Callable[["Scene"], None]
    peers: tuple[str, str, str]


@dataclass(slots=True)
class Scene:
    """Broker, centre, and a fresh device whose agent does not run yet."""

    broker: ChaosBroker
    witness: Witness
    kiosk: Kiosk

    def press(self, pause_s: float, *, kill: bool = False) -> None:
        """Twenty presses of one button."""
        self.kiosk.press([("police", pause_s)] * PRESSES, kill=kill)
        if kill:
            self.kiosk.wait_until_killed()
        else:
            self.kiosk.wait_until_pressed()

    def start(self) -> None:
        """Start the agent and wait until it is connected."""
        births = self._births()
        self.kiosk.start()
        wait_for(lambda: self._births() > births, what="the agent's birth")

    def take_broker_away(self) -> None:
        """Stop the broker; it keeps the centre's session."""
        self.witness.leave(self.broker.port)
        self.broker.stop()

    def bring_broker_back(self) -> None:
        """Start the broker; the centre comes back."""
        self.broker.start()
        self.witness.join(self.broker.port)

    def _births(self) -> int:
        self.witness.poll()
        return sum(arrival.is_birth for arrival in self.witness.arrivals)


def _broker_down(scene: Scene) -> None:
    scene.start()
    scene.take_broker_away()
    back_s = time.monotonic() + _DOWN_S
    scene.press(_NORMAL_S)
    time.sleep(max(0.0, back_s - time.monotonic()))
    scene.bring_broker_back()


def _killed_after_the_last_edge(scene: Scene) -> None:
    scene.start()
    scene.press(_NORMAL_S, kill=True)
    scene.kiosk.start()


def _killed_after_a_burst(scene: Scene) -> None:
    scene.start()
    scene.press(_BURST_S, kill=True)
    scene.kiosk.start()


def _broker_down_then_killed(scene: Scene) -> None:
    scene.start()
    scene.take_broker_away()
    scene.press(_NORMAL_S, kill=True)
    scene.bring_broker_back()
    scene.kiosk.start()


def _broker_down_at_start(scene: Scene) -> None:
    scene.take_broker_away()
    scene.kiosk.start()
    scene.press(_NORMAL_S)
    scene.bring_broker_back()


TROUBLES = (
    Trouble("broker down for 5 s", _broker_down, ("0", "20", "20")),
    Trouble("kill -9 right after the last edge", _killed_after_the_last_edge, ("19", "19 to 20", "19")),
    Trouble("the same, 20 presses in 0.2 s", _killed_after_a_burst, ("19", "19 to 20", "13 to 15")),
    Trouble("broker down, then kill -9", _broker_down_then_killed, ("0", "0", "19")),
    Trouble("broker down at start", _broker_down_at_start, ("0", "0 (exits)", "20")),
)


@dataclass(frozen=True, slots=True)
class PeersReport:
    """Arrived of 20 in each run of each trouble, and the ratio of latency to a bare publish (p50, p99) if measured."""

    arrived: dict[str, list[int]]
    latency_ratio: tuple[float, float] | None

    @property
    def faults(self) -> list[str]:
        """Every run in which a press was lost."""
        return [
            f"{trouble}: {count} of {PRESSES} presses arrived"
            for trouble, counts in self.arrived.items()
            for count in counts
            if count != PRESSES
        ]

    def as_dict(self) -> dict[str, Any]:
        """For the record."""
        p50, p99 = self.latency_ratio or (None, None)
        return {
            "arrived_of_20": self.arrived,
            "peers": {trouble.name: dict(zip(PEERS, trouble.peers, strict=True)) for trouble in TROUBLES},
            "latency_ratio": {"p50": p50, "p99": p99},
            "latency_ratio_of_peers": dict(zip(PEERS, _LATENCY_OF_PEERS, strict=True)),
            "faults": self.faults,
        }


def play(
    directory: Path, troubles: Sequence[Trouble], repeats: int, say: Callable[[str], None]
) -> dict[str, list[int]]:
    """Arrived of 20 in each run of each trouble."""
    arrived: dict[str, list[int]] = {trouble.name: [] for trouble in troubles}
    with ChaosBroker(directory / "broker") as broker, Witness(broker.port) as witness:
        for repeat in range(1, repeats + 1):
            for number, trouble in enumerate(troubles):
                device = directory / f"kiosk-{repeat}-{number}"
                with Kiosk(device, broker.url) as kiosk:
                    before = witness.poll()
                    trouble.play(Scene(broker, witness, kiosk))
                    count = _count(witness, before)
                arrived[trouble.name].append(count)
                say(f"run {repeat} of {repeats}: {trouble.name}: {count} of {PRESSES}")
    return arrived


def measure_latency(directory: Path, pacing: Pacing, say: Callable[[str], None]) -> tuple[float, float]:
    """Press to subscriber beside a bare paho publish of QoS 1, in turn: the ratios of p50 and of p99."""
    with ExitStack() as stack:
        broker = stack.enter_context(QuietBroker(directory / "broker"))
        bench = stack.enter_context(Bench(broker.port))
        agent = stack.enter_context(SimulatedAgent(directory / "agent", broker.port))
        bench.wait_for(f"{BASE}/up/state", 20, lambda data: bool(data["state"] == "online"))
        ours, bare = bench.alternate(agent, pacing, lambda text: say(f"latency: {text}"))
    return ours.percentile(50) / bare.percentile(50), ours.percentile(99) / bare.percentile(99)


def show(console: Console, report: PeersReport) -> None:
    """The table."""
    table = Table(title=f"Arrived of {PRESSES} presses", title_justify="left")
    table.add_column("")
    table.add_column("edge-agent", justify="right")
    for peer in PEERS:
        table.add_column(peer, justify="right")
    for trouble in TROUBLES:
        if counts := report.arrived.get(trouble.name):
            colour = "green" if set(counts) == {PRESSES} else "red"
            table.add_row(trouble.name, f"[{colour}]{' '.join(map(str, counts))}[/]", *trouble.peers)
    if report.latency_ratio is not None:
        p50, p99 = report.latency_ratio
        table.add_section()
        table.add_row("latency, ratio to bare paho, p50 / p99", f"{p50:.1f} / {p99:.1f}", *_LATENCY_OF_PEERS)
    console.print(table)


def _count(witness: Witness, before: int) -> int:
    with suppress(AssertionError):  # fewer: that is the outcome
        wait_for(lambda: witness.poll() - before >= PRESSES, _ARRIVAL_S)
    witness.catch_up()
    return witness.poll() - before
