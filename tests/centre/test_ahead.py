"""An alarm that comes by its own session, ahead of what its device said before; the first session brings it again."""

from typing import Any

from edge_centre.library import AlarmChanged, AlarmLost, EpochChanged, HoleFound, Mark, Notice
from tests.support.made_up import SOURCE, World, is_duplicate

BACKLOG_S = 60


def pressed(world: World, number: int, *, ahead: bool, epoch: str = "e1", done: int | None = None) -> list[Notice]:
    head: dict[str, Any] = {
        "epoch": epoch,
        "record": number,
        "recordtop": number,
        "recorddone": number - 1 if done is None else done,
    }
    return world.alarm(number, f"a-{epoch}", ahead=ahead, **head)


def test_what_waits_behind_an_alarm_is_not_missing_and_the_alarm_is_told_once() -> None:
    world = World(marks={SOURCE: Mark("e1", 1)})
    assert [type(each) for each in pressed(world, 12, ahead=True)] == [AlarmChanged]
    assert world.wait(BACKLOG_S) == []
    for number in range(2, 12):
        assert world.event(number, number, number - 1) == []
    assert is_duplicate(pressed(world, 12, ahead=False))
    assert world.wait(BACKLOG_S) == []
    assert world.consumer.marks()[SOURCE] == Mark("e1", 12)


def test_what_really_is_missing_is_told_once_the_first_session_has_come_so_far() -> None:
    world = World(marks={SOURCE: Mark("e1", 1)})
    pressed(world, 4, ahead=True)
    world.event(2, 2, 1)
    assert is_duplicate(pressed(world, 4, ahead=False))
    assert [each for each in world.wait(BACKLOG_S) if isinstance(each, HoleFound)] == [HoleFound(SOURCE, 3, 3)]


def test_who_begins_with_an_alarm_counts_what_had_waited_behind_it() -> None:
    world = World()
    pressed(world, 4, ahead=True)
    world.event(1, 1, 0)
    world.event(3, 3, 2)
    assert HoleFound(SOURCE, 2, 2) in world.wait(BACKLOG_S)


def test_an_alarm_of_a_new_memory_is_not_lost_to_the_old_one_that_waits_behind_it() -> None:
    world = World()
    pressed(world, 5, ahead=True, epoch="e2", done=0)
    for number in (7, 8):
        world.event(number, number, number - 1, epoch="e1")
    world.event(4, 4, 3, epoch="e2")
    assert is_duplicate(pressed(world, 5, ahead=False, epoch="e2"))
    told = world.wait(BACKLOG_S)
    assert not any(isinstance(each, AlarmLost | EpochChanged) for each in [*world.all, *told])
    assert world.open_stages == {"a-e2": "raised"}
    assert EpochChanged(SOURCE, "e3") in world.event(1, 1, 0, epoch="e3"), "which came after all that"


def test_what_waits_behind_an_alarm_puts_off_nothing() -> None:
    """The moment at which it raises itself again is by the newest word of the device's own clock."""
    world = World()
    world.wait(BACKLOG_S)
    world.alarm(50, stage="registered", raises_again_monoms=80_000, ahead=True)
    alarm = world.consumer.open_alarms()[0]
    device = world.consumer.devices[SOURCE]
    assert device.raises_again_s(alarm) == world.now_s + 30
    world.event(20, 20, 19)
    assert device.raises_again_s(alarm) == world.now_s + 30
