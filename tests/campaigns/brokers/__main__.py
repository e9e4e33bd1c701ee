"""`python -m tests.campaigns.brokers`: what each broker can do, and what happens when a node of a cluster dies.

First the tests of this folder, each with every broker; then those of the cluster and of its runbook again and again;
then a node of a cluster is killed under presses, as often. With `--write`, docs/brokers.md gets what came out.
"""

import argparse
import os
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

from tests.campaigns import measured
from tests.campaigns.brokers.capabilities import BROKERS, table
from tests.campaigns.brokers.cluster import Cluster, Node, is_installed
from tests.campaigns.brokers.witness import NAME, Witness
from tests.support.agent_process import AgentProcess
from tests.support.centre import Message
from tests.support.wait import wait_for

PAGE = Path(__file__).parents[3] / "docs" / "brokers.md"
PLACE = "brokers"
_TIMES, _SHORT = 10, 2
_PRESSES = 100
_PACE = {"hold_s": 0.01, "interval_s": 0.03}
_TARGET_S = 10.0
_OUT_OF_SERVICE_S = 10.0
"""Far less than a site's 300 s: a kiosk that took itself for unwatched, or cut off, for so long would say so."""


@dataclass
class Round:
    """What became of one node's death."""

    node: str
    slowest_s: float = 0.0
    """From the kill, or from the press if that came later, until a subscriber had it."""
    faults: list[str] = field(default_factory=list)


