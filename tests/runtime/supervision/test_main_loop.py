import threading
from datetime import timedelta

import pytest

from agent.outbox.found import Notice
from agent.outbox.outbox import Outbox
from tests.support.main_loop_rig import FIGURES, LoopRig
from tests.support.sim_clock import SimClock
from tests.support.wait import wait_for


@pytest.fixture
def loop(outbox: Outbox, clock: SimClock) -> LoopRig:
    clock.advance(timedelta(hours=1))  # the machine starts before the agent
    return LoopRig(outbox, clock)


ALL = ("store", "pipeline", "publisher")


def test_health_is_told_at_once_and_then_at_its_interval(loop: LoopRig) -> None:
    for _ in range(121):
        loop.passes(1, *ALL)

    assert [topic for topic, _ in loop.sent()] == ["health"] * 3


def test_no_health_piles_up_while_there_is_no_connection_and_one_goes_as_it_returns(loop: LoopRig) -> None:
    loop.connected = False
    for _ in range(300):
        loop.passes(1, *ALL)
    assert loop.sent() == []

    loop.connected = True
    loop.passes(1, *ALL)
    assert [topic for topic, _ in loop.sent()] == ["health"]


def test_health_names_every_part_and_what_is_wrong(loop: LoopRig) -> None:
    loop.board.report("uplink", ok=True)
    loop.board.report("camera-front", ok=False, detail="dark")
    loop.sent()
    loop.passes(1, *ALL)

    [(_, health)] = loop.sent()
    assert health["status"] == "degraded"
    assert health["parts"] == {
        "uplink": {"state": "ok"},
        "camera-front": {"state": "degraded", "detail": "dark"},
        "storage": {"state": "ok"},
    }
    assert health["cameras"] == {"front": {"persons": 1, "tampers": []}}
    assert health["self_test"] == FIGURES["self_test"]
    assert health["uptime_s"] == 1
    assert health["memory_bytes"] > 0
    assert health["disk_free_bytes"] > 0


def test_what_the_outbox_has_to_tell_becomes_a_security_event(loop: LoopRig) -> None:
    loop.outbox.writer.notices.put(Notice("storage-damaged", "it was damaged", {"salvaged": 7}))
    loop.passes(1, *ALL)

    [told] = [data for topic, data in loop.sent() if topic == "security/storage-damaged"]
    assert (told["severity"], told["text"], told["detail"]) == ("warning", "it was damaged", {"salvaged": 7})


def test_health_says_what_was_written_to_disks(loop: LoopRig) -> None:
    loop.passes(120, *ALL)

    [(_, health)] = loop.sent()
    assert health["disk"]["written_bytes"] >= 0
    assert health["disk"]["written_bytes_per_day"] == health["disk"]["written_bytes"] * 720


def test_a_store_that_stands_still_is_a_storage_fault_and_moves_on_again(loop: LoopRig) -> None:
    loop.passes(1, *ALL)
    loop.sent()
    loop.passes(5.0, "pipeline")
    assert loop.board.parts()["storage"].ok
    loop.passes(0.1, "pipeline")
    assert not loop.board.parts()["storage"].ok

    loop.passes(1, *ALL)
    assert loop.board.parts()["storage"].ok
    events = [(topic, data["part"]) for topic, data in loop.sent() if topic.startswith("event")]
    assert events == [("event/part-degraded", "storage"), ("event/part-restored", "storage")]


def test_a_fault_of_the_disk_is_told_with_its_reason(loop: LoopRig) -> None:
    loop.outbox.writer.fault = "the disk is full"
    loop.passes(1, *ALL)

    assert loop.board.parts()["storage"].detail == "the disk is full"


def test_a_jump_of_the_wall_clock_is_told(loop: LoopRig) -> None:
    loop.passes(1, *ALL)
    loop.sent()
    loop.clock.step_wall(timedelta(hours=1))
    loop.passes(1, *ALL)

    assert [data["offset_ms"] for topic, data in loop.sent() if topic == "event/time-correction"] == [3_600_000]


def test_the_watchdog_is_fed_at_half_its_interval_while_every_part_moves(loop: LoopRig) -> None:
    for _ in range(20):
        loop.passes(1, *ALL)

    assert loop.notifier.fed == 4


