"""No command runs twice: replays, repetitions, two senders under one key, restarts, and clocks that are wrong."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.contract.commands import MAX_LEAD_US
from agent.contract.vocabulary import TimeQuality
from agent.outbox.outbox import Outbox
from agent.outbox.state import CTR_KEY
from agent.runtime.commands import memory
from agent.runtime.commands.memory import _MOST as REALLY_MOST
from agent.runtime.commands.memory import _MOST_REPETITIONS as MOST_REPETITIONS
from agent.runtime.commands.memory import COMMAND_KEY
from tests.support.command_rig import CommandRig
from tests.support.drafts import open_outbox, write
from tests.support.sim_clock import SimClock

CONTRACT = Path(__file__).parents[3] / "docs/contract.md"
MOST = 12
Start = Callable[[], CommandRig]


@pytest.fixture(autouse=True)
def remembers_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few commands make a flood."""
    monkeypatch.setattr(memory, "_MOST", MOST)


def test_as_many_commands_are_remembered_as_the_contract_says() -> None:
    assert f"The last {REALLY_MOST} are remembered" in CONTRACT.read_text(encoding="utf-8")


@contextmanager
def starts(directory: Path, clock: SimClock) -> Iterator[Start]:
    """A desk on the disk that the one before has left; its process ended without a word."""
    outboxes: list[Outbox] = []
    counters = itertools.count(1)

    def start() -> CommandRig:
        if outboxes:
            outboxes[-1].close()
        outboxes.append(open_outbox(directory, clock))
        handler = CommandRig(outboxes[-1], clock)
        handler.ctr = next(counters) * 1000
        return handler

    yield start
    outboxes[-1].close()


@pytest.fixture
def start(tmp_path: Path, clock: SimClock) -> Iterator[Start]:
    with starts(tmp_path / "store", clock) as start:
        yield start


def outcome(handler: CommandRig, claims: dict[str, Any], **token: Any) -> str:
    """What becomes of these claims: `done`, the code of the answer, or `silence`."""
    before = len(handler.done)
    handler.send(handler.signed(claims, **token), claims["name"])
    results, _ = handler.answers()
    if len(handler.done) > before:
        return "done"
    return str(results[-1]["code"]) if results else "silence"


def forget_results(handler: CommandRig) -> None:
    """So many other commands that no result is remembered from before."""
    for _ in range(MOST):
        assert outcome(handler, handler.claims("rebirth"), kid="key-2") == "done"


def anew(handler: CommandRig, claims: dict[str, Any]) -> dict[str, Any]:
    """The same as if it had been signed now, with its old counter."""
    now = int(handler.clock.wall().timestamp())
    return claims | {"iat": now, "exp": now + 60}


def microseconds(clock: SimClock, seconds: float = 0) -> int:
    return int((clock.wall().timestamp() + seconds) * 1e6)


def test_a_command_that_comes_again_after_a_restart_gets_its_first_result(start: Start) -> None:
    handler = start()
    claims = handler.claims("rebirth")
    handler.send(handler.signed(claims), "rebirth")
    [first], _ = handler.answers()

    again = start()
    again.send(again.signed(claims), "rebirth")
    again.send(again.signed(claims | {"ctr": claims["ctr"] + 5, "iat": claims["iat"] + 1}), "rebirth")
    results, events = again.answers()
    assert results == [first, first]
    assert again.done == []
    assert [event["kind"] for event in events] == ["command-repeated"] * 2


@pytest.mark.parametrize("name", ["rebirth", "snapshot"])
def test_a_command_whose_end_a_restart_has_cut_off_is_not_executed_again_and_says_so(start: Start, name: str) -> None:
    handler = start()
    claims = handler.claims(name)
    if name == "snapshot":  # the camera's answer never comes
        assert outcome(handler, claims) == "done"
    else:
        handler.did = lambda what: (_ for _ in ()).throw(SystemExit)  # type: ignore[method-assign]
        with pytest.raises(SystemExit):
            handler.send(handler.signed(claims), name)

    again = start()
    assert outcome(again, claims | {"ctr": claims["ctr"] + 1}) == "unknown-outcome"
    assert again.done == []


