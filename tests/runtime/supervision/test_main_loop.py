import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.outbox.found import Notice
from agent.sim.clock import SimClock
from tests.support.drafts import open_outbox
from tests.support.wait import wait_for
from tests.support.watch_station import Station


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    clock = SimClock(boottime_ns=10**12)
    outbox = open_outbox(tmp_path / "store", clock)
    yield Station(outbox, clock)
    outbox.close()


ALL = ("store", "pipeline", "publisher")


def test_health_is_told_at_once_and_then_at_its_interval(station: Station) -> None:
    for _ in range(121):
        station.look(1, *ALL)

    assert [topic for topic, _ in station.sent()] == ["health"] * 3


def test_no_health_piles_up_while_there_is_no_connection_and_one_goes_as_it_returns(station: Station) -> None:
    station.connected = False
    for _ in range(300):
        station.look(1, *ALL)
    assert station.sent() == []

    station.connected = True
    station.look(1, *ALL)
    assert [topic for topic, _ in station.sent()] == ["health"]


def test_health_names_every_part_and_what_is_wrong(station: Station) -> None:
    station.board.report("uplink", ok=True)
    station.board.report("camera-front", ok=False, detail="dark")
    station.sent()
    station.look(1, *ALL)

    [(_, health)] = station.sent()
    assert health["status"] == "degraded"
    assert health["parts"] == {
        "uplink": {"state": "ok"},
        "camera-front": {"state": "degraded", "detail": "dark"},
        "storage": {"state": "ok"},
    }
    assert health["cameras"] == {"front": {"persons": 1}}
    assert health["self_test"] == {"passed": True}
    assert health["uptime_s"] == 1
    assert health["memory_bytes"] > 0
    assert health["disk_free_bytes"] > 0


def test_what_the_outbox_has_to_tell_becomes_a_security_event(station: Station) -> None:
    station.outbox.writer.notices.put(Notice("storage-damaged", "warning", "it was damaged", {"salvaged": 7}))
    station.look(1, *ALL)

    [told] = [data for topic, data in station.sent() if topic == "security/storage-damaged"]
    assert (told["severity"], told["text"], told["detail"]) == ("warning", "it was damaged", {"salvaged": 7})


def test_health_says_what_was_written_to_disks(station: Station) -> None:
    station.look(120, *ALL)

    [(_, health)] = station.sent()
    assert health["disk"]["written_bytes"] >= 0
    assert health["disk"]["written_bytes_per_day"] == health["disk"]["written_bytes"] * 720


def test_a_journal_that_stands_still_is_a_storage_fault_and_moves_on_again(station: Station) -> None:
    station.look(1, *ALL)
    station.sent()
    station.look(5.0, "pipeline")
    assert station.board.parts()["storage"].ok
    station.look(0.1, "pipeline")
    assert not station.board.parts()["storage"].ok

    station.look(1, *ALL)
    assert station.board.parts()["storage"].ok
    events = [(topic, data["part"]) for topic, data in station.sent() if topic.startswith("event")]
    assert events == [("event/part-degraded", "storage"), ("event/part-restored", "storage")]


def test_a_fault_of_the_disk_is_told_with_its_reason(station: Station) -> None:
    station.outbox.writer.fault = "the disk is full"
    station.look(1, *ALL)

    assert station.board.parts()["storage"].detail == "the disk is full"


def test_a_jump_of_the_wall_clock_is_told(station: Station) -> None:
    station.look(1, *ALL)
    station.sent()
    station.clock.step_wall(timedelta(hours=1))
    station.look(1, *ALL)

    assert [data["offset_ms"] for topic, data in station.sent() if topic == "event/time-correction"] == [3_600_000]


def test_the_watchdog_is_fed_at_half_its_interval_while_every_part_moves(station: Station) -> None:
    for _ in range(20):
        station.look(1, *ALL)

    assert station.notifier.fed == 4


