"""The fleet: worker processes with the devices, the process that is the centre, and what they tell."""

import itertools
import math
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, NamedTuple

from tests.campaigns.fleet.device import Plan
from tests.campaigns.fleet.listener import Post

_REPOSITORY = Path(__file__).parents[3]
_WORKER, _LISTENER = "tests.campaigns.fleet.worker", "tests.campaigns.fleet.listener"
_FILES_A_DEVICE = 16
"""Databases, a socket and, after a power cut, a silent one."""
_OF_A_WORKER = 1000
_PRESSED = 100
"""So many devices, half of a small fleet, have a worker of their own and are pressed: in the field a press waits for no
device that starts."""
_LEAVE_S = 5.0
_MAKE_S = 0.1
"""How long it may take to make one device, on a machine that is busy."""


class FleetError(Exception):
    """The fleet can't do what it is told. The text says why."""


@dataclass
class Press:
    """One press, in CLOCK_BOOTTIME."""

    stage: str
    is_up: bool
    """Whether the device was connected."""
    edge_ns: int
    arrived_ns: int | None = None

    @property
    def latency_ms(self) -> float | None:
        """From the press to the subscriber; None while it has not arrived."""
        return None if self.arrived_ns is None else (self.arrived_ns - self.edge_ns) / 1e6


class Told(NamedTuple):
    """One notice of the consumer library for people."""

    kind: str
    """`DevicesGone` or `DevicesBack`."""
    sources: tuple[str, ...]
    at_s: float
    """On the monotonic clock."""


@dataclass
class _Worker:
    """The last words of one worker."""

    connected: int = 0
    waiting: int = 0
    cpu_s: float = 0.0
    answers: dict[str, Any] = field(default_factory=dict)