def test_an_ack_that_a_power_cut_has_cut_off_runs_when_it_comes_again(start: Start) -> None:
    handler = start()
    claims = handler.claims("ack", args={"alarm_id": "a1", "action": "registered"})
    handler.did = lambda what: (_ for _ in ()).throw(SystemExit)  # type: ignore[method-assign]
    with pytest.raises(SystemExit):  # the disk has that it was accepted, and not what it has done
        handler.send(handler.signed(claims), "a1", "ack")

    again = start()
    assert again.outbox.kept(COMMAND_KEY) == {}, "it is kept for ever, unless it comes again"
    for _ in range(2):
        again.send(again.signed(claims), "a1", "ack")
    last = start()
    last.send(last.signed(claims), "a1", "ack")
    assert [result["code"] for result in last.answers()[0]] == ["ok"] * 3
    assert (len(again.done), last.done) == (1, [])


def test_commands_of_two_senders_under_one_key_may_overtake_each_other(handler: CommandRig) -> None:
    early, late = handler.claims("rebirth"), handler.claims("rebirth")

    assert [outcome(handler, each) for each in (late, early)] == ["done", "done"]
    assert outcome(handler, early | {"cmd_id": "other"}) == "replayed"


def test_what_is_older_than_the_window_is_refused_though_its_counter_was_never_used(start: Start) -> None:
    handler = start()
    held_back, used = handler.claims("rebirth", exp=2**33, iat=2**33 - 300), handler.claims("rebirth")
    assert outcome(handler, used) == "done"
    handler.clock.advance(timedelta(seconds=600))
    handler.order("rebirth")
    handler.answers()
    handler.clock.step_wall(timedelta(seconds=2**33 - 300 - handler.clock.wall().timestamp()))
    assert outcome(handler, held_back) == "replayed"

    again = start()
    assert outcome(again, held_back) == "replayed"


def test_a_flood_of_commands_of_one_key_takes_nothing_from_the_window_of_another(handler: CommandRig) -> None:
    held_back, used = handler.claims("rebirth"), handler.claims("rebirth")
    assert outcome(handler, used) == "done"
    for _ in range(2 * MOST):
        assert outcome(handler, handler.claims("rebirth"), kid="key-2") == "done"

    assert len(handler.outbox.kept(COMMAND_KEY)) == MOST
    assert outcome(handler, held_back) == "done"
    assert outcome(handler, used) == "ok"


def test_the_first_of_more_commands_than_are_remembered_is_refused_and_not_run_again(handler: CommandRig) -> None:
    nonce = handler.outbox.nonces.first
    first = handler.claims("rebirth", boot_nonce=nonce)
    assert outcome(handler, first) == "done"
    poison = handler.claims("rebirth", boot_nonce=nonce, ctr=microseconds(handler.clock) + MAX_LEAD_US)
    assert outcome(handler, poison) == "done"
    for _ in range(MOST):
        assert outcome(handler, handler.claims("rebirth", boot_nonce=nonce)) == "done"

    assert outcome(handler, first) == "replayed"
    assert outcome(handler, handler.claims("rebirth", boot_nonce=nonce)) == "done"


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("step", [1, -1])
def test_neither_counter_of_a_repetition_that_was_signed_again_is_run_once_its_result_is_forgotten(
    start: Start, step: int, *, restarts: bool
) -> None:
    handler = start()
    once = handler.claims("rebirth", ctr=10)
    again = once | {"ctr": 10 + step}
    assert [outcome(handler, each) for each in (once, again)] == ["done", "ok"]
    handler = start() if restarts else handler
    handler.ctr = 1000
    handler.clock.advance(timedelta(seconds=600))
    forget_results(handler)

    assert [outcome(handler, anew(handler, each)) for each in (once, again)] == ["replayed", "replayed"]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("step", [10, -5])
def test_a_counter_is_used_up_by_a_command_that_came_again_under_another_one(
    start: Start, step: int, *, restarts: bool
) -> None:
    handler = start()
    once = handler.claims("rebirth", ctr=10)
    assert [outcome(handler, each) for each in (once, once | {"ctr": 10 + step})] == ["done", "ok"]
    handler = start() if restarts else handler
    for ctr in (10, 10 + step):
        assert outcome(handler, handler.claims("rebirth", ctr=ctr)) == "replayed"
    assert outcome(handler, handler.claims("rebirth", ctr=12)) == "done"


