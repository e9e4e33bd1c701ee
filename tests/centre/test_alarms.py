"""The alarms as a centre must see them, whatever order, broker or epoch their messages come by."""

from functools import partial

import pytest

from agent.contract.lamps import IDLE, PRESSED, Pattern
from agent.contract.messages import ResultData
from edge_centre.library import (
    AlarmChanged,
    AlarmLost,
    AlarmReopened,
    EpochChanged,
    HoleFound,
    Notice,
    Replay,
    Unreadable,
)
from edge_centre.library.alarms import LOST_AFTER_S, MOST_OPEN
from edge_centre.library.kept_lists import DECIDED_AFTER_S
from tests.support.drafts import alarm_data
from tests.support.made_up import HEALTH_JSON, SOURCE, World, alarm_json, envelope


def stages(found: list[Notice]) -> list[str]:
    return [each.alarm.data.stage.value for each in found if isinstance(each, AlarmChanged)]


def test_the_newest_stage_counts_and_not_the_one_that_came_last() -> None:
    world = World()
    assert stages(world.alarm(2)) == ["raised"]
    assert stages(world.alarm(5, stage="registered")) == ["registered"]
    assert stages(world.alarm(3, stage="sent")) == []
    assert world.open_stages == {"a1": "registered"}
    assert stages(world.alarm(8, stage="closed")) == ["closed"]
    assert stages(world.alarm(7, stage="dispatched")) == []
    assert world.open_stages == {}


def test_a_word_that_overtook_the_first_is_a_new_alarm_and_the_first_changes_nothing() -> None:
    world = World()
    [found] = world.alarm(5, stage="delayed")
    assert isinstance(found, AlarmChanged)
    assert (found.before, found.rings) == (None, True)
    assert world.alarm(4) == []


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


@pytest.mark.parametrize(
    ("fields", "may"),
    [({}, True), ({"status": "test"}, False), ({"status": "exercise"}, False), ({"input": "self-test"}, False)],
)
def test_only_an_actual_alarm_may_send_somebody_out(fields: dict[str, str], may: bool) -> None:
    world = World()
    world.alarm(1, **fields)
    assert [alarm.may_send_somebody for alarm in world.consumer.open_alarms()] == [may]


def test_a_list_tells_of_alarms_whose_own_messages_did_not_come_and_repeats_nothing() -> None:
    world = World()
    assert stages(world.open(1, alarm_data("a1"), retain=True)) == ["raised"]
    assert stages(world.open(3, alarm_data("a1"))) == []
    assert stages(world.open(4, alarm_data("a1", stage="sent"), alarm_data("a2"))) == ["sent", "raised"]
    assert world.open(2, retain=True) == []
    assert set(world.open_stages) == {"a1", "a2"}


def test_an_alarm_that_vanishes_without_a_close_is_lost_and_stays_open_until_a_person_has_found_out() -> None:
    world = World()
    world.alarm(1)
    assert world.open(2) == []
    assert world.wait(LOST_AFTER_S - 0.5) == []
    [lost] = world.wait(1)

    assert isinstance(lost, AlarmLost)
    assert lost.alarm.lost == "vanished"
    assert world.open_stages == {"a1": "raised"}
    device = world.consumer.devices[SOURCE]
    assert device.lamps == IDLE, "no lamp shows it"
    assert world.open(9) == world.wait(60) == [], "it is told once"
    device.settle("a1")
    assert world.open_stages == {}


def test_an_alarm_whose_close_comes_after_the_list_is_not_lost() -> None:
    world = World()
    world.alarm(1)
    world.open(3)
    world.wait(2)
    assert stages(world.alarm(2, stage="closed")) == ["closed"]
    assert world.wait(60) == []


def test_an_alarm_that_comes_late_and_that_the_newest_list_does_not_know_is_lost_too() -> None:
    world = World()
    world.open(9)
    assert stages(world.alarm(4)) == ["raised"]
    assert [type(each) for each in world.wait(9)] == [AlarmLost]


