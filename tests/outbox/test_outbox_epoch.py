"""The name of a count of numbers: the same as long as the device remembers anything, and a new one when it does not."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from agent.outbox.outbox import HISTORICAL_S
from agent.runtime.uplink.announcer import Announcer
from edge_centre.library.consumer import Consumer
from edge_centre.library.notices import AlarmChanged
from tests.support.context import make_context
from tests.support.drafts import alarm, body, event, killed, open_outbox, taken, write
from tests.support.message_table import META
from tests.support.sim_clock import SimClock

CLOCK = SimClock()


def said(directory: Path, clock: SimClock = CLOCK, *, left: Callable[[Path], object] = bool) -> tuple[str, int]:
    """Epoch and number of the one message of a run, all of whose messages agree; `left` sees what a kill leaves."""
    outbox = open_outbox(directory, clock)
    announcer = Announcer(context=make_context(outbox, clock), outbox=outbox, meta=META, config_revision="r")
    outbox.put(alarm())
    announcer.birth()
    will = body(announcer.will())
    write(outbox)
    first, *others = [body(message) for message in taken(outbox)]
    left(directory)
    outbox.close()
    states = [each["data"]["epoch"] for each in (will, *others) if each["type"] == "edge.state.v1"]
    assert {first["epoch"]} == {each["epoch"] for each in (will, *others)} == set(states)
    return first["epoch"], first["seq"]


def test_it_survives_a_restart_a_kill_and_a_power_cut(tmp_path: Path) -> None:
    first, _ = said(tmp_path / "store", left=partial(killed, to=tmp_path / "killed"))
    after_kill, _ = said(tmp_path / "killed")
    (tmp_path / "killed" / "black-box").unlink(missing_ok=True)
    after_cut, _ = said(tmp_path / "killed", SimClock(boot_id="0" * 36))

    assert {first, after_kill, after_cut, said(tmp_path / "store")[0]} == {first}


def test_an_empty_store_counts_from_1_under_a_new_one(tmp_path: Path) -> None:
    first = said(tmp_path / "store")
    shutil.rmtree(tmp_path / "store")
    again = said(tmp_path / "store")

    assert first[0] != again[0]
    assert first[1] == again[1] == 1


@pytest.mark.parametrize("name", ["alarms.db", "telemetry.db"])
def test_one_database_is_enough_to_remember_it(tmp_path: Path, name: str) -> None:
    first, number = said(tmp_path / "store")
    (tmp_path / "store" / name).write_bytes(b"no database" * 1000)

    again, later = said(tmp_path / "store")

    assert again == first
    assert later > number


def test_the_late_press_on_a_copy_that_is_bound_in_the_originals_place_is_not_taken_for_what_the_original_has_told(
    tmp_path: Path,
) -> None:
    card, copy, centre = tmp_path / "card", tmp_path / "copy", Consumer()
    original = open_outbox(card, CLOCK, serials=["board-1"])
    write(original)
    original.close()
    shutil.copytree(card, copy)
    original = open_outbox(card, CLOCK, serials=["board-1"])
    for number in range(5):
        original.put(event(f"e{number}"))
    for message in taken(original):
        centre.hear("a", message.topic, message.payload, False, 1.0)
    original.close()

    clock = SimClock(boot_id="0" * 36)
    bound = open_outbox(copy, clock, serials=["board-2"])
    bound.put(alarm())
    clock.advance(timedelta(seconds=HISTORICAL_S + 1))
    [late] = taken(bound)
    told = centre.hear("a", late.topic, late.payload, False, 2.0)
    bound.close()
    assert [each.alarm.data.alarm_id for each in told if isinstance(each, AlarmChanged)] == ["a1"]
    [device] = centre.devices.values()
    assert device.nonce == body(late)["nonce"], "an ack must echo it"


@pytest.mark.parametrize("now", [(), ("board-1",), ("board-1-by-new-firmware", "board-1")])
def test_it_stays_with_its_board_also_when_that_gets_a_second_serial_number_or_says_none(
    tmp_path: Path, now: tuple[str, ...]
) -> None:
    epochs = []
    for serials in (("board-1",), now, ("board-1",)):
        outbox = open_outbox(tmp_path, CLOCK, serials=serials)
        write(outbox)
        epochs.append(outbox.epoch)
        outbox.close()
    assert len(set(epochs)) == 1