def test_a_command_that_comes_again_without_end_uses_up_its_counters_and_no_memory(handler: CommandRig) -> None:
    once = handler.claims("rebirth", ctr=1000)
    assert outcome(handler, once) == "done"
    for ctr in range(1001, 1001 + 3 * MOST_REPETITIONS):
        handler.clock.advance(timedelta(seconds=1))  # for the limit on security events
        handler.send(handler.signed(anew(handler, once) | {"ctr": ctr}), "rebirth")
    [kept] = handler.outbox.kept(COMMAND_KEY).values()
    assert len(kept) < 20 * MOST_REPETITIONS
    for ctr in (1000, 1001, 1000 + MOST_REPETITIONS, 1000 + 3 * MOST_REPETITIONS):
        assert outcome(handler, handler.claims("rebirth", ctr=ctr)) == "replayed"


def test_no_counter_is_run_again_once_another_key_has_made_its_result_forgotten_nor_after_a_restart(
    start: Start,
) -> None:
    handler = start()
    late, early = handler.claims("rebirth", ctr=20), handler.claims("rebirth", ctr=10)
    assert [outcome(handler, each) for each in (late, early)] == ["done", "done"]
    handler.clock.advance(timedelta(seconds=600))
    forget_results(handler)

    assert [outcome(handler, anew(handler, each)) for each in (late, early)] == ["replayed", "replayed"]
    handler = start()
    assert [outcome(handler, anew(handler, each)) for each in (late, early)] == ["replayed", "replayed"]


def test_what_a_flood_has_made_forgotten_is_not_run_again_after_a_restart(start: Start) -> None:
    handler = start()
    first = handler.claims("rebirth")
    assert outcome(handler, first) == "done"
    for _ in range(MOST):
        assert outcome(handler, handler.claims("rebirth")) == "done"

    assert outcome(start(), first) == "replayed"


def test_what_a_living_nonce_dates_is_remembered_over_a_flood_of_another_key(handler: CommandRig) -> None:
    handler.clock.set_quality(TimeQuality.UNSYNCED)
    first = handler.claims("rebirth", boot_nonce=handler.outbox.nonces.first)
    assert outcome(handler, first) == "done"
    handler.clock.advance(timedelta(seconds=590))
    for _ in range(MOST):
        claims = handler.claims("rebirth", boot_nonce=handler.outbox.nonces.newest(handler.clock.boottime_ns()))
        assert outcome(handler, claims, kid="key-2") == "done"

    assert outcome(handler, first) == "ok"


def test_a_repetition_closes_the_window_to_nobody_who_has_signed_just_before_it(handler: CommandRig) -> None:
    once = handler.claims("rebirth", ctr=10)
    assert outcome(handler, once) == "done"
    handler.clock.advance(timedelta(seconds=599))
    assert outcome(handler, anew(handler, once) | {"ctr": 30}) == "ok"
    handler.clock.advance(timedelta(seconds=1))

    assert outcome(handler, handler.claims("rebirth", ctr=20)) == "done"


def test_what_was_repeated_lately_is_not_the_oldest_when_there_is_no_more_room(handler: CommandRig) -> None:
    held_back, *remembered = (handler.claims("rebirth") for _ in range(1 + MOST))
    assert {outcome(handler, each) for each in remembered} == {"done"}
    handler.clock.advance(timedelta(seconds=601))
    assert outcome(handler, anew(handler, remembered[0]) | {"ctr": 5000}) == "ok"
    assert outcome(handler, handler.claims("rebirth", ctr=6000)) == "done"

    nonce = handler.outbox.nonces.newest(handler.clock.boottime_ns())
    assert outcome(handler, anew(handler, held_back) | {"boot_nonce": nonce}) == "done", "as in a flood"


def test_a_restart_closes_the_window_to_nobody(start: Start) -> None:
    handler = start()
    handler.clock.advance(timedelta(hours=1))
    held_back, used = handler.claims("rebirth"), handler.claims("rebirth")
    assert outcome(handler, used) == "done"

    assert outcome(start(), held_back) == "done"


def test_what_a_disk_that_is_found_late_has_does_not_replace_what_this_run_knows_better(handler: CommandRig) -> None:
    order = handler.claims("snapshot")
    assert outcome(handler, order) == "done"
    handler.handler.restore()

    assert outcome(handler, order) == "asked"


