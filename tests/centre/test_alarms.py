"""When an alarm calls people, and what a flood of them leaves room for; `tests/vectors/` has the rest."""

from edge_centre.library import AlarmChanged, Notice
from edge_centre.library.alarms import MOST_OPEN
from tests.support.made_up import World


def stages(found: list[Notice]) -> list[str]:
    return [each.alarm.data.stage.value for each in found if isinstance(each, AlarmChanged)]


def test_an_alarm_rings_when_it_is_new_however_late_and_when_it_raises_itself_again() -> None:
    world = World()

    def rings(found: list[Notice]) -> bool:
        return any(isinstance(each, AlarmChanged) and each.rings for each in found)

    assert rings(world.alarm(1))
    assert not rings(world.alarm(2, stage="registered"))
    assert not rings(world.alarm(3, stage="registered", press_count=2))
    assert rings(world.alarm(4, stage="raised", reraised=1))
    assert not rings(world.alarm(5, stage="registered", reraised=1))
    assert rings(world.alarm(6, "a2", historical=True))
    assert set(world.open_stages) == {"a1", "a2"}, "an open alarm that is late is still an open alarm"


def test_whoever_presses_at_a_kiosk_that_floods_is_heard_and_nobody_who_has_an_alarm_loses_it() -> None:
    world = World()
    world.alarm(1, "first")
    world.alarm(
        2, "taken", stage="registered", held_by={"issuer": "jhb", "by": "Thandi", "at": "2026-01-01T00:00:00.000Z"}
    )
    for number in range(2 * MOST_OPEN):
        world.alarm(number + 3, f"a{number}")
    at = 2 * MOST_OPEN + 3
    assert stages(world.alarm(at, "fire", input="fire")[1:]) == ["raised"]
    known = [alarm.data.alarm_id for alarm in world.consumer.open_alarms()]
    assert len(known) == MOST_OPEN
    assert known[:2] == ["first", "taken"]
    assert known[-2:] == [f"a{2 * MOST_OPEN - 1}", "fire"]
    # As many buttons as alarms: then the oldest count, as nothing tells them from a flood.
    for number in range(MOST_OPEN, 2 * MOST_OPEN):
        world.alarm(at + 1 + number, f"b{number}", input=f"b{number}")
    assert "first" in [alarm.data.alarm_id for alarm in world.consumer.open_alarms()]