def test_a_lost_alarm_that_speaks_again_is_an_alarm_like_any_other() -> None:
    world = World()
    world.alarm(1)
    world.open(2)
    world.wait(9)
    [found] = world.alarm(3)
    assert isinstance(found, AlarmChanged)
    assert (found.alarm.lost, found.before is not None and found.before.lost) == ("", "vanished")


def test_the_alarm_of_a_self_test_is_in_no_list_and_is_not_missed() -> None:
    world = World()
    world.alarm(1, input="self-test", status="test")
    world.open(2)
    assert world.wait(60) == []
    assert world.consumer.devices[SOURCE].lamps == IDLE


def two_lists(first: str = "old") -> World:
    """One broker has kept an old list with an alarm in it, another one a newer list without it. The device is there."""
    world = World(brokers=("a", "b"))
    world.state("online", 1, 4, retain=True, recordtop=4, recorddone=4)
    old = partial(world.open, 5, alarm_data("a1"), broker="b", retain=True, recordtop=4, recorddone=4)
    new = partial(world.open, 9, retain=True, recordtop=6, recorddone=6)
    for bring in (old, new) if first == "old" else (new, old):
        assert bring() == []
    return world


def asked(world: World) -> list[Replay]:
    return list(world.consumer.replays(world.now_s))


def replayed(world: World, asked_for: Replay) -> list[Notice]:
    """The device has sent what it has of it."""
    result = ResultData(
        command_id="c", name="replay", status="succeeded", code="ok", text="", output={"missing": [], "count": 0}
    )
    return world.consumer.replayed(asked_for, result, world.now_s)


@pytest.mark.parametrize("first", ["old", "new"])
def test_an_operator_is_not_called_for_what_only_an_older_list_has_and_its_close_is_asked_for(first: str) -> None:
    world = two_lists(first)
    assert world.wait(5) == [HoleFound(SOURCE, 5, 6)]
    assert world.open_stages == {}, "the newer list decides"
    [replay] = asked(world)
    assert (replay.first, replay.last) == (5, 6)
    assert stages(world.alarm(6, stage="registered", historical=True, record=5)) == []
    world.wait(8)
    assert stages(world.alarm(8, stage="closed", historical=True, record=6)) == ["closed"]
    assert replayed(world, replay) == []
    assert world.wait(60) == []
    assert (world.open_stages, asked(world)) == ({}, [])


def test_somebody_who_pressed_is_not_forgotten_where_the_device_has_lost_the_alarm_and_no_close_of_it() -> None:
    world = two_lists()
    world.wait(5)
    [replay] = asked(world)
    world.event(7, 5, 6, historical=True)
    world.event(8, 6, 6, historical=True)
    replayed(world, replay)
    assert world.wait(9) == []
    [lost] = world.wait(2)
    assert isinstance(lost, AlarmLost)
    assert lost.alarm.lost == "vanished", "all that the device has said since has come"
    assert set(world.open_stages) == {"a1"}


def test_what_only_an_older_list_has_is_shown_as_lost_while_its_device_can_not_be_asked_and_closed_later() -> None:
    world = two_lists()
    world.state("lost", 1, 4, retain=True, id="will")
    [hole, lost] = world.wait(20)
    assert isinstance(hole, HoleFound)
    assert isinstance(lost, AlarmLost)
    assert lost.alarm.lost == "unheard"
    assert asked(world) == []
    world.state("online", 2, 10, recordtop=6, recorddone=6)
    [replay] = asked(world)
    assert stages(world.alarm(8, stage="closed", historical=True, record=6)) == ["closed"]
    replayed(world, replay)
    assert world.open_stages == {}