@pytest.mark.parametrize("kept", ["9223372036854775807", "1"])
def test_the_counter_that_an_earlier_version_has_kept_is_the_floor_unless_it_can_not_be_true(
    start: Start, kept: str
) -> None:
    handler = start()
    handler.outbox.keep(CTR_KEY + "key-1", kept)
    write(handler.outbox)

    handler = start()
    now = microseconds(handler.clock)
    refused = "replayed" if kept == "1" else "counters-unknown"
    assert outcome(handler, handler.claims("rebirth", ctr=1)) == refused
    nonce = handler.outbox.nonces.first
    assert outcome(handler, handler.claims("rebirth", ctr=now, boot_nonce=nonce)) == "done"
    assert outcome(handler, handler.claims("rebirth", ctr=now + 1)) == "done", "the key is still locked out"

    handler = start()
    assert outcome(handler, handler.claims("rebirth", ctr=now + 2)) == "done", "the floor was not mended on disk"


def test_a_counter_far_ahead_on_an_unset_clock_locks_out_nobody_who_echoes(handler: CommandRig) -> None:
    handler.clock.set_quality(TimeQuality.UNSYNCED)
    nonce = handler.outbox.nonces
    now = handler.clock.boottime_ns
    assert outcome(handler, handler.claims("rebirth", ctr=2**63 - 1, boot_nonce=nonce.newest(now()))) == "done"
    handler.clock.advance(timedelta(hours=1))
    for _ in range(2):
        claims = handler.claims("rebirth", ctr=microseconds(handler.clock), boot_nonce=nonce.newest(now()))
        assert outcome(handler, claims) == "done"
        handler.clock.advance(timedelta(seconds=1))


def test_a_counter_far_ahead_that_a_fresh_nonce_has_cured_is_never_the_floor_again(start: Start) -> None:
    handler = start()
    clock = handler.clock
    clock.set_quality(TimeQuality.UNSYNCED)
    absurd = handler.claims("rebirth", ctr=2**62, boot_nonce=handler.outbox.nonces.first)
    assert outcome(handler, absurd) == "done"
    clock.set_quality(TimeQuality.SYNCED)

    def order(handler: CommandRig, *, echoes: bool = False) -> str:
        clock.advance(timedelta(seconds=601))
        nonce = handler.outbox.nonces.newest(clock.boottime_ns()) if echoes else None
        return outcome(handler, handler.claims("rebirth", ctr=microseconds(clock), boot_nonce=nonce))

    assert order(handler) == "counters-unknown"
    assert order(handler, echoes=True) == "done"
    assert [order(handler), order(handler)] == ["done", "done"]
    again = start()
    assert [order(again), order(again)] == ["done", "done"]
    assert outcome(again, absurd) == "ok", "its result is forgotten"
    forget_results(again)
    assert order(again) == "done"


def test_a_low_counter_with_a_fresh_nonce_lets_nothing_pass_again_that_is_forgotten(handler: CommandRig) -> None:
    clock = handler.clock
    first = handler.claims("rebirth", ctr=microseconds(clock))
    assert outcome(handler, first) == "done"
    clock.advance(timedelta(seconds=600))
    forget_results(handler)
    nonce = handler.outbox.nonces.newest(clock.boottime_ns())
    assert outcome(handler, handler.claims("rebirth", ctr=1, boot_nonce=nonce)) == "done"

    clock.step_wall(timedelta(seconds=first["iat"] - clock.wall().timestamp()))
    assert outcome(handler, first) == "replayed"


def test_a_cure_of_one_counter_leaves_those_of_the_other_commands_used(handler: CommandRig) -> None:
    clock = handler.clock
    clock.set_quality(TimeQuality.UNSYNCED)
    absurd = handler.claims("rebirth", ctr=2**62, boot_nonce=handler.outbox.nonces.first)
    usual = handler.claims("rebirth", ctr=microseconds(clock, 3600), boot_nonce=handler.outbox.nonces.first)
    assert [outcome(handler, each) for each in (absurd, usual)] == ["done", "done"]
    clock.set_quality(TimeQuality.SYNCED)
    clock.advance(timedelta(seconds=601))
    nonce = handler.outbox.nonces.newest(clock.boottime_ns())
    assert outcome(handler, handler.claims("rebirth", ctr=microseconds(clock), boot_nonce=nonce)) == "done"
    forget_results(handler)

    assert outcome(handler, anew(handler, usual) | {"boot_nonce": None}) == "replayed"


