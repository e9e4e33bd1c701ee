"""The outbox against a model that is too simple to be wrong, under any order of events and any crash."""

import itertools
import json
import shutil
import tempfile
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.contract.messages import Draft, Rank
from agent.core.errors import StorageError
from agent.outbox import backlog
from agent.outbox.backlog import Waiting
from agent.outbox.database import Batch
from agent.outbox.outbox import Outbox
from agent.outbox.policy import SYNCED
from agent.outbox.store import MessageStore
from tests.support.drafts import alarm, body, event, open_outbox, security
from tests.support.sim_clock import SimClock

_DRAFTS: dict[Rank, Callable[[str], Draft]] = {Rank.ALARM: alarm, Rank.SECURITY: security, Rank.EVENT: event}


class Disk(MessageStore):
    """Fails before a write, or between its two databases, or not at all."""

    mode = "works"

    def write(self, batch: Batch) -> None:
        if self.mode == "dead":
            raise StorageError("dead")
        if self.mode == "half":
            rows = tuple(row for row in batch.rows if row.rank in SYNCED)
            deleted = tuple(item for item in batch.deleted if item[0] in SYNCED)
            super().write(Batch(rows, deleted, batch.state, batch.seq, batch.record))
            raise StorageError("half")
        super().write(batch)


class OutboxMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.small = mock.patch.object(backlog, "WINDOW", dict.fromkeys(Rank, 3))
        self.small.start()
        self.runs = itertools.count()
        self.clock = SimClock()
        self.names = itertools.count()
        self.waits: set[str] = set()
        """Accepted and not confirmed."""
        self.confirmed: set[str] = set()
        """Confirmed, but the disk may not know it: after a crash these may come again."""
        self.given_up = 0
        """Since the start."""
        self.has_promise = False
        """Whether the disk has had a write since the start, and so the ceiling of the numbers."""
        self.held: dict[str, Waiting] = {}
        self.known: dict[str, int] = {}
        """Numbers by message."""
        self.records: dict[str, int] = {}
        """Numbers of the record by message."""

    @initialize()
    def begin(self) -> None:
        self.outbox, self.disk = self._open(self.root / "run0")

    def _open(self, directory: Path) -> tuple[Outbox, Disk]:
        disk = Disk(directory)
        return open_outbox(directory, self.clock, disk), disk

    @rule(rank=st.sampled_from(list(_DRAFTS)))
    def put(self, rank: Rank) -> None:
        before, _ = self.outbox.record
        name = self.outbox.put(_DRAFTS[rank](f"n{next(self.names)}"))
        self.waits.add(name)
        self.records[name], _ = self.outbox.record
        assert self.records[name] == before + 1, "the record has a gap"

    @rule(disk=st.sampled_from(["works", "works", "dead", "half"]))
    def write(self, disk: str) -> None:
        self.disk.mode = disk
        self.clock.advance(timedelta(minutes=1))
        self.outbox.writer.run_once(0)
        if disk == "works":
            assert self.outbox.writer.fault is None
            self.has_promise = True
            self.outbox.writer.run_once(0)
            self.confirmed.clear()

    @rule(count=st.integers(1, 4))
    def take(self, count: int) -> None:
        for _ in range(count):
            found = self.outbox.take()
            if found is None:
                return
            content = body(found[1])
            name = content["id"]
            assert name in self.waits, "it came again after it was confirmed"
            assert name not in self.held, "it was taken twice"
            assert content["record"] == self.records[name]
            assert content["recorddone"] < content["record"] <= content["recordtop"]
            assert self.known.setdefault(name, content["seq"]) == content["seq"]
            assert list(self.known.values()).count(content["seq"]) == 1, "a number was given twice"
            self.held[name] = found[0]

    @rule(count=st.integers(1, 4), how=st.sampled_from(["confirm", "confirm", "give up", "give back"]))
    def answer(self, count: int, how: str) -> None:
        for name in list(self.held)[:count]:
            self._answer(name, how)

    def _answer(self, name: str, how: str) -> None:
        waiting = self.held.pop(name)
        if how == "give back":
            self.outbox.give_back(waiting)
            return
        if how == "confirm":
            self.outbox.confirm(waiting)
        else:
            self.outbox.give_up(waiting)
            self.given_up += 1
        self.waits.discard(name)
        self.confirmed.add(name)

    @rule(how=st.sampled_from(["not", "not", "not", "stop", "kill", "cut"]))
    def restart(self, how: str) -> None:
        if how == "not" or (how == "cut" and not self.has_promise):
            return
        self.disk.mode = "works"
        for waiting in self.held.values():
            self.outbox.give_back(waiting)
        self.held.clear()
        directory = self.root / f"run{next(self.runs) + 1}"
        top, _ = self.outbox.record
        if how == "stop":
            self.outbox.close()
            shutil.copytree(self.disk.directory.path, directory)
            self.confirmed = set()
        else:
            shutil.copytree(self.disk.directory.path, directory)
            self.outbox.close()
        if how == "cut":
            (directory / "black-box").unlink()
            self.clock = SimClock(boot_id=str(uuid.uuid4()))
        self.outbox, self.disk = self._open(directory)
        self.given_up, self.has_promise = 0, False
        left = self._all_that_waits()
        if how == "cut":
            assert self.outbox.record[0] >= top, "a number may be given twice"
            self.waits &= left
        else:
            assert self.outbox.record[0] == top, "the record has a gap"
        assert self.waits <= left, "it was accepted and is lost"
        assert left <= self.waits | self.confirmed, "what was confirmed and deleted is back"
        self.waits, self.confirmed = left, set()

    def _all_that_waits(self) -> set[str]:
        """The messages of the outbox, which has just been opened: on disk, or in memory only."""
        on_disk = {json.loads(row.payload)["id"] for rank in Rank for row in self.disk.load(rank, 0, 10_000)}
        return on_disk | {json.loads(w.row.payload)["id"] for w in self.outbox._backlog.unwritten()}

    @invariant()
    def counts_are_right(self) -> None:
        if hasattr(self, "outbox"):
            waiting, dropped = self.outbox.figures()
            assert sum(waiting.values()) == len(self.waits)
            assert sum(dropped.values()) == self.given_up

    @invariant()
    def nothing_that_waits_counts_as_done(self) -> None:
        if hasattr(self, "outbox"):
            top, done = self.outbox.record
            assert done <= top
            assert all(self.records[name] > done for name in self.waits)

    def teardown(self) -> None:
        try:
            self._all_that_waits_leaves_in_the_end()
        finally:
            self.outbox.close()
            self.small.stop()
            shutil.rmtree(self.root)

    def _all_that_waits_leaves_in_the_end(self) -> None:
        self.disk.mode = "works"
        self.clock.advance(timedelta(minutes=1))
        for waiting in self.held.values():
            self.outbox.give_back(waiting)
        left: set[str] = set()
        while any(self.outbox.figures()[0].values()):
            before = len(left)
            self.outbox.writer.run_once(0)
            while (found := self.outbox.take()) is not None:
                left.add(body(found[1])["id"])
                self.outbox.confirm(found[0])
            assert len(left) > before, "something was lost"
        assert left == self.waits, "something was lost, or came again"
        top, done = self.outbox.record
        assert done == top, "all is confirmed, and the record does not say so"
        self.outbox.writer.run_once(0)
        assert sum(self.disk.counts().values()) == 0


OutboxMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestOutbox = OutboxMachine.TestCase
