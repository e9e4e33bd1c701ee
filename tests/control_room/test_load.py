"""A short form of `make control-room-load`: thousands of devices and alarms, hours of a shift, and what they cost."""

from statistics import median

from tests.control_room.load import ACK_MS, SCROLL_RATIO, TASK_MS, crowd
from tests.control_room.long_shift import FLAT_BYTES, play
from tests.control_room.rig import Browser, Rig


def test_with_5000_devices_and_1000_open_alarms_the_page_scrolls_as_a_bare_list_and_answers_at_once(
    rig: Rig, browser: Browser
) -> None:
    found = crowd(rig, browser, rounds=3, acks=7)
    print(found)
    assert found.frame_ratio <= SCROLL_RATIO
    assert median(found.ack_ms) <= ACK_MS
    assert found.flood_task_ms[0] <= TASK_MS


def test_what_page_and_worker_remember_comes_to_an_end(rig: Rig, browser: Browser) -> None:
    _, full, _, last = play(rig, browser, devices=6, minutes=240)
    print(full, last)
    assert last.page_bytes <= full.page_bytes + FLAT_BYTES
    assert last.worker_bytes <= full.worker_bytes + FLAT_BYTES
