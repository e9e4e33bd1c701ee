"""Who looks, the pictures they get, and what the record has of it."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.contract.live import MAX_BYTES
from agent.contract.vocabulary import Severity
from tests.support.drafts import IDENTITY, alarm
from tests.support.live_rig import BOSS, JPEG, SIPHO, THANDI, WHY, LiveRig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[LiveRig]:
    rig = LiveRig(tmp_path / "store")
    yield rig
    rig.close()


def test_a_look_is_in_the_record_on_the_disk_before_its_first_picture_leaves_and_its_end_tells_how_many_did(
    rig: LiveRig,
) -> None:
    live = rig.look(camera="front", fps=2, lease_s=10)
    rig.passes(12)

    [began], [ended] = rig.told("started"), rig.told("stopped")
    whose = {"live": live, "camera": "front", "issuer": "room", "by": "Thandi", "role": "operator", "reason": WHY}
    whose |= {"rung": "pictures"}
    assert began == {"kind": "started", "fps": 2, "lease_s": 10} | whose
    assert ended == {"kind": "stopped", "why": "lease", "seconds": 10.0, "pictures": 20} | whose
    assert len(rig.sent) == 20
    for _, message, kept in rig.sent:
        assert kept == [live]
        assert message == (IDENTITY.up("live", "front"), JPEG, 0, False, 1, "image/jpeg", None)
    assert rig.outbox.kept("live/") == {}


def test_the_first_picture_leaves_at_once_and_none_after_the_lease(rig: LiveRig) -> None:
    began_ns = rig.clock.boottime_ns()
    rig.look(fps=5, lease_s=5)
    rig.passes(30)

    assert rig.sent[0][0] == began_ns
    assert rig.sent[-1][0] < began_ns + 5 * 10**9


def test_while_the_sim_cards_data_is_used_up_nobody_looks_and_a_look_ends_with_its_lease(rig: LiveRig) -> None:
    live = rig.look(lease_s=5)
    rig.saves = True
    assert rig.ask(THANDI).code == "no-data"
    assert rig.ask(THANDI, live=live).code == "no-data"
    rig.passes(6)
    assert rig.told("stopped")[0]["why"] == "lease"
    rig.saves = False
    assert rig.ask(THANDI).code == "ok", "an alarm was raised, or a month has begun"


def test_a_picture_that_comes_after_the_lease_or_after_a_stop_goes_nowhere(rig: LiveRig) -> None:
    rig.slow = True
    for stop in (False, True):
        live = rig.look(lease_s=5)
        rig.passes()
        if stop:
            assert rig.live.stop(live, THANDI).code == "ok"
        else:
            rig.passes(4.9)
            rig.clock.advance(timedelta(seconds=0.2))
        rig.hand_over()
        rig.passes(1)

    assert rig.sent == []
    assert [each["why"] for each in rig.told("stopped")] == ["lease", "asked"]


def test_a_look_goes_on_for_as_long_as_its_own_operator_says_so(rig: LiveRig) -> None:
    live = rig.look(lease_s=10)
    for _ in range(3):
        rig.passes(8)
        assert rig.ask(live=live, lease_s=10, fps=1).output["live"] == live
    assert rig.ask(SIPHO, live=live).code == "not-yours"
    assert rig.ask(live=live, camera="back").code == "unknown-live"
    rig.passes(11)

    assert rig.ask(live=live).code == "unknown-live", "what is over is begun anew, and so told"
    assert [each["kind"] for each in rig.told()] == ["started", "renewed", "renewed", "renewed", "stopped"]
    assert rig.told("stopped")[0]["seconds"] == 34.0


def test_two_operators_share_the_pictures_of_a_camera_and_each_hears_of_the_other(rig: LiveRig) -> None:
    first = rig.look(fps=1, lease_s=10)
    rig.passes(4.5)
    answer = rig.ask(SIPHO, fps=4, lease_s=30)
    assert [each["by"] for each in answer.output["looks"]] == ["Thandi", "Sipho"]
    rig.passes(10)
    before = len(rig.sent)
    rig.passes(10)

    assert len(rig.sent) - before == pytest.approx(40, abs=1), "it goes on for the second, as often as that one wants"
    [ended] = rig.told("stopped")
    assert ended["live"] == first
    assert ended["pictures"] == pytest.approx(5 + 4 * 5.5, abs=2)


@pytest.mark.parametrize(("who", "code"), [(THANDI, "ok"), (SIPHO, "not-yours"), (BOSS, "ok")])
def test_only_its_own_operator_or_a_supervisor_ends_a_look(rig: LiveRig, who: Any, code: str) -> None:
    live = rig.look()
    rig.passes()
    assert rig.live.stop(live, who).code == code
    before = len(rig.sent)
    rig.passes(5)

    assert (len(rig.sent) > before) == (code != "ok")
    assert [each["ended_by"] for each in rig.told("stopped")] == ([who.said] if code == "ok" else [])
    assert rig.live.stop("00000000-0000-7000-8000-000000000000", who).code == "unknown-live"


@pytest.mark.parametrize(("camera", "code"), [("front", "no-picture"), ("cellar", "no-camera")])
def test_a_camera_that_is_off_shows_nothing_and_nobody_has_looked(rig: LiveRig, camera: str, code: str) -> None:
    rig.blind = {"front"}
    assert rig.ask(camera=camera).code == code
    rig.passes(3)
    assert (rig.sent, rig.told()) == ([], [])


def test_nobody_looks_or_goes_on_while_pictures_would_end_the_connection_and_the_answer_says_so(rig: LiveRig) -> None:
    live = rig.look(lease_s=10)
    rig.rest_s = 90
    for answer in (rig.ask(), rig.ask(live=live)):
        assert answer.code == "no-picture"
        assert "90 s" in answer.text
    assert [each["kind"] for each in rig.told()] == ["started"]
    rig.rest_s = 0
    assert rig.ask(live=live).code == "ok"


def test_a_camera_that_ceases_to_give_pictures_ends_the_look(rig: LiveRig) -> None:
    rig.look(lease_s=60)
    rig.passes(2)
    rig.blind = {"front"}
    rig.passes(11)
    assert [each["why"] for each in rig.told("stopped")] == ["camera"]


def test_no_picture_leaves_while_an_alarm_waits_and_the_look_goes_on_afterwards(rig: LiveRig) -> None:
    rig.look(lease_s=300)
    rig.passes(1)
    before = len(rig.sent)
    rig.outbox.put(alarm())
    asked = len(rig.asked)
    rig.passes(60)
    assert (len(rig.sent), len(rig.asked)) == (before, asked), "the camera has better things to do"

    rig.told()  # the broker takes the alarm
    rig.passes(2)
    assert len(rig.sent) > before
    assert rig.told("stopped") == []


def test_what_the_line_does_not_take_at_once_is_dropped_and_not_counted(rig: LiveRig) -> None:
    live = rig.look(lease_s=10)
    rig.passes(2)
    rig.busy = True
    rig.passes(3)
    before = len(rig.sent)
    rig.busy = False
    rig.passes(0.1)
    assert len(rig.sent) - before <= 1, "nothing has piled up"
    assert rig.live.stop(live, THANDI).output["pictures"] == len(rig.sent)


@pytest.mark.parametrize(("kbit_s", "least", "most"), [(64, 4, 8), (1000, 4, 12), (4000, 12, 40), (100_000, 60, 60)])
def test_pictures_are_as_large_as_the_line_carries_in_the_twentieth_of_a_second(
    rig: LiveRig, kbit_s: int, least: int, most: int
) -> None:
    """And on a slow one no picture is asked for before the last has gone."""
    rig.bytes_a_s = kbit_s * 1000 / 8
    rig.look(fps=5, lease_s=60)
    rig.passes(5, 0.01)
    del rig.sizes[:]
    rig.passes(5, 0.01)
    assert least * 1024 <= min(rig.sizes) <= max(rig.sizes) <= most * 1024
    assert rig.told("stopped") == []


def test_pictures_go_on_smaller_at_a_broker_that_takes_no_packet_as_large_as_the_line_would_carry(rig: LiveRig) -> None:
    rig.most_bytes = 32 * 1024
    rig.look(fps=5, lease_s=60)
    rig.passes(20)
    before = len(rig.sent)
    rig.passes(10)
    assert max(rig.sizes) > rig.most_bytes
    assert len(rig.sent) - before > 30
    assert rig.told("stopped") == []


def test_a_picture_that_is_too_large_or_was_not_asked_for_goes_nowhere(rig: LiveRig) -> None:
    rig.slow = True
    rig.look()
    rig.passes()
    rig.hand_over(bytes(MAX_BYTES + 1))
    rig.passes()
    assert rig.live.picture_came("live-forged", JPEG)
    rig.passes()
    assert rig.sent == []
    assert not rig.live.picture_came("cmd-1", JPEG), "that is somebody else's"


def test_nobody_looks_if_the_disk_does_not_take_the_beginning(rig: LiveRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.runtime.live.live_view._DISK_PATIENCE_S", 0.01)
    monkeypatch.setattr("tests.support.command_rig.write", lambda outbox: None)
    assert rig.ask().code == "not-kept"
    rig.passes(5)
    assert rig.sent == []
    assert [(each["kind"], each.get("why")) for each in rig.told()] == [("started", None), ("stopped", "not-kept")]


def test_a_look_that_waits_for_the_disk_gets_none_of_the_pictures_of_another(
    rig: LiveRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.look(lease_s=60)
    rig.passes(1)
    monkeypatch.setattr("agent.runtime.live.live_view._DISK_PATIENCE_S", 0.01)
    monkeypatch.setattr("tests.support.command_rig.write", lambda outbox: rig.passes(1))
    assert rig.ask(SIPHO).code == "not-kept"
    [ended] = rig.told("stopped")
    assert (ended["why"], ended["pictures"]) == ("not-kept", 0)


def test_a_kill_right_after_the_beginning_was_told_leaves_no_look_without_an_end(
    rig: LiveRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(key: str, value: str | None) -> None:
        raise SystemExit

    monkeypatch.setattr(rig.outbox, "keep", die)
    with pytest.raises(SystemExit):
        rig.ask()
    rig.kill()
    assert [each["kind"] for each in rig.told()] == ["started", "stopped"]


def test_eight_may_look_at_a_time(rig: LiveRig) -> None:
    looks = [rig.look() for _ in range(8)]
    assert rig.ask().code == "busy"
    rig.live.stop(looks[0], THANDI)
    assert rig.ask().code == "ok"


def test_a_flood_of_orders_is_refused_so_that_it_neither_fills_the_disk_nor_pushes_out_the_record(rig: LiveRig) -> None:
    live = rig.look(lease_s=300)
    renewed = [rig.ask(live=live, lease_s=300).code for _ in range(300)]
    assert (renewed.count("ok"), renewed.count("busy")) == (99, 201)
    rig.passes(60)
    begun = []
    for _ in range(300):
        answer = rig.ask(BOSS)
        begun.append(answer.code)
        if answer.code == "ok":
            rig.live.stop(answer.output["live"], BOSS)
    assert (begun.count("ok"), begun.count("busy")) == (20, 280)
    assert rig.ask(live=live, lease_s=300).code == "ok", "who looks already may go on"
    assert len(rig.told("started")) == 21
    assert len(rig.told("renewed")) == 100
    assert len(rig.told("stopped")) == 20


def test_eight_people_may_go_on_as_often_as_the_control_room_does(rig: LiveRig) -> None:
    looks = [rig.look(lease_s=20) for _ in range(8)]
    for _ in range(30):
        rig.passes(6, 1)
        assert [rig.ask(live=live, lease_s=20).code for live in looks] == ["ok"] * 8


def test_no_event_of_a_look_is_ever_left_out_however_many_there_are(rig: LiveRig) -> None:
    for _ in range(100):
        rig.live.stop(rig.look(), THANDI)
        rig.told()
        rig.clock.advance(timedelta(seconds=4))
    assert len(rig.told("started")) == len(rig.told("stopped")) == 100
    severities: set[Severity] = {data["severity"] for data in rig.security.values()}
    assert severities == {"warning", "info"}


def test_an_orderly_stop_ends_every_look(rig: LiveRig) -> None:
    rig.look()
    rig.look(SIPHO, camera="back")
    rig.passes(1)
    rig.live.close()
    assert [each["why"] for each in rig.told("stopped")] == ["restart", "restart"]
    rig.kill()
    assert len(rig.told("stopped")) == 2


def test_what_is_kept_of_a_look_that_nobody_can_read_is_told_all_the_same(rig: LiveRig) -> None:
    rig.outbox.keep("live/x", "no json")
    rig.kill()
    [ended] = rig.told("stopped")
    assert (ended["live"], ended["why"], ended["issuer"]) == ("x", "restart", "unknown")


def test_the_beacon_shows_a_look_but_none_that_begins_while_a_silent_alarm_is_open(rig: LiveRig) -> None:
    rig.live.stop(rig.look(lease_s=300), THANDI)
    live = rig.look(lease_s=300)
    rig.passes(1)
    assert rig.shown == [True]
    rig.silent = True
    rig.passes(1)
    assert rig.shown == [True], "a silent press changes nothing that shows"
    rig.live.stop(live, THANDI)
    rig.passes(1)
    assert rig.shown == [True, False]
    rig.look(lease_s=300)
    rig.passes(1)
    assert rig.shown == [True, False]


@pytest.mark.parametrize("seed", range(6))
def test_every_look_is_in_the_record_and_none_is_missing_also_over_kills_and_power_cuts(
    rig: LiveRig, seed: int
) -> None:
    """Every picture that left had a look that was on the disk by then, and every look has one beginning and an end."""
    chance = random.Random(seed)
    mine: dict[str, Any] = {}
    for _ in range(60):
        who = chance.choice([THANDI, SIPHO, BOSS])
        what = chance.random()
        if what < 0.45:
            answer = rig.ask(who, camera=chance.choice(["front", "back"]), lease_s=chance.randint(5, 20))
            if answer.code == "ok":
                mine[answer.output["live"]] = who
        elif what < 0.65 and mine:
            rig.ask(who, live=chance.choice([*mine]), lease_s=5)
        elif what < 0.8 and mine:
            rig.live.stop(chance.choice([*mine]), who)
        elif what < 0.9:
            power = chance.random() < 0.5
            if power and chance.random() < 0.5:
                rig.told()
            rig.kill(power=power)
        rig.passes(chance.random() * 4, 0.2)
    rig.kill(power=bool(seed % 2))

    assert all(kept for _, _, kept in rig.sent)
    pictured = {live for _, _, kept in rig.sent for live in kept}
    told = rig.told()
    began = [each["live"] for each in told if each["kind"] == "started"]
    ended = {each["live"] for each in told if each["kind"] == "stopped"}
    assert set(mine) | pictured <= set(began)
    assert len(began) == len(set(began)), "each once"
    assert set(began) == ended
