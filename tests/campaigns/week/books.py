"""What was pressed and what was heard, on disk, so that a week of it takes no memory that could hide a leak."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

from agent.contract.vocabulary import SELF_TEST
from agent.ports import OutgoingMessage
from tests.campaigns.chaos.ledger import Arrival, Verdict, judge
from tests.campaigns.chaos.notebook import Press
from tests.campaigns.week.chronicle import Chronicle
from tests.campaigns.week.holes import Holes, listen
from tests.campaigns.week.schedule import Span
from tests.campaigns.week.self_tests import judge_self_tests, read
from tests.campaigns.week.times import judge_times
from tests.campaigns.week.wall import Wall


@dataclass(frozen=True, slots=True)
class Sample:
    """The state of things at one time, every ten minutes."""

    at_s: float
    resident_bytes: int
    blocks: int
    """Pieces of memory that Python has given out, garbage collected."""
    waiting: int
    """Messages in the outbox."""
    alarms_bytes: int
    telemetry_bytes: int
    logs_bytes: int
    """The write-ahead logs of both."""
    presses: int
    run: int
    """Which run of the agent it was."""


class Books:
    """Three files. Times are seconds since the beginning of the week, which no clock of the kiosk knows."""

    def __init__(self, directory: Path) -> None:
        self._presses = (directory / "presses.tsv").open("w+", encoding="utf-8")
        self._arrivals = (directory / "arrivals.tsv").open("w+", encoding="utf-8")
        self._samples = (directory / "samples.jsonl").open("w+", encoding="utf-8")

    def pressed(self, name: str, at_s: float, *, dark: bool) -> None:
        """A press was made; `dark` if the lights did not say so as they must."""
        self._presses.write(f"{name}\t{at_s}\t{int(dark)}\n")

    def heard(self, message: OutgoingMessage, at_s: float) -> None:
        """The centre heard this."""
        self._arrivals.write(f"{at_s}\t{message.topic}\t{message.payload.decode()}\n")

    def sampled(self, sample: Sample) -> None:
        """This is how things stand."""
        self._samples.write(json.dumps(asdict(sample)) + "\n")

    def samples(self) -> list[Sample]:
        """All samples."""
        self._samples.seek(0)
        return [Sample(**json.loads(line)) for line in self._samples]

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
            if "/down/" in topic:  # the device's own echo
                continue
            envelope = json.loads(payload)
            envelope["monoms"] += round(boots[envelope["bootid"]] * 1000)
            found.append(Arrival(_ns(at_s), topic, False, envelope))
        return found

    def as_heard(self) -> Iterator[tuple[float, str, bytes]]:
        """Time, topic and payload of all that was heard, as it came."""
        self._arrivals.seek(0)
        for line in self._arrivals:
            at_s, topic, payload = line.split("\t", 2)
            if "/down/" in topic:
                continue
            yield float(at_s), topic, payload.encode()

    def close(self) -> None:
        """Let the files go."""
        self._presses.close()
        self._arrivals.close()
        self._samples.close()


@dataclass(frozen=True, slots=True)
class Account:
    """What else is known when the week is over."""

    open_alarms: Mapping[str, str]
    """Stage by identifier, as the agent has it."""
    mains_failures: Sequence[Span]
    explained: int
    """Numbers that the agent gave up and counted, that it skipped after a power cut, and those of the health reports
    that waited in memory when it ended."""
    chronicle: Chronicle
    length_s: float
    wall: Wall


@dataclass(slots=True)
class Outcome:
    """What came of the week. `faults` is empty when all is well."""

    verdict: Verdict
    explained: int
    self_tests: list[str]
    """How each ended, and when."""
    mains_failures: int
    last_stages: Counter[str]
    """How many alarms the centre has in each stage."""
    faults: list[str]
    spans: list[Span]
    """What was wrong with the kiosk's surroundings, and the ends of the agent."""
    samples: list[Sample]
    holes: Holes
    """What a centre takes for lost."""


def audit(books: Books, account: Account) -> Outcome:
    """Compare what was done with what was told."""
    arrivals = books.arrivals(account.wall.boots)
    verdict = judge(books.presses(), arrivals)
    ordered = _in_order(arrivals)
    last = {step.data["alarm_id"]: step for step in ordered if step.is_alarm}
    stages = {alarm_id: step.data["stage"] for alarm_id, step in last.items()}
    # Each start tells the state of the mains anew.
    power = (each.data for each in ordered if each.type == "edge.event.power.v1")
    mains = [active for active, _ in groupby(data["active"] for data in power if data["kind"] == "mains")]
    tests = read(ordered)
    outcome = Outcome(
        verdict=verdict,
        explained=account.explained,
        self_tests=[str(test) for test in tests],
        mains_failures=sum(mains),
        last_stages=Counter(stages.values()),
        spans=[*account.mains_failures, *account.chronicle.of(), *account.chronicle.ends()],
        samples=books.samples(),
        holes=listen(books.as_heard()),
        faults=[fault for fault in verdict.faults if "without a reason" not in fault],
    )
    outcome.faults += _faults_of(stages, account, outcome, mains)
    outcome.faults += outcome.holes.faults(account.explained)
    outcome.faults += judge_self_tests(tests, _alarm_spans(ordered), account.chronicle, account.length_s)
    outcome.faults += judge_times(ordered, account.wall, account.chronicle)
    return outcome


def _faults_of(stages: Mapping[str, str], account: Account, outcome: Outcome, mains: Sequence[bool]) -> Iterable[str]:
    unexplained = len(outcome.verdict.missing) - account.explained
    if unexplained > 0:
        yield f"{unexplained} numbers are missing that nobody gave up"
    for alarm_id in stages.keys() | account.open_alarms.keys():
        here, there = account.open_alarms.get(alarm_id, "closed"), stages.get(alarm_id, "nothing")
        if here != there:
            yield f"alarm {alarm_id} is {here} at the kiosk and {there} at the centre"
    if sum(mains) != len(account.mains_failures) or list(mains[:1]) + list(mains[-1:]) != [False, False]:
        yield f"of {len(account.mains_failures)} mains failures {sum(mains)} were told: {mains}"


def _alarm_spans(ordered: Sequence[Arrival]) -> list[Span]:
    """When an alarm was open, those of the self-test left out."""
    lives: dict[str, list[float]] = {}
    for step in ordered:
        if step.is_alarm and step.data["input"] != SELF_TEST:
            life = lives.setdefault(step.data["alarm_id"], [step.envelope["monoms"] / 1000, float("inf")])
            if step.data["stage"] == "closed":
                life[1] = step.envelope["monoms"] / 1000
    return [Span("alarm", begin_s, end_s) for begin_s, end_s in lives.values()]


def _in_order(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """Each message once, by its number, without what the broker said for the device."""
    once = {arrival.id: arrival for arrival in arrivals if not arrival.is_will}
    return sorted(once.values(), key=lambda arrival: arrival.seq)


def _ns(seconds: str) -> int:
    return round(float(seconds) * 1e9)
