"""Any order of signing, delivering, replaying, restarting and stepping of the clock: nothing runs twice, and whoever
keeps to the contract is not refused."""

import random
import tempfile
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast, get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from agent.contract.commands import NONCE_LIFE_S
from agent.contract.vocabulary import TimeQuality
from agent.outbox.outbox import Outbox
from agent.runtime.commands import memory
from tests.support.command_rig import CommandRig
from tests.support.drafts import body, open_outbox
from tests.support.sim_clock import SimClock

START = datetime(2026, 1, 1, tzinfo=UTC)
MOST = 12
"""So many are remembered here. One comes a minute, unless there is a flood: so what is forgotten is older than ten
minutes."""
PACE_S, FLOOD_S = 60, 4
"""From one message to the next. Faster ones the limit on security events would leave without an answer."""
FRESH_S = 270
"""For so long a command may be under way: 300 s, less what a sender's clock is wrong by."""


Kind = Literal["calm", "trouble", "flood"]
"""In a calm run nobody touches the clock or signs what he should not."""


class Replays(RuleBasedStateMachine):
    """Senders whose clocks are right to 20 s, a thief who replays all that was ever sent, and a device."""

    def __init__(self, kind: Kind) -> None:
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
        self.is_calm = kind == "calm"
        """Then a nonce is not needed."""
        self.pace_s = FLOOD_S if kind == "flood" else PACE_S
        self.cut: set[tuple[str, str]] = set()
        """Commands in the middle of which the power was cut."""
        self.outbox: Outbox | None = None
        self.start()

    def start(self) -> None:
        self.wait(1)  # what was signed before is older than this start
        self.outbox = open_outbox(self.store, self.clock)
        self.handler = CommandRig(self.outbox, self.clock)
        self.started_s = self.true_s
        self.nonce = self.outbox.nonces.newest(self.clock.boottime_ns())

    def teardown(self) -> None:
        assert self.outbox is not None
        self.outbox.close()
        self.stack.close()

    @property
    def is_set(self) -> bool:
        return self.clock.quality() is not TimeQuality.UNSYNCED

    # --- what senders do

    @rule(kid=st.sampled_from(("key-1", "key-2")), skew_s=st.floats(-20, 20), echoes=st.booleans())
    def prepare(self, kid: str, skew_s: float, echoes: bool) -> None:
        """A new command, to be delivered at once or later."""
        self.sign(kid, skew_s, echoes)

    def sign(self, kid: str, skew_s: float, echoes: bool) -> None:
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
        claims = self.handler.claims(
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
        """The holder of a key signs a counter that he should not; whether it runs is his own affair, but once."""
        self.number += 1
        claims = self.claims(f"c{self.number}", 0, echoes=True)
        claims["ctr"] += lead
        self.signed.append((claims, "key-1", self.true_s))
        self.deliver_claims(claims, "key-1")

    @precondition(lambda self: self.is_set and not self.is_calm)
    @rule(data=st.data(), is_first_new=st.booleans(), comes_again=st.booleans())
    def sign_twice(self, data: st.DataObject, is_first_new: bool, comes_again: bool) -> None:
        """The holder of a key signs another command under a counter of one that may have come again under a higher."""
        if is_first_new or not self.signed:
            self.sign("key-1", 0, echoes=False)
            self.deliver_waiting(-1)
        before, kid, _ = data.draw(st.sampled_from(self.signed[-2:]))
        if comes_again:
            self.deliver_claims(self.claims(before["cmd_id"], 0, echoes=True), kid)
        self.number += 1
        claims = self.claims(f"c{self.number}", 0, echoes=False) | {"ctr": before["ctr"]}
        self.signed.append((claims, kid, self.true_s))
        # Whichever comes first runs. The other one may still be on its way, and keeps to no contract.
        self.waiting = [each for each in self.waiting if (each[0]["ctr"], each[1]) != (before["ctr"], kid)]
        self.deliver_claims(claims, kid)

    # --- what the network and the thief do

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """In any order."""
        self.deliver_waiting(data.draw(st.integers(0, len(self.waiting) - 1)))

    @rule(kid=st.sampled_from(("key-1", "key-2")), echoes=st.booleans())
    def send_many(self, kid: str, echoes: bool) -> None:
        """So many that none is remembered from before."""
        for _ in range(MOST + 1):
            self.sign(kid, 0, echoes)
            self.deliver_waiting(-1)

    def deliver_waiting(self, at: int) -> None:
        """A fresh one of somebody who keeps to the contract is executed or answered."""
        claims, kid, signed_s = self.waiting.pop(at)
        status, code = self.deliver_claims(claims, kid)
        age_s = self.true_s - signed_s
        # A set clock that is wrong refuses the right time, whoever sends it; and a restart ends every nonce.
        is_dated = "boot_nonce" in claims and signed_s >= self.started_s and self.offset_s == 0
        is_timed = "boot_nonce" not in claims and self.is_calm
        # All that is remembered counts as lately accepted after a start.
        is_flood = self.pace_s == FLOOD_S or self.true_s - self.started_s < NONCE_LIFE_S
        is_crowded_out = code == "replayed" and is_flood and len(self.executed) > MOST
        is_cut_off = code == "unknown-outcome" and (kid, claims["cmd_id"]) in self.cut
        if age_s < FRESH_S and (is_dated or is_timed) and not (is_crowded_out or is_cut_off):
            assert status == "succeeded", f"an honest command was refused: {code}"

    @precondition(lambda self: self.signed)
    @rule(data=st.data(), in_its_own_time=st.booleans())
    def replay(self, data: st.DataObject, in_its_own_time: bool) -> None:
        self.play_again(*data.draw(st.sampled_from(self.signed)), in_its_own_time=in_its_own_time)

    @rule(after_a_restart=st.booleans(), in_their_own_time=st.booleans())
    def replay_everything(self, after_a_restart: bool, in_their_own_time: bool) -> None:
        if after_a_restart:
            self.restart(boots=False)
        for entry in random.Random(len(self.signed)).sample(self.signed, len(self.signed)):
            self.play_again(*entry, in_its_own_time=in_their_own_time)

    def play_again(self, claims: dict[str, Any], kid: str, signed_s: float, *, in_its_own_time: bool) -> None:
        """The thief may have the device's clock say what it said when this was signed."""
        if in_its_own_time and not self.is_calm:
            self.step(signed_s - self.true_s)
        self.deliver_claims(claims, kid)

    def deliver_claims(self, claims: dict[str, Any], kid: str) -> tuple[str, str]:
        before = len(self.handler.done)
        with suppress(PowerCut):
            self.handler.send(self.handler.signed(claims, kid=kid), "rebirth")
        results = [body(message)["data"] for message in self.handler.messages() if "/up/result/" in message.topic]
        if len(self.handler.done) > before:
            name, token = (kid, claims["cmd_id"]), (kid, claims["ctr"])
            self.executed[name] = self.executed.get(name, 0) + 1
            # Beyond that its result may be forgotten, and what was signed anew is a new command to the device.
            if len(self.executed) <= MOST:
                assert self.executed[name] == 1, f"{name} was executed again"
            assert token not in self.executed_tokens, f"{token} was executed again"
            self.executed_tokens.add(token)
        elif results and results[-1]["status"] == "succeeded":  # it came again: this counter is used up too
            self.executed_tokens.add((kid, claims["ctr"]))
        self.wait(self.pace_s)
        return (results[-1]["status"], results[-1]["code"]) if results else ("silence", "")

    # --- what time and trouble do

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), boots=st.booleans())
    def cut_off(self, data: st.DataObject, boots: bool) -> None:
        """Somebody sends a command, and the power is cut when it has done what it does and nobody has heard of it."""
        claims, kid, _ = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        self.cut.add((kid, claims["cmd_id"]))

        def did(what: object) -> None:
            self.handler.done.append(what)
            raise PowerCut

        self.handler.did = did  # type: ignore[method-assign]
        self.deliver_claims(claims, kid)
        self.restart(boots)

    @rule(seconds=st.sampled_from((1, 30, 250, 700, 86_400)))
    def wait(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.true_s += seconds

    @precondition(lambda self: not self.is_calm)
    @rule(seconds=st.sampled_from((-10 * 86_400, -3600, -300, 3600, 10 * 86_400, 10**9)))
    def set_wrongly(self, seconds: int) -> None:
        self.step(seconds)

    def step(self, seconds: float) -> None:
        """The device's clock is wrong by so much from now on."""
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


class PowerCut(SystemExit):
    """Ends the device in the middle of a command."""


@pytest.mark.parametrize("kind", get_args(Kind))
def test_nothing_runs_twice_and_no_honest_sender_is_refused(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    monkeypatch.setattr(memory, "_MOST", MOST)
    run_state_machine_as_test(
        cast("type[Replays]", lambda: Replays(kind)),
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
