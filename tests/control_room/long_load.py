"""`python -m tests.control_room.long_load`: what thousands of devices and alarms, and eight hours, cost the page.

Every figure is of the run. It ends with 1 where one is above its limit."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from time import monotonic

from rich.console import Console
from rich.table import Table

from tests.control_room.load import ACK_MS, DEVICES, NODES_MOST, SCROLL_RATIO, TASK_MS, Crowd, crowd
from tests.control_room.long_shift import FAST, MIB, Hour, grown, play, play_worker
from tests.control_room.rig import Browser, Rig, page_with
from tests.support.certificates import BrokerAuthorities
from tests.support.control_room import build_program

_PAGE = Path(__file__).parents[2] / "deploy" / "control-room" / "dist"
_FEW, _FACTOR = 200, 40
"""How many devices a browser is told of in fast time, and how fast: that many messages the broker can just bring."""


def main() -> int:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.control_room.long_load", description=__doc__)
    parser.add_argument("--hours", type=int, default=8, help="how long the shift is, at least 2 (default: 8)")
    hours = max(2, parser.parse_args().hours)
    console, began = Console(), monotonic()

    def tell(what: object) -> None:
        console.print(f"{monotonic() - began:5.0f} s: {what}", highlight=False, soft_wrap=True)

    def follow(name: str, shift: Iterator[Hour]) -> list[Figure]:
        told = []
        for hour in shift:
            tell(f"{name}: {hour}")
            told.append(hour)
        return memory_of(name, told)

    with tempfile.TemporaryDirectory(prefix="control-room-") as made, ExitStack() as stack:
        directory = Path(made)
        authorities = BrokerAuthorities.create(directory / "authorities")
        rig = stack.enter_context(Rig(directory / "rig", authorities, _PAGE))
        fast = page_with(FAST.replace("FACTOR", str(_FACTOR)), _PAGE, directory / "fast")
        fast_rig = stack.enter_context(Rig(directory / "fast-rig", authorities, fast))
        browser = stack.enter_context(Browser(directory / "home", authorities.server.ca))
        tell(f"{DEVICES} devices and their alarms on one page")
        figures = table_of(crowd(rig, browser, rounds=9, acks=50))
        shift = play_worker(build_program("shift_program", directory), devices=DEVICES, hours=hours)
        figures += follow(f"{DEVICES} devices, the worker alone", shift)
        shift = play(fast_rig, browser, devices=_FEW, minutes=60 * hours, factor=_FACTOR)
        figures += follow(f"{_FEW} devices, in a browser", shift)
        assert browser.complaints == [], browser.complaints
    table = Table("figure", "value", "limit", title="The control room's page under load")
    for name, value, limit, unit in figures:
        table.add_row(name, f"{value:.2f} {unit}", "" if limit is None else f"{limit:.4g} {unit}")
    console.print(table)
    return int(any(limit is not None and value > limit for _, value, limit, _ in figures))


Figure = tuple[str, float, float | None, str]


def table_of(found: Crowd) -> list[Figure]:
    """With 5,000 devices and 1,000 open alarms."""
    ours, bare = (median(each) for each in zip(*found.scroll_ms, strict=True))
    return [
        ("scrolling, from frame to frame, over a bare list", found.frame_ratio, SCROLL_RATIO, ""),
        ("main thread for a step of it, over a bare list", found.scroll_ratio, None, ""),
        ("scrolling events in traffic, from frame to frame, over a bare list", found.traffic_ratio, SCROLL_RATIO, ""),
        ("elements in the page", found.nodes, NODES_MOST, ""),
        ("longest task while it loads, on a processor", found.load_task_ms[0], TASK_MS, "ms"),
        ("longest task while it loads, by a clock", found.load_task_ms[1], None, "ms"),
        ("main thread for a step: the page", ours, None, "ms"),
        ("main thread for a step: the bare list", bare, None, "ms"),
        ("a result is shown after, median", median(found.ack_ms), ACK_MS, "ms"),
        ("a result is shown after, p95", quantiles(found.ack_ms, n=20)[-1], ACK_MS, "ms"),
        ("longest task in a flood, on a processor", found.flood_task_ms[0], TASK_MS, "ms"),
        ("longest task in a flood, by a clock", found.flood_task_ms[1], None, "ms"),
        ("page, with twice as many alarms", found.heap_bytes[0] / MIB, None, "MiB"),
        ("worker, with twice as many alarms", found.heap_bytes[1] / MIB, None, "MiB"),
    ]


def memory_of(name: str, shift: list[Hour]) -> list[Figure]:
    """What a shift adds to what is needed after its first hour."""
    figures: list[Figure] = []
    for growth in grown(shift):
        size = shift[0].bytes[growth.where] / MIB
        figures.append((f"{name}: {growth.where} after the first hour", size, None, "MiB"))
        more = f"{name}: {growth.where}, more after {shift[-1].hours} hours"
        figures.append((more, growth.bytes / MIB, growth.limit / MIB, "MiB"))
    return figures


if __name__ == "__main__":
    sys.exit(main())