def test_a_counter_far_ahead_in_a_repetition_locks_out_nobody(handler: CommandRig) -> None:
    claims = handler.claims("rebirth", ctr=microseconds(handler.clock))
    assert [outcome(handler, claims), outcome(handler, claims | {"ctr": 2**62})] == ["done", "ok"]
    handler.clock.advance(timedelta(seconds=601))

    assert outcome(handler, handler.claims("rebirth", ctr=microseconds(handler.clock))) == "done"


@pytest.mark.parametrize("repetitions", [2, 2 * MOST_REPETITIONS])
def test_an_operator_whose_clock_was_wrong_is_not_locked_out_by_her_repetitions_once_it_is_right(
    handler: CommandRig, repetitions: int
) -> None:
    clock = handler.clock
    clock.set_quality(TimeQuality.UNSYNCED)
    absurd = handler.claims("rebirth", ctr=2**62, boot_nonce=handler.outbox.nonces.first)
    assert outcome(handler, absurd) == "done"
    for number in range(repetitions):
        clock.advance(timedelta(seconds=1))
        outcome(handler, absurd | {"ctr": 2**62 + 1 + number})
    clock.set_quality(TimeQuality.SYNCED)

    def order(*, echoes: bool = False) -> str:
        clock.advance(timedelta(seconds=601))
        nonce = handler.outbox.nonces.newest(clock.boottime_ns()) if echoes else None
        return outcome(handler, handler.claims("rebirth", ctr=microseconds(clock), boot_nonce=nonce))

    assert [order(), order(echoes=True), order()] == ["counters-unknown", "done", "done"]
    forget_results(handler)
    assert order() == "done"


def test_a_disk_that_is_found_late_brings_its_commands_and_ends_the_need_of_a_nonce(start: Start) -> None:
    handler = start()
    handler.outbox._has_all_state = False
    handler.handler.restore()
    assert outcome(handler, handler.claims()) == "counters-unknown"

    kept = {"name": "rebirth", "ctr": 2000, "result": None}
    handler.outbox.keep(f"{COMMAND_KEY}key-1/before", json.dumps(kept))
    handler.outbox.keep(CTR_KEY + "key-1", "1500")
    handler.outbox._has_all_state = True
    handler.handler.restore()
    assert outcome(handler, handler.claims("rebirth", cmd_id="before", ctr=9000)) == "unknown-outcome"
    assert outcome(handler, handler.claims("rebirth", ctr=1500)) == "replayed"
    assert outcome(handler, handler.claims("rebirth", ctr=1501)) == "done"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (CTR_KEY + "key-1", "garbage"),
        (COMMAND_KEY + "key-1/c9", "garbage"),
        (COMMAND_KEY + "key-1/c9", '{"name": "ping", "ctr": 1}'),
        (COMMAND_KEY + "key-1/c9", '{"name": "ping", "ctr": 1, "result": {"status": "ok"}}'),
    ],
)
def test_what_is_kept_and_can_not_be_read_is_not_taken_for_nothing(start: Start, key: str, text: str) -> None:
    start().outbox.keep(key, text)
    handler = start()

    assert outcome(handler, handler.claims()) == "counters-unknown"
    assert outcome(handler, handler.claims("rebirth", boot_nonce=handler.outbox.nonces.first)) == "done"


def test_whoever_lives_before_a_camera_is_watched_by_no_loop_of_snapshots(start: Start) -> None:
    """5.8 pictures a second were had so, by anybody with a key, and nothing told of it."""
    handler = start()
    pictures = 0
    for second in range(100):
        handler.order("snapshot", camera="front")
        [result], told = handler.answers()
        pictures += result["code"] == "asked"
        if result["code"] == "asked":
            [asked] = [each for each in told if each["kind"] == "snapshot-asked"]
            assert asked["text"].endswith("asks front for a picture and gives no reason")
        else:
            assert result["code"] == "busy"
            assert "look by live-start" in result["text"]
        handler.clock.advance(timedelta(seconds=1))
        if second % 7 == 0:
            handler = start()  # a restart gives no more
    assert pictures == 10
