"""Any order of signing, delivering, replaying, restarting and stepping of the clock: nothing runs twice, and whoever
keeps to the contract is not refused."""

import random
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from agent.core.events import TimeQuality
from agent.runtime import command_memory
from agent.runtime.outbox import Outbox
from agent.sim.clock import SimClock
from tests.support.desk import Desk
from tests.support.drafts import body, open_outbox

START = datetime(2026, 1, 1, tzinfo=UTC)
MOST = 12
"""So many are remembered here, and one comes a minute: so what is forgotten is older than ten minutes."""
FRESH_S = 270
"""For so long a command may be under way: 300 s, less what a sender's clock is wrong by."""


class Replays(RuleBasedStateMachine):
    """Senders whose clocks are right to 20 s, a thief who replays all that was ever sent, and a device."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.store = Path(self.stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm"))) / "store"
        self.clock = SimClock(wall=START)
        self.true_s = 0.0
        self.offset_s = 0.0
        """How wrong the device's clock is."""
        self.executed: dict[tuple[str, str], int] = {}
        self.executed_tokens: set[tuple[str, int]] = set()
        self.signed: list[tuple[dict[str, Any], str, float]] = []
        """Claims, key, and when they were signed, of all that was ever sent or held back."""
        self.waiting: list[tuple[dict[str, Any], str, float]] = []
        self.number = 0
        self.is_calm = False
        """Nobody touches the clock or signs what he should not: then a nonce is not needed."""
        self.outbox: Outbox | None = None
        self.start()

    def start(self) -> None:
        self.wait(1)  # what was signed before is older than this start
        self.outbox = open_outbox(self.store, self.clock)
        self.desk = Desk(self.outbox, self.clock)
        self.started_s = self.true_s
        self.nonce = self.outbox.nonces.newest(self.clock.boottime_ns())

    def teardown(self) -> None:
        assert self.outbox is not None
        self.outbox.close()
        self.stack.close()

    @initialize(is_calm=st.booleans())
    def choose(self, is_calm: bool) -> None:
        self.is_calm = is_calm

    @property
    def is_set(self) -> bool:
        return self.clock.quality() is not TimeQuality.UNSYNCED

    # --- what senders do

    @rule(kid=st.sampled_from(("key-1", "key-2")), skew_s=st.floats(-20, 20), echoes=st.booleans())
    def sign(self, kid: str, skew_s: float, echoes: bool) -> None:
        """A new command, to be delivered at once or later."""
        self.number += 1
        self.keep(self.claims(f"c{self.number}", skew_s, echoes=echoes), kid)

    @precondition(lambda self: self.signed)
    @rule(data=st.data(), skew_s=st.floats(-20, 20))
    def sign_again(self, data: st.DataObject, skew_s: float) -> None:
        """The same command, with all that is fresh."""
        claims, kid, _ = data.draw(st.sampled_from(self.signed[-20:]))
        self.keep(self.claims(claims["cmd_id"], skew_s, echoes=True), kid)

    def claims(self, cmd_id: str, skew_s: float, *, echoes: bool) -> dict[str, Any]:
        now = START.timestamp() + self.true_s + skew_s
        claims = self.desk.claims(
            "rebirth", cmd_id=cmd_id, iat=int(now), exp=int(now) + 300, ctr=int(now * 1e6) + len(self.signed)
        )
        assert self.outbox is not None
        nonce = self.outbox.nonces.newest(self.clock.boottime_ns())
        return claims | ({"boot_nonce": nonce} if echoes or not self.is_set else {})

    def keep(self, claims: dict[str, Any], kid: str) -> None:
        entry = (claims, kid, self.true_s)
        self.signed.append(entry)
        self.waiting.append(entry)

    @precondition(lambda self: not self.is_calm)
    @rule(lead=st.sampled_from((2**61, 80_000 * 10**6, -(10**15))))
    def poison(self, lead: int) -> None:
        """The holder of a key signs a counter that he should not; what becomes of it is his own affair."""
        self.number += 1
        claims = self.claims(f"c{self.number}", 0, echoes=True)
        claims["ctr"] += lead
        self.deliver_claims(claims, "key-1")

    # --- what the network and the thief do

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """In any order. A fresh one of somebody who keeps to the contract is executed or answered."""
        at = data.draw(st.integers(0, len(self.waiting) - 1))
        claims, kid, signed_s = self.waiting.pop(at)
        status, code = self.deliver_claims(claims, kid)
        age_s = self.true_s - signed_s
        # A set clock that is wrong refuses the right time, whoever sends it; and a restart ends every nonce.
        is_dated = "boot_nonce" in claims and signed_s >= self.started_s and self.offset_s == 0
        is_timed = "boot_nonce" not in claims and self.is_calm
        if age_s < FRESH_S and (is_dated or is_timed):
            assert status == "succeeded", f"an honest command was refused: {code}"

    @precondition(lambda self: self.signed)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        claims, kid, _ = data.draw(st.sampled_from(self.signed))
        self.deliver_claims(claims, kid)

    @rule()
    def replay_everything(self) -> None:
        for claims, kid, _ in random.Random(len(self.signed)).sample(self.signed, len(self.signed)):
            self.deliver_claims(claims, kid)

    def deliver_claims(self, claims: dict[str, Any], kid: str) -> tuple[str, str]:
        before = len(self.desk.done)
        self.desk.send(self.desk.signed(claims, kid=kid), "rebirth")
        results = [body(message)["data"] for message in self.desk.messages() if "/up/result/" in message.topic]
        if len(self.desk.done) > before:
            name, token = (kid, claims["cmd_id"]), (kid, claims["ctr"])
            self.executed[name] = self.executed.get(name, 0) + 1
            assert self.executed[name] == 1, f"{name} was executed again"
            assert token not in self.executed_tokens, f"{token} was executed again"
            self.executed_tokens.add(token)
        self.clock.advance(timedelta(seconds=60))  # else the limit on security events would silence the answers
        self.true_s += 60
        return (results[-1]["status"], results[-1]["code"]) if results else ("silence", "")

    # --- what time and trouble do

    @rule(seconds=st.sampled_from((1, 30, 250, 700, 86_400)))
    def wait(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.true_s += seconds

    @precondition(lambda self: not self.is_calm)
    @rule(seconds=st.sampled_from((-10 * 86_400, -3600, -300, 3600, 10 * 86_400, 10**9)))
    def step(self, seconds: int) -> None:
        """Somebody sets the clock wrongly."""
        self.clock.step_wall(timedelta(seconds=seconds - self.offset_s))
        self.offset_s = seconds

    @rule()
    def correct(self) -> None:
        self.clock.step_wall(timedelta(seconds=-self.offset_s))
        self.offset_s = 0.0

    @precondition(lambda self: not self.is_calm)
    @rule(quality=st.sampled_from((TimeQuality.UNSYNCED, TimeQuality.SYNCED)))
    def lose_or_gain_the_time(self, quality: TimeQuality) -> None:
        self.clock.set_quality(quality)

    @rule(boots=st.booleans())
    def restart(self, boots: bool) -> None:
        """Of the agent, or of the machine: then the clock of the boot begins anew."""
        assert self.outbox is not None
        self.outbox.close()
        if boots:
            identifier = f"00000000-0000-4000-8000-{len(self.signed):012d}"
            self.clock = SimClock(wall=self.clock.wall(), quality=self.clock.quality(), boot_id=identifier)
        self.start()


def test_nothing_runs_twice_and_no_honest_sender_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_memory, "_MOST", MOST)
    run_state_machine_as_test(
        Replays,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