def open_many_files() -> None:
    """Let this process, and all that it starts from now on, open as many files as it may: a connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Fleet(AbstractContextManager["Fleet"]):
    """Enter to make all devices, without power; leaving ends every process that it has started. One thread."""

    def __init__(self, plans: Sequence[Plan], post: Post, tick: Callable[["Fleet"], None]) -> None:
        """`tick` is called again and again while something is waited for."""
        self.plans = plans
        self._post = post
        self._tick = tick
        self._stack = ExitStack()
        pressed = sample(plans, min(_PRESSED, math.ceil(len(plans) / 2)))
        numbers = {plan.number for plan in pressed}
        others = [plan for plan in plans if plan.number not in numbers]
        workers = math.ceil(len(others) / _OF_A_WORKER)
        self._shares = [pressed, *(others[first::workers] for first in range(workers))]
        self._workers: dict[Connection, _Worker] = {}
        self._centre: Connection
        self.presses: dict[str, Press] = {}
        self._arrived: dict[str, int] = {}
        self._asked = self._lacking = 0
        self.listens = False
        """Whether the centre is connected."""
        self.centre_cpu_s = 0.0
        self.latest_s = 0.0
        """How late a worker was at most since this was set to 0: so long a device may have waited for others."""
        self.unread = 0
        self.counts: dict[str, int] = {}
        """What the centre has heard, by kind."""
        self.told: list[Told] = []
        """What the centre was told of devices that are gone or back."""

    def __enter__(self) -> "Fleet":
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if (wanted := 100 + _FILES_A_DEVICE * max(map(len, self._shares))) > hard:
            raise FleetError(f"a process may open {hard} files and would need {wanted}: raise `ulimit -Hn`")
        with ExitStack() as stack:
            self._centre = self._spawn(stack, _LISTENER, self._post)
            for share in self._shares:
                self._workers[self._spawn(stack, _WORKER, share)] = _Worker()
            self._stack = stack.pop_all()
        try:
            self.await_true(self._is_ready, 30 + _MAKE_S * len(self.plans), "the devices, which are being made")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._workers:
            with suppress(OSError):
                each.send(("end",))  # to all at once: each may be busy for seconds
        self._stack.close()

    # --- what they say

    @property
    def connected(self) -> int:
        """How many devices a broker has accepted, a tenth of a second ago at most."""
        return sum(each.connected for each in self._workers.values())

    @property
    def waiting(self) -> int:
        """How many messages wait in all outboxes."""
        return sum(each.waiting for each in self._workers.values())

    @property
    def cpu_s(self) -> float:
        """Seconds of the processor that the devices have used."""
        return sum(each.cpu_s for each in self._workers.values())

    @property
    def is_waiting_for_presses(self) -> bool:
        """Whether a press was asked for and not told yet, or has not arrived yet."""
        told = len(self.presses) + self._lacking
        return told < self._asked or any(each.arrived_ns is None for each in self.presses.values())

    def pump(self, timeout_s: float = 0.02) -> None:
        """Take in what was told."""
        for each in wait([*self._workers, self._centre], timeout_s):
            assert isinstance(each, Connection)
            while each.poll():
                try:
                    self._take(each, *each.recv())
                except EOFError:
                    raise FleetError("a process of the fleet has ended by itself") from None
        self._tick(self)

    def await_true(self, condition: Callable[[], object], timeout_s: float, what: str = "") -> bool:
        """Take in what is told until the condition holds; returns whether it does. With `what` raises FleetError."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline_s:
                if what:
                    raise FleetError(f"{what}: not within {timeout_s:.0f} s")
                return False
            self.pump()
        return True

    def rest(self, seconds: float) -> None:
        """Take in what is told for so long."""
        self.await_true(lambda: False, seconds)

    # --- what they do

    def order(self, name: str, *what: Any) -> None:
        """Give an order to every worker."""
        for each in self._workers:
            each.send((name, *what))

    def each(self, name: str, of: dict[int, float] | list[int], *what: Any) -> None:
        """Give an order about some devices, by number, to those who have them."""
        for pipe, share in zip(self._workers, self._shares, strict=True):
            own = [plan.number for plan in share if plan.number in of]
            pipe.send((name, [(number, of[number]) for number in own] if isinstance(of, dict) else own, *what))

    def press(self, stage: str, *, is_up: bool = True) -> None:
        """Have a random device of the first worker pressed; one that is connected if `is_up`."""
        self._asked += 1
        next(iter(self._workers)).send(("press", stage, is_up))

    def order_centre(self, name: str) -> None:
        """Give the centre an order."""
        self._centre.send((name,))

    def ask(self, answer: str, order: Callable[[], None], timeout_s: float) -> list[Any]:
        """Order something of every worker, and return what each answers."""
        for told in self._workers.values():
            told.answers.pop(answer, None)
        order()
        ready = lambda: all(answer in told.answers for told in self._workers.values())  # noqa: E731
        self.await_true(ready, timeout_s, f"the workers' answer `{answer}`")
        return [told.answers[answer] for told in self._workers.values()]

    def lost(self, patience_s: float) -> tuple[int, int]:
        """Compare the records of all devices with what the centre has; return how many messages were given a number,
        and how many of them never came. Waits for late ones, at most `patience_s`."""
        ledgers = self.ask("ledger", lambda: self.order("ledger"), 60)
        given = {source: told for ledger in ledgers for source, told in ledger.items()}
        deadline_s = time.monotonic() + patience_s
        while True:
            self._heard = None
            self.order_centre("ledger")
            self.await_true(lambda: self._heard is not None, 60, "the centre's ledger")
            lost = missing(given, self._heard or {})
            if not lost or time.monotonic() > deadline_s:
                return sum(top for _, top in given.values()) - self.counts.get("skipped", 0), lost
            self.rest(0.5)

    _heard: dict[str, tuple[str, int]] | None = None

    # --- inside

    def _is_ready(self) -> bool:
        # What making the devices has cost is of no stage.
        return self.listens and all("ready" in each.answers and each.cpu_s for each in self._workers.values())

    def _take(self, pipe: Connection, name: str, *what: Any) -> None:
        match name:
            case "devices":
                told = self._workers[pipe]
                told.connected, told.waiting, told.cpu_s, late_s = what
                self.latest_s = max(self.latest_s, late_s)
            case "pressed":
                stage, is_up, alarm_id, edge_ns = what
                if alarm_id:
                    self.presses[alarm_id] = Press(stage, is_up, edge_ns, self._arrived.get(alarm_id))
                else:
                    self._lacking += 1
            case "alarm":
                alarm_id, came_ns = what
                self._arrived.setdefault(alarm_id, came_ns)
                if alarm_id in self.presses and self.presses[alarm_id].arrived_ns is None:
                    self.presses[alarm_id].arrived_ns = came_ns
            case "listens":
                self.listens, self.centre_cpu_s, self.unread, self.counts = what
            case "told":
                self.told.append(Told(*what))
            case "heard":
                self._heard = what[0]
            case "failed":
                raise FleetError(what[0])
            case _:
                self._workers[pipe].answers[name] = what[0] if what else None

    def _spawn(self, stack: ExitStack, module: str, what: object) -> Connection:
        ours, theirs = Pipe()
        with theirs:
            number = theirs.fileno()
            process = subprocess.Popen(
                [sys.executable, "-m", module, str(number)],
                cwd=_REPOSITORY,
                stdin=subprocess.DEVNULL,
                pass_fds=[number],
                process_group=0,  # an interrupt is ours: we end it
            )
        stack.callback(_end, process, ours)
        ours.send(what)
        return ours


def sample(plans: Sequence[Plan], count: int) -> list[Plan]:
    """One of each of so many parts of the fleet, by chance: in no step with suburbs, nodes, or every second device."""
    chance, edges = random.Random(2), [len(plans) * part // count for part in range(count + 1)]
    return [plans[chance.randrange(first, end)] for first, end in itertools.pairwise(edges)]


def missing(given: dict[str, tuple[str, int]], heard: dict[str, tuple[str, int]]) -> int:
    """How many numbers of the record the centre can't vouch for. By device: its epoch and the highest number that it
    has given; the epoch and the number up to which the centre has all."""
    return sum(
        top - (heard[source][1] if source in heard and heard[source][0] == epoch else 0)
        for source, (epoch, top) in given.items()
    )


def _end(process: subprocess.Popen[bytes], pipe: Connection) -> None:
    until_s = time.monotonic() + _LEAVE_S
    with pipe, suppress(OSError, EOFError):
        pipe.send(("end",))
        while time.monotonic() < until_s:  # it may have more to say, and must not wait for us to listen
            if pipe.poll(0.1):
                pipe.recv()
    try:
        process.wait(max(0.1, until_s - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
