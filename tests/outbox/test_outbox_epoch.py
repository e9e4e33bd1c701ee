"""The name of a count of numbers: the same as long as the device remembers anything, and a new one when it does not."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from agent.runtime.uplink.announcer import Announcer
from agent.sim.clock import SimClock
from tests.support.context import make_context
from tests.support.drafts import alarm, body, killed, open_outbox, taken, write
from tests.support.message_table import META

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