@pytest.mark.parametrize("stuck", ["pipeline", "publisher"])
def test_a_part_that_stands_still_starves_the_watchdog(loop: LoopRig, stuck: str) -> None:
    loop.passes(1, *ALL)
    fed = loop.notifier.fed
    for _ in range(30):
        loop.passes(1, *(name for name in ALL if name != stuck))

    assert loop.notifier.fed == fed


def test_lights_that_do_not_blink_any_more_starve_the_watchdog(loop: LoopRig) -> None:
    for turn in range(30):
        loop.pulses["lights"] = turn
        loop.passes(1, *ALL)
    fed = loop.notifier.fed
    for _ in range(30):
        loop.passes(1, *ALL)

    assert loop.notifier.fed <= fed + 1
    loop.pulses["lights"] = None  # no light is wired
    loop.passes(5, *ALL)
    assert loop.notifier.fed > fed


@pytest.mark.parametrize("stuck", ["pipeline", "publisher"])
def test_where_nobody_watches_a_part_that_stands_still_for_30_s_ends_the_agent(loop: LoopRig, stuck: str) -> None:
    loop.notifier.watchdog_interval_s = None
    loop.passes(1, *ALL)
    for _ in range(29):
        loop.passes(1, *(name for name in ALL if name != stuck))
    assert loop.ended == []
    loop.passes(1, *(name for name in ALL if name != stuck))

    assert loop.ended == [{stuck}]


def test_a_disk_that_hangs_or_a_machine_that_sleeps_never_ends_the_agent(loop: LoopRig) -> None:
    loop.notifier.watchdog_interval_s = None
    for _ in range(100):
        loop.passes(1, "pipeline", "publisher")
    loop.passes(8 * 3600)
    loop.passes(1, *ALL)

    assert loop.ended == []


def test_where_a_service_manager_watches_the_end_is_left_to_it(loop: LoopRig) -> None:
    for _ in range(100):
        loop.passes(1)

    assert loop.ended == []


def test_a_part_that_no_press_needs_and_stands_still_is_degraded_until_it_moves(loop: LoopRig) -> None:
    loop.supervisor.others["vision-front"] = 1
    loop.pulses["sim-control"] = 1
    for _ in range(31):
        loop.passes(1, *ALL)
    parts = loop.board.parts()
    assert not parts["vision-front"].ok
    assert not parts["sim-control"].ok

    loop.pulses["sim-control"] = 2
    loop.passes(1, *ALL, "vision-front")
    parts = loop.board.parts()
    assert parts["vision-front"].ok
    assert parts["sim-control"].ok
    assert loop.notifier.fed > 4


def test_a_disk_that_hangs_does_not_starve_the_watchdog(loop: LoopRig) -> None:
    for _ in range(20):
        loop.passes(1, "pipeline", "publisher")

    assert loop.notifier.fed == 4


def test_without_a_watchdog_nothing_is_fed(loop: LoopRig) -> None:
    loop.notifier.watchdog_interval_s = None
    loop.passes(60, *ALL)

    assert loop.notifier.fed == 0


def test_the_watch_ends_with_0_when_asked(loop: LoopRig) -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(loop.main_loop.keep_watch()))
    thread.start()
    wait_for(lambda: loop.outbox.figures()[0]["health"], what="the first pass")
    loop.main_loop.stop()
    thread.join(10)

    assert codes == [0]


class Broken:
    def run_once(self, timeout_s: float) -> None:
        raise RuntimeError("broken")


def test_the_watch_ends_with_1_when_an_essential_part_ends(loop: LoopRig) -> None:
    with loop.supervisor.thread("pipeline", Broken()):
        assert loop.main_loop.keep_watch() == 1


def test_the_watch_ends_with_1_when_the_pins_are_deaf(loop: LoopRig) -> None:
    loop.hears = False
    assert loop.main_loop.keep_watch() == 1


def test_a_part_that_no_press_needs_ends_and_the_watch_says_so_and_goes_on(loop: LoopRig) -> None:
    with loop.supervisor.thread("vision-front", Broken(), essential=False):
        wait_for(loop.supervisor.lost, what="the end of the thread")
        loop.main_loop.tick()

        assert loop.supervisor.failed() is None
        assert loop.main_loop.health().parts["vision-front"]["state"] == "degraded"