def test_a_real_call_waits_for_no_dead_broker_longer_than_an_instant() -> None:
    world = World(brokers=("a", "b"))
    assert world.open(5, alarm_data("a1"), retain=True) == []
    world.now_s = DECIDED_AFTER_S - 0.1
    assert (world.consumer.decide(world.now_s), world.consumer.is_undecided) == ([], True)
    world.now_s = DECIDED_AFTER_S
    assert (stages(world.consumer.decide(world.now_s)), world.consumer.is_undecided) == (["raised"], False)
    assert DECIDED_AFTER_S < 1


def test_a_real_call_waits_no_longer_than_for_the_lists_of_all_brokers() -> None:
    world = World(brokers=("a", "b"))
    assert world.open(9, alarm_data("a1"), retain=True) == []
    assert stages(world.open(5, broker="b", retain=True)) == ["raised"]
    assert world.open_stages == {"a1": "raised"}


def test_a_call_that_comes_while_lists_are_compared_rings_at_once() -> None:
    world = World(brokers=("a", "b"))
    world.open(5, alarm_data("a1"), retain=True)
    assert stages(world.alarm(6, "a1", stage="delayed")) == ["delayed"]
    assert stages(world.open(7, alarm_data("a1", stage="delayed"), alarm_data("a2"))) == ["raised"]
    assert world.wait(60) == []
    assert set(world.open_stages) == {"a1", "a2"}


def test_a_list_that_turns_out_to_be_the_older_one_calls_nobody_any_longer() -> None:
    """The other broker was too slow to be waited for."""
    world = World(brokers=("a", "b"))
    world.state("online", 1, 4, retain=True, recordtop=4, recorddone=4)
    world.open(5, alarm_data("a1"), broker="b", retain=True, recordtop=4, recorddone=4)
    assert stages(world.wait(3)) == ["raised"]
    world.open(9, retain=True, recordtop=6, recorddone=6)
    [lost] = world.wait(0.5)
    assert isinstance(lost, AlarmLost)
    assert lost.alarm.lost == "unheard"
    world.wait(5)
    assert [(each.first, each.last) for each in asked(world)] == [(5, 6)]
    assert stages(world.alarm(8, stage="closed", historical=True, record=6)) == ["closed"]


def test_a_live_list_without_an_alarm_that_was_known_from_a_kept_one_does_not_silence_it() -> None:
    world = World(brokers=("a",))
    assert stages(world.open(5, alarm_data("a1"), retain=True)) == ["raised"]
    world.open(9)
    assert world.wait(14) == []
    [lost] = world.wait(2)
    assert isinstance(lost, AlarmLost)
    assert lost.alarm.lost == "vanished"


@pytest.mark.parametrize("first", ["old", "new"])
def test_a_list_of_an_older_epoch_at_another_broker_hides_no_call_and_makes_none(first: str) -> None:
    world = World(brokers=("a", "b"))
    day = "2026-01-0{}T00:00:00.000Z"
    old = partial(world.open, 900, alarm_data("a1"), broker="b", retain=True, epoch="e1", time=day.format(1))
    new = partial(world.open, 3, alarm_data("a2"), retain=True, epoch="e2", time=day.format(2))
    found = [each for bring in ((old, new) if first == "old" else (new, old)) for each in bring()]
    assert [each.alarm.alarm_id for each in found if isinstance(each, AlarmChanged)] == ["a2"]
    [lost] = [each for each in world.wait(60) if isinstance(each, AlarmLost)]
    assert (lost.alarm.alarm_id, lost.alarm.lost) == ("a1", "unheard")


def test_an_operator_whose_connections_were_all_lost_is_not_called_for_what_was_closed_meanwhile() -> None:
    world = World(brokers=("a", "b"))
    world.consumer.connection("b", up=True, now_s=0.0)
    world.open(5, retain=True, broker="b")
    world.open(4, retain=True)
    for up in (False, True):
        for broker in "ab":
            world.consumer.connection(broker, up, now_s=1.0)
    assert world.open(8, alarm_data("a1"), broker="b", retain=True) == []
    assert world.open(12, retain=True) == []
    assert world.open_stages == {}


