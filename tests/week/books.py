"""What was pressed and what was heard, on disk, so that a week of it takes no memory that could hide a leak."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from agent.ports import OutgoingMessage
from tests.chaos.ledger import Arrival, Verdict, judge
from tests.chaos.notebook import Press

_DAY_NS = 86_400 * 10**9


class Books:
    """Two files. Times are seconds since the beginning of the week, which no clock of the kiosk knows."""

    def __init__(self, directory: Path) -> None:
        self._presses = (directory / "presses.tsv").open("w+", encoding="utf-8")
        self._arrivals = (directory / "arrivals.tsv").open("w+", encoding="utf-8")

    def pressed(self, name: str, at_s: float, *, dark: bool) -> None:
        """A press was made; `dark` if the lights did not say so as they must."""
        self._presses.write(f"{name}\t{at_s}\t{int(dark)}\n")

    def heard(self, message: OutgoingMessage, at_s: float) -> None:
        """The centre heard this."""
        self._arrivals.write(f"{at_s}\t{message.topic}\t{message.payload.decode()}\n")

    def presses(self) -> list[Press]:
        """All presses."""
        self._presses.seek(0)
        rows = (line.split("\t") for line in self._presses)
        return [Press(name, _ns(at_s), _ns(at_s) + 1, dark == "1\n") for name, at_s, dark in rows]

    def arrivals(self, boots: Mapping[str, float]) -> list[Arrival]:
        """All that was heard. `monoms` counts from the beginning of the week here: `boots` are the times at which
        CLOCK_BOOTTIME was 0, by boot."""
        self._arrivals.seek(0)
        found = []
        for line in self._arrivals:
            at_s, topic, payload = line.split("\t", 2)
            envelope = json.loads(payload)
            envelope["monoms"] += round(boots[envelope["bootid"]] * 1000)
            found.append(Arrival(_ns(at_s), topic, False, envelope))
        return found

    def close(self) -> None:
        """Let the files go."""
        self._presses.close()
        self._arrivals.close()


@dataclass(frozen=True, slots=True)
class Account:
    """What else is known when the week is over."""

    open_alarms: Mapping[str, str]
    """Stage by identifier, as the agent has it."""
    mains_failures: int
    self_tests: int
    """How many there must be: one a day."""
    explained: int
    """Numbers that the agent gave up and counted, that it skipped after a power cut, and those of the health reports
    that waited in memory when it ended."""


@dataclass(slots=True)
class Outcome:
    """What came of the week. `faults` is empty when all is well."""

    verdict: Verdict
    explained: int
    self_tests: list[str]
    """How each ended that was begun, and on which day."""
    mains_failures: int
    last_stages: Counter[str]
    """How many alarms the centre has in each stage."""
    faults: list[str]


def audit(presses: Sequence[Press], arrivals: Sequence[Arrival], account: Account) -> Outcome:
    """Compare what was done with what was told."""
    verdict = judge(presses, arrivals)
    stages = {step.data["alarm_id"]: step.data["stage"] for step in _in_order(arrivals) if step.is_alarm}
    # Each start tells the state of the mains anew.
    power = (each.data for each in _in_order(arrivals) if each.type == "edge.event.power.v1")
    mains = [active for active, _ in groupby(data["active"] for data in power if data["kind"] == "mains")]
    tests = [each for each in _in_order(arrivals) if each.type == "edge.event.self-test.v1"]
    outcome = Outcome(
        verdict=verdict,
        explained=account.explained,
        self_tests=[f"{each.data['outcome']} on day {each.arrived_ns // _DAY_NS + 1}" for each in tests],
        mains_failures=sum(mains),
        last_stages=Counter(stages.values()),
        faults=[fault for fault in verdict.faults if "without a reason" not in fault],
    )
    outcome.faults += _faults_of(stages, account, outcome, mains)
    return outcome


def _faults_of(stages: Mapping[str, str], account: Account, outcome: Outcome, mains: Sequence[bool]) -> Iterable[str]:
    unexplained = len(outcome.verdict.missing) - account.explained
    if unexplained > 0:
        yield f"{unexplained} numbers are missing that nobody gave up"
    for alarm_id in stages.keys() | account.open_alarms.keys():
        here, there = account.open_alarms.get(alarm_id, "closed"), stages.get(alarm_id, "nothing")
        if here != there:
            yield f"alarm {alarm_id} is {here} at the kiosk and {there} at the centre"
    if sum(mains) != account.mains_failures or list(mains[:1]) + list(mains[-1:]) != [False, False]:
        yield f"of {account.mains_failures} mains failures {sum(mains)} were told: {mains}"
    wanted = [f"passed on day {day}" for day in range(1, account.self_tests + 1)]
    if [test for test in outcome.self_tests if not test.startswith("interrupted")] != wanted:
        yield f"{account.self_tests} self-tests, one a day, and there were: {', '.join(outcome.self_tests)}"


def _in_order(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """Each message once, by its number, without what the broker said for the device."""
    once = {arrival.id: arrival for arrival in arrivals if not arrival.is_will}
    return sorted(once.values(), key=lambda arrival: arrival.seq)


def _ns(seconds: str) -> int:
    return round(float(seconds) * 1e9)
