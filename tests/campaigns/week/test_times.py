"""The judge of the times sees a correction that is missing or wrong, and excuses what nobody could have seen."""

from datetime import timedelta
from typing import Any

from tests.campaigns.chaos.ledger import Arrival
from tests.campaigns.week.chronicle import Chronicle
from tests.campaigns.week.schedule import Span
from tests.campaigns.week.times import judge_times
from tests.campaigns.week.wall import Wall

LATE_S = 3600.0


def message(wall: Wall, **data: Any) -> Arrival:
    """As it is made now."""
    envelope = {
        "type": "edge.event.time-correction.v1" if data else "edge.health.v1",
        "bootid": wall.clock.boot_id,
        "monoms": round(wall.now_s * 1000),
        "time": wall.clock.wall().isoformat(),
        "data": data,
    }
    return Arrival(0, "", False, envelope)


def faults(*, told_s: float | None, life: Span) -> list[str]:
    """A message by a clock that is late, which is set right after a minute; a second later that is told or not."""
    wall, chronicle = Wall(1), Chronicle()
    chronicle.lived(life)
    wall.set_wrong(f"lies {-LATE_S}")
    messages = [message(wall)]
    wall.clock.advance(timedelta(seconds=60))
    wall.set_right()
    wall.clock.advance(timedelta(seconds=1))
    if told_s is not None:
        messages.append(message(wall, boot_id=wall.clock.boot_id, offset_ms=round(told_s * 1000)))
    return [*judge_times(messages, wall, chronicle)]


def test_a_correction_that_is_right_is_right() -> None:
    assert faults(told_s=LATE_S, life=Span("end", -10, 100)) == []


def test_one_that_is_wrong_or_missing_is_seen() -> None:
    assert len(faults(told_s=-LATE_S, life=Span("end", -10, 100))) == 1
    assert len(faults(told_s=None, life=Span("end", -10, 100))) == 1


def test_a_step_that_no_agent_has_lived_to_see_is_excused() -> None:
    assert faults(told_s=None, life=Span("kill", -10, 61)) == []
