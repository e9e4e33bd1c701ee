"""A short form of `make control-room-load`: thousands of devices and alarms, hours of a shift, and what they cost."""

from statistics import median

import pytest

from tests.control_room.load import ACK_MS, NODES_MOST, SCROLL_RATIO, TASK_MS, crowd
from tests.control_room.long_shift import Hour, grown, play, play_worker
from tests.control_room.rig import Browser, Rig
from tests.support.control_room import program


@pytest.mark.rare
def test_an_operator_of_5000_devices_and_1000_open_alarms_scrolls_as_through_a_bare_list_and_answers_at_once(
    rig: Rig, browser: Browser
) -> None:
    found = crowd(rig, browser, rounds=3, acks=7)
    print(found)
    assert found.nodes <= NODES_MOST
    assert found.frame_ratio <= SCROLL_RATIO
    assert found.traffic_ratio <= SCROLL_RATIO
    assert median(found.ack_ms) <= ACK_MS
    assert max(found.load_task_ms[0], found.flood_task_ms[0]) <= TASK_MS


@pytest.mark.rare
def test_what_page_and_worker_remember_comes_to_an_end(rig: Rig, browser: Browser) -> None:
    assert_flat(list(play(rig, browser, devices=6, minutes=120)))


@pytest.mark.rare
def test_what_the_worker_remembers_in_hours_comes_to_an_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert_flat(list(play_worker(program("shift_program", tmp_path_factory), devices=200, hours=4)))


def assert_flat(shift: list[Hour]) -> None:
    print(*shift, sep="\n")
    for growth in grown(shift):
        assert growth.bytes <= growth.limit, growth