def test_lists_that_are_far_apart_are_not_asked_about_and_the_alarm_is_lost() -> None:
    world = World(brokers=("a", "b"))
    world.state("online", 1, 4, retain=True)
    world.open(5, alarm_data("a1"), broker="b", retain=True, recordtop=4, recorddone=4)
    world.open(9000, retain=True, recordtop=5000, recorddone=5000)
    [lost] = world.wait(20)
    assert isinstance(lost, AlarmLost)
    assert lost.alarm.lost == "unheard"
    assert asked(world) == []


@pytest.mark.parametrize(("presses", "since"), [(2, 0), (3, 1)])
def test_a_closed_alarm_that_speaks_again_is_open_and_it_is_told_whether_somebody_has_pressed_since(
    presses: int, since: int
) -> None:
    world = World()
    world.alarm(1, press_count=2)
    world.alarm(2, stage="closed", press_count=2)
    [found] = world.alarm(3, stage="registered", press_count=presses)

    assert isinstance(found, AlarmReopened)
    assert (found.presses, found.closed.data.press_count) == (since, 2)
    assert world.open_stages == {"a1": "registered"}


def test_a_closed_alarm_whose_older_messages_come_late_stays_closed() -> None:
    world = World()
    world.alarm(9, stage="closed")
    assert world.alarm(8, stage="registered") == []
    assert world.open(7, alarm_data("a1")) == []
    assert world.open_stages == {}


def test_a_close_after_a_further_press_leaves_the_alarm_open() -> None:
    world = World()
    world.alarm(1)
    world.alarm(2, press_count=2, reraised=1)
    assert world.alarm(1, id="again", stage="closed") == []
    assert world.open_stages == {"a1": "raised"}


def test_after_a_new_epoch_an_alarm_of_the_old_one_is_lost_unless_the_device_tells_of_it() -> None:
    world = World()
    world.alarm(900)
    world.alarm(901, "a2")
    assert type(world.state("online", 1, 1, epoch="e2")[0]) is EpochChanged
    world.alarm(2, "a2", epoch="e2", stage="sent")
    [lost] = world.wait(9)

    assert isinstance(lost, AlarmLost)
    assert (lost.alarm.alarm_id, lost.alarm.lost) == ("a1", "epoch")
    assert world.open_stages == {"a1": "raised", "a2": "sent"}
    assert world.alarm(999, "a2", stage="closed") == [], "what the old epoch says is older than all of the new one"


def test_a_retained_message_of_another_epoch_does_not_begin_one() -> None:
    world = World()
    world.alarm(5)
    assert world.open(900, retain=True, epoch="e0") == []
    assert world.wait(60) == []
    world.state("online", 1, 1, epoch="e0", retain=True)
    assert any(isinstance(each, EpochChanged) for each in world.health(2, epoch="e0")), "until it speaks"


def test_the_will_of_an_epoch_that_is_over_does_not_begin_it_again() -> None:
    world = World()
    world.state("online", 1, 1, epoch="e2")
    world.alarm(2, epoch="e2")
    assert world.state("lost", 900, 5000, epoch="e1", id="will") == []
    assert world.alarm(3, epoch="e2", stage="registered") != []
    assert world.open_stages == {"a1": "registered"}


def test_what_has_no_epoch_does_not_count() -> None:
    world = World()
    world.alarm(1, input="self-test", status="test")
    assert world.alarm(0, "a1", input="self-test", status="test", stage="closed", epoch="", id="probe") == []
    assert world.open_stages == {"a1": "raised"}


def test_the_lamps_are_those_of_the_alarm_that_is_worst_off_and_no_silent_one_shows() -> None:
    world = World()
    world.alarm(1, stage="sent", silent=True)
    device = world.consumer.devices[SOURCE]
    assert device.lamps == IDLE
    world.alarm(2, "a2", stage="registered")
    assert device.lamps.green is Pattern.ON
    world.alarm(3, "a3", stage="sent")
    assert device.lamps == PRESSED