class Play:
    """The kiosk, the cluster and the centre. Main thread."""

    def __init__(self, cluster: Cluster, agent: AgentProcess, witness: Witness) -> None:
        self._cluster = cluster
        self._agent = agent
        self._witness = witness

    def round(self) -> Round:
        """Press, kill the node in use, look what arrives, answer."""
        node = self._in_use()
        outcome = Round(node.name)
        known = set(self._witness.known)
        edges: list[int] = []
        hand = threading.Thread(target=lambda: edges.extend(self._agent.press_many("police", _PRESSES, **_PACE)))
        hand.start()
        try:
            wait_for(lambda: len(self._counts(known)) >= _PRESSES // 2, 20, "half of the presses")
            killed_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            node.kill()
        finally:
            hand.join()
        self._witness.leave(node.name)
        try:
            wait_for(lambda: len(self._counts(known)) == _PRESSES, 3 * _TARGET_S)
        except AssertionError:
            outcome.faults.append(f"{_PRESSES - len(self._counts(known))} presses lost")
        counts = self._counts(known)
        outcome.slowest_s = max(
            (message.arrived_ns - max(killed_ns, edges[count - 1])) / 1e9 for count, message in counts.items()
        )
        self._judge(outcome, known)
        try:
            self._answer(known)
            self._look_at_service(outcome, killed_ns + int(1.5 * _OUT_OF_SERVICE_S * 1e9))
        except AssertionError as error:
            outcome.faults.append(str(error))
        return outcome

    def bring_back(self, name: str) -> None:
        """For the next round: the dead node joins the cluster again, and the centre is there."""
        node = next(each for each in self._cluster.nodes if each.name == name)
        node.start()
        self._cluster.await_all()
        self._witness.join(node)
        self._witness.await_watching()

    def _judge(self, outcome: Round, known: set[str]) -> None:
        fresh = [each for each in self._witness.of("alarm/") if each.id not in known]
        alarms = len({each.data["alarm_id"] for each in fresh})
        raised = sum(each.type == "edge.alarm.raised.v1" for each in fresh)
        if outcome.slowest_s > _TARGET_S:
            outcome.faults.append(f"a press took {outcome.slowest_s:.1f} s")
        if (alarms, raised) != (1, 1):
            outcome.faults.append(f"one alarm became {alarms}, raised {raised} times")

    def _answer(self, known: set[str]) -> None:
        """Green must follow from a signed ack through a node that lives, and go at the close. Raises AssertionError."""
        alarm_id = next(iter(self._counts(known).values())).data["alarm_id"]
        self._witness.answer(alarm_id, "registered", _PRESSES, self._agent.key)
        self._agent.wait_for_outputs(green="on")
        self._witness.answer(alarm_id, "closed", _PRESSES, self._agent.key)
        self._agent.wait_for_outputs(green="off", yellow="off")

    def _look_at_service(self, outcome: Round, until_ns: int) -> None:
        """With the node still dead, long after the kill; what was said since the beginning counts."""
        late = wait_for(
            lambda: [each for each in self._witness.of("health") if each.arrived_ns > until_ns], 30, "a health report"
        )[0]
        degraded = {each.data["part"] for each in self._witness.of("event/part-degraded")} & {"centre", "service"}
        states = {part: late.data["parts"][part]["state"] for part in ("centre", "service", "uplink")}
        if self._witness.of("event/out-of-service") or degraded or set(states.values()) != {"ok"}:
            outcome.faults.append(f"a watched kiosk said that it is not in service: {states}, {degraded}")

    def _counts(self, known: set[str]) -> dict[int, Message]:
        """The presses of this round that the centre has heard of, each as it came first."""
        first: dict[int, Message] = {}
        for message in self._witness.of("alarm/"):
            if message.id not in known and message.data["stage"] != "closed":
                first.setdefault(message.data["press_count"], message)
        return first

    def _in_use(self) -> Node:
        url = wait_for(lambda: re.findall(r"connected to (mqtt://\S+)", self._agent.log()), what="a connection")[-1]
        return next(each for each in self._cluster.nodes if each.url == url)


class Outcomes:
    """A plugin of pytest: what the cells of the table say."""

    def __init__(self) -> None:
        self.said: dict[tuple[str, str], str] = {}
        self.versions: dict[str, str] = {}
        self.passed: Counter[str] = Counter()
        """How often each test has passed, by its name."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a cell that has passed; `test_ROW[BROKER]` is its name."""
        if report.when != "call" or not report.passed:
            return
        self.passed[report.nodeid] += 1
        found = re.search(r"::test_(\w+)\[(\w+)\]$", report.nodeid)
        if found is None or found[2] not in BROKERS:
            return
        noted = dict(report.user_properties)
        self.said[found[1], found[2]] = str(noted.get("said", "yes"))
        if "version" in noted:
            self.versions[found[2]] = str(noted["version"])

    def times(self, part: str) -> int:
        """How often every test has passed that has this in its name."""
        return min(count for name, count in self.passed.items() if part in name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all rounds and print them; 0 when nothing was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.brokers", description=__doc__)
    parser.add_argument(
        "--times", type=int, default=_TIMES, metavar="N", help=f"play all of the cluster so often (default {_TIMES})"
    )
    parser.add_argument(
        "--short", action="store_true", help=f"two brokers, and of the cluster {_SHORT} deaths of a node"
    )
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    args = parser.parse_args(arguments)
    if args.short and args.write:
        parser.error("the table is of all brokers: --short writes none")
    console = Console(highlight=False, width=120)
    if not is_installed():
        console.print("NOT RUN: there is no RabbitMQ here. `make rabbitmq` installs Debian's.")
        return 1
    outcomes = Outcomes()
    if args.short:
        os.environ.setdefault("OFFLINE_PRESSES", "500")
    times = min(args.times, _SHORT) if args.short else args.times
    chosen = ["-k", "not cluster and not nats and not trouble and not clocks"] if args.short else []
    for number in range(1, 2 if args.short else times + 1):
        if failed := pytest.main([str(Path(__file__).parent), "-rs", *chosen], plugins=[outcomes]):
            console.print(f"time {number} of {times} has failed")
            return int(failed)
        chosen = ["-k", "cluster"]
    rounds: list[Round] = []
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edge-brokers-") as directory, Cluster(Path(directory)) as cluster:
        console.print(f"{time.monotonic() - began_s:4.0f} s  three nodes of RabbitMQ are one cluster")
        agent = AgentProcess(
            Path(directory) / "kiosk",
            *(node.url for node in cluster.nodes[:2]),
            mqtt={"reconnect_spread_s": 30},
            centre={"required": True, "names": [NAME]},
            service={"out_of_service_after_s": _OUT_OF_SERVICE_S},
        )
        with Witness(cluster.nodes) as witness, agent:
            play = Play(cluster, agent, witness)
            wait_for(lambda: witness.of("state"), what="the kiosk's birth")
            for number in range(1, times + 1):
                if rounds:
                    play.bring_back(rounds[-1].node)
                rounds.append(play.round())
                said = "; ".join(rounds[-1].faults) or f"all there after {rounds[-1].slowest_s:.2f} s"
                console.print(f"{time.monotonic() - began_s:4.0f} s  round {number}: {said}")
                if rounds[-1].faults:
                    break  # an alarm may be open still
    missed = sum(bool(each.faults) for each in rounds)
    console.print(f"{len(rounds)} nodes killed with -9, {missed} rounds missed something")
    if args.write and not missed:
        slowest_s = max(each.slowest_s for each in rounds)
        outcomes.versions["cluster"] += f", each row {outcomes.times('[cluster]')} times"
        slowest = f"The slowest came after {slowest_s:.1f} s."
        killed = (
            f"The runbook below was played {outcomes.times('runbook')} times. A node of three was killed with -9, "
            f"{len(rounds)} times, under {_PRESSES} presses each: none was lost. {slowest}"
        )
        measured.put(PLACE, f"{table(outcomes.said, outcomes.versions)}\n{killed}\n", PAGE)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