@pytest.mark.parametrize("stuck", ["pipeline", "publisher"])
def test_a_part_that_stands_still_starves_the_watchdog(station: Station, stuck: str) -> None:
    station.look(1, *ALL)
    fed = station.notifier.fed
    for _ in range(30):
        station.look(1, *(name for name in ALL if name != stuck))

    assert station.notifier.fed == fed


def test_lights_that_do_not_blink_any_more_starve_the_watchdog(station: Station) -> None:
    for turn in range(30):
        station.pulses["lights"] = turn
        station.look(1, *ALL)
    fed = station.notifier.fed
    for _ in range(30):
        station.look(1, *ALL)

    assert station.notifier.fed <= fed + 1
    station.pulses["lights"] = None  # no light is wired
    station.look(5, *ALL)
    assert station.notifier.fed > fed


@pytest.mark.parametrize("stuck", ["pipeline", "publisher"])
def test_where_nobody_watches_a_part_that_stands_still_for_30_s_ends_the_agent(station: Station, stuck: str) -> None:
    station.notifier.watchdog_interval_s = None
    station.look(1, *ALL)
    for _ in range(29):
        station.look(1, *(name for name in ALL if name != stuck))
    assert station.ended == []
    station.look(1, *(name for name in ALL if name != stuck))

    assert station.ended == [{stuck}]


def test_a_disk_that_hangs_or_a_machine_that_sleeps_never_ends_the_agent(station: Station) -> None:
    station.notifier.watchdog_interval_s = None
    for _ in range(100):
        station.look(1, "pipeline", "publisher")
    station.look(8 * 3600)
    station.look(1, *ALL)

    assert station.ended == []


def test_where_a_service_manager_watches_the_end_is_left_to_it(station: Station) -> None:
    for _ in range(100):
        station.look(1)

    assert station.ended == []


def test_a_part_that_no_press_needs_and_stands_still_is_degraded_until_it_moves(station: Station) -> None:
    station.supervisor.others["vision-front"] = 1
    station.pulses["sim-control"] = 1
    for _ in range(31):
        station.look(1, *ALL)
    parts = station.board.parts()
    assert not parts["vision-front"].ok
    assert not parts["sim-control"].ok

    station.pulses["sim-control"] = 2
    station.look(1, *ALL, "vision-front")
    parts = station.board.parts()
    assert parts["vision-front"].ok
    assert parts["sim-control"].ok
    assert station.notifier.fed > 4


def test_a_disk_that_hangs_does_not_starve_the_watchdog(station: Station) -> None:
    for _ in range(20):
        station.look(1, "pipeline", "publisher")

    assert station.notifier.fed == 4


def test_without_a_watchdog_nothing_is_fed(station: Station) -> None:
    station.notifier.watchdog_interval_s = None
    station.look(60, *ALL)

    assert station.notifier.fed == 0


def test_the_watch_ends_with_0_when_asked(station: Station) -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(station.keeper.keep_watch()))
    thread.start()
    wait_for(lambda: station.outbox.figures()[0]["health"], what="the first look")
    station.keeper.stop()
    thread.join(10)

    assert codes == [0]


def test_the_watch_ends_with_1_when_an_essential_part_ends(station: Station) -> None:
    class Broken:
        def run_once(self, timeout_s: float) -> None:
            raise RuntimeError("broken")

    with station.supervisor.thread("pipeline", Broken()):
        assert station.keeper.keep_watch() == 1


def test_the_watch_ends_with_1_when_the_pins_are_deaf(station: Station) -> None:
    station.hears = False
    assert station.keeper.keep_watch() == 1


def test_a_part_that_no_press_needs_ends_and_the_watch_says_so_and_goes_on(station: Station) -> None:
    class Broken:
        def run_once(self, timeout_s: float) -> None:
            raise RuntimeError("broken")

    with station.supervisor.thread("vision-front", Broken(), essential=False):
        wait_for(station.supervisor.lost, what="the end of the thread")
        station.keeper.tick()

        assert station.supervisor.failed() is None
        assert station.keeper.health().parts["vision-front"]["state"] == "degraded"