def test_a_device_with_more_open_alarms_than_a_kiosk_can_have_is_reported() -> None:
    world = World()
    for number in range(MOST_OPEN):
        world.alarm(number + 1, f"a{number}")
    found, *_ = world.alarm(MOST_OPEN + 1, "one-more")
    assert isinstance(found, Unreadable)
    assert len(world.consumer.open_alarms()) == MOST_OPEN
    assert stages(world.alarm(MOST_OPEN + 2, "a0", stage="closed")) == ["closed"]
    assert stages(world.alarm(MOST_OPEN + 3, "another")) == ["raised"]


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


def test_closed_alarms_are_forgotten_in_the_end() -> None:
    world = World()
    for number in range(400):
        world.alarm(number + 1, f"a{number}", stage="closed")
    assert len(world.consumer.devices[SOURCE]._alarms._entries) == 200


def test_an_older_list_that_comes_late_does_not_find_an_alarm_again_that_the_newest_has_not() -> None:
    world = World()
    world.alarm(1)
    world.open(9)
    world.open(4, alarm_data("a1"))
    assert [type(each) for each in world.wait(9)] == [AlarmLost]


def test_what_a_late_disk_brings_of_an_older_epoch_does_not_begin_one() -> None:
    world = World()
    world.state("online", 1, 1, epoch="e2")
    world.alarm(2, "a2", epoch="e2", record=1)
    late = alarm_json("a1", historical=True, stage="closed")
    found = world.hear("alarm/police", envelope("alarm.closed.v1", late, 900, epoch="e1", nonce="e2-n2", record=70))
    assert not any(isinstance(each, EpochChanged) for each in found)
    world.alarm(3, "a3", epoch="e2", record=2)
    assert world.wait(9) == []
    assert world.open_stages == {"a2": "raised", "a3": "raised"}


def test_whoever_asks_when_an_alarm_raises_itself_again_needs_no_right_clock() -> None:
    world = World()

    def due_s() -> float | None:
        [alarm] = world.consumer.open_alarms()
        return world.consumer.devices[SOURCE].raises_again_s(alarm)

    moment = 1_000_000
    world.now_s = 70.0
    answered = alarm_data(stage="dispatched", raises_again_monoms=moment)
    world.open(100, answered, retain=True)
    assert due_s() is None, "what is retained may be old"
    world.hear("health", envelope("health.v1", HEALTH_JSON, 600))
    assert due_s() == 70 + 400
    world.now_s = 90.0
    late = envelope("alarm.updated.v1", alarm_json(stage="dispatched", historical=True), 610, monoms=1_000)
    world.hear("alarm/police", late)
    assert due_s() is None, "a version that does not say it"
    world.alarm(620, stage="dispatched", raises_again_monoms=moment)
    assert due_s() == 90 + 380
    world.alarm(621, stage="raised", reraised=1)
    assert due_s() is None


def test_a_moment_of_the_boot_before_counts_no_more() -> None:
    world = World()
    world.alarm(1, stage="registered", raises_again_monoms=181_000)
    [alarm] = world.consumer.open_alarms()
    device = world.consumer.devices[SOURCE]
    assert device.raises_again_s(alarm) == 180
    world.hear("health", envelope("health.v1", HEALTH_JSON, 2, bootid="boot-2"))
    assert device.raises_again_s(alarm) is None


def test_an_ack_that_only_puts_the_raise_off_is_a_change_although_the_list_alone_tells_it() -> None:
    world = World()
    world.alarm(1, stage="registered", raises_again_monoms=181_000)
    [changed] = world.open(2, alarm_data(stage="registered", raises_again_monoms=200_000))
    assert isinstance(changed, AlarmChanged)
    assert not changed.rings
