"""Whether a device is there, over two brokers, epochs, wills and silence."""

from edge_centre.library import Notice, Presence, PresenceChanged
from tests.support.made_up import HEALTH_JSON, SOURCE, World, envelope


def presences(found: list[Notice]) -> list[Presence]:
    return [each.presence for each in found if isinstance(each, PresenceChanged)]


def test_a_device_comes_goes_in_order_and_is_lost() -> None:
    world = World()
    assert presences(world.state("online", 1, 1)) == [Presence.ONLINE]
    assert presences(world.state("offline", 1, 5)) == [Presence.OFFLINE]
    assert presences(world.state("lost", 1, 1, id="will-1")) == []
    assert presences(world.state("online", 2, 6)) == [Presence.ONLINE]
    assert presences(world.state("lost", 2, 5, id="will-2")) == [Presence.LOST]


def test_a_will_with_a_lower_bdseq_than_the_newest_online_is_old() -> None:
    world = World()
    world.state("online", 7, 1)
    world.state("online", 8, 9, broker="b")
    assert world.state("lost", 7, 0, id="will-7") == []
    assert world.consumer.devices[SOURCE].presence is Presence.ONLINE


def test_a_broker_that_kept_its_last_online_says_nothing_new() -> None:
    world = World()
    world.state("online", 7, 1)
    world.state("online", 8, 9, broker="b")
    world.state("offline", 8, 12, broker="b")
    assert world.state("online", 7, 1, id="forgotten", retain=True) == []
    assert world.consumer.devices[SOURCE].presence is Presence.OFFLINE


def test_the_bdseq_of_a_new_epoch_begins_again() -> None:
    world = World()
    world.state("online", 900, 5000)
    world.state("lost", 900, 4999, id="will-900")
    assert presences(world.state("online", 1, 1, epoch="e2")) == [Presence.ONLINE]
    assert world.state("lost", 901, 9000) == []


def test_a_new_start_of_the_agent_is_told_even_when_nobody_saw_the_end_of_the_old_one() -> None:
    world = World()
    world.state("online", 1, 1)
    assert world.state("online", 2, 2) == [], "the same agent on a new connection"
    [found] = world.state("online", 3, 3, start="s2")
    assert isinstance(found, PresenceChanged)
    assert (found.before, found.presence, found.restarted) == (Presence.ONLINE, Presence.ONLINE, True)


def test_silence_for_two_reports_of_health_is_told_and_ends_with_a_word() -> None:
    world = World()
    world.state("online", 1, 1)
    assert presences(world.wait(173)) == []
    assert presences(world.wait(1)) == [Presence.SILENT]
    assert presences(world.wait(600)) == []
    assert presences(world.health(2)) == [Presence.ONLINE]


def test_the_interval_is_that_of_the_device() -> None:
    world = World()
    world.state("online", 1, 1)
    for number in range(5):
        world.health(2 + number, monoms=number * 10_000)
        world.wait(10)
    assert presences(world.wait(12)) == []
    assert presences(world.wait(3)) == [Presence.SILENT]


def test_neither_a_will_nor_what_a_broker_has_kept_is_a_word_of_the_device() -> None:
    world = World()
    world.state("online", 1, 1, retain=True)
    world.wait(163)
    world.open(2, retain=True)
    world.hear("state", envelope("state.v1", {"state": "lost"}, 1, id="broken"))
    assert presences(world.wait(20)) == [Presence.SILENT]


def test_while_we_hear_no_broker_the_silence_is_ours() -> None:
    world = World()
    world.state("online", 1, 1)
    world.consumer.connection("a", up=False, now_s=world.now_s)
    assert world.wait(600) == []
    world.consumer.connection("b", up=True, now_s=world.now_s)
    assert presences(world.wait(172)) == []
    assert presences(world.wait(2)) == [Presence.SILENT]


def test_who_was_shut_down_or_lost_is_not_silent() -> None:
    world = World()
    world.state("online", 1, 1)
    world.state("offline", 1, 2)
    assert presences(world.wait(600)) == []


def test_a_clock_of_1970_changes_nothing_but_the_trust_in_its_time() -> None:
    world = World()
    world.alarm(1, stage="raised")
    found = world.consumer.hear(
        "a",
        "edge/v1/gp/park-station/kiosk-1/up/health",
        envelope("health.v1", HEALTH_JSON, 2, time="1970-01-01T00:00:09.000Z", timeq="unsynced"),
        False,
        1.0,
    )
    message = found[0].message  # type: ignore[union-attr]
    assert message.trusted_time is None
    assert message.heard_s == 1.0
    first = world.all[0].message  # type: ignore[union-attr]
    assert first.trusted_time == "2026-01-01T00:00:00.000Z"


def test_the_newest_nonce_is_that_of_the_highest_number_and_not_of_the_last_to_come() -> None:
    world = World()
    world.health(5)
    world.health(3)
    device = world.consumer.devices[SOURCE]
    assert device.nonce == "e1-n5"
    world.health(6, nonce=None)
    assert device.nonce == "e1-n5"
    world.health(1, epoch="e2", nonce="fresh")
    assert device.nonce == "fresh"
    world.health(7, epoch="e1", nonce="stale")
    assert device.nonce == "fresh"


def test_a_device_that_speaks_and_whose_state_was_not_heard_is_asked_for_it() -> None:
    world = World()
    world.alarm(5)
    assert world.consumer.rebirths(world.now_s) == []
    world.wait(5)
    assert world.consumer.rebirths(world.now_s) == [SOURCE]
    world.health(6)
    world.wait(60)
    assert world.consumer.rebirths(world.now_s) == [], "a device that refuses it is not pestered"
    world.wait(540)
    assert world.consumer.rebirths(world.now_s) == [SOURCE]

    other = World()
    other.state("online", 1, 1, retain=True)
    other.alarm(5)
    other.wait(5)
    assert other.consumer.rebirths(other.now_s) == []
