"""The judge of losses, tried on a loss."""

from pathlib import Path

from tests.campaigns.week.holes import listen
from tests.support.drafts import FACTORY, alarm, health, open_outbox, taken
from tests.support.message_table import STATE
from tests.support.sim_clock import SimClock


def test_a_message_that_is_left_out_is_found_and_one_that_comes_late_is_a_false_hole(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "store", SimClock())
    outbox.put(FACTORY.state(STATE))
    heard = taken(outbox)
    for number in range(4):
        outbox.put(alarm(f"01a21900-ec59-7166-aa19-{number:012d}"))
        heard += taken(outbox)
    outbox.put(health())
    heard += taken(outbox)
    rows = [(float(at), message.topic, message.payload) for at, message in enumerate(heard)]

    outbox.close()

    assert listen(rows).lost == set()
    gone, late = listen([*rows[:2], *rows[3:]]), listen([*rows[:2], *rows[3:], (60.0, *rows[2][1:])])
    assert (gone.lost, gone.false, gone.unreadable) == ({2}, set(), [])
    assert (late.lost, late.false) == ({2}, {2})
    assert gone.faults(0) == ["1 numbers of the record are lost that nobody gave up"]
    assert late.faults(9) == ["1 numbers of the record were taken for lost, and were not"]
