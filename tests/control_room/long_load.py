"""`python -m tests.control_room.long_load`: what thousands of devices and alarms, and eight hours, cost the page.

Every figure is of the run. It ends with 1 where one is above its limit."""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

from tests.control_room.load import ACK_MS, SCROLL_RATIO, TASK_MS, Crowd, crowd
from tests.control_room.long_shift import FAST, FLAT_BYTES, Hour, play
from tests.control_room.rig import Browser, Rig, page_with
from tests.support.certificates import BrokerAuthorities

_PAGE = Path(__file__).parents[2] / "deploy" / "control-room" / "dist"
_MIB = 1024 * 1024
_DEVICES, _FACTOR = 200, 30
MESSAGE_BYTES = 200
"""What the worker may remember of a message, in the mean."""


def main() -> int:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.control_room.long_load", description=__doc__)
    parser.add_argument("--hours", type=int, default=8, help="how long the shift is (default: 8)")
    hours = max(4, parser.parse_args().hours)  # after two of them it has all pictures that it keeps
    console = Console()
    with tempfile.TemporaryDirectory(prefix="control-room-") as directory, ExitStack() as stack:
        authorities = BrokerAuthorities.create(Path(directory) / "authorities")
        rig = stack.enter_context(Rig(Path(directory) / "rig", authorities, _PAGE))
        fast = page_with(FAST.replace("FACTOR", str(_FACTOR)), _PAGE, Path(directory) / "fast")
        fast_rig = stack.enter_context(Rig(Path(directory) / "fast-rig", authorities, fast))
        browser = stack.enter_context(Browser(Path(directory) / "home", authorities.server.ca))
        figures = table_of(crowd(rig, browser, rounds=9, acks=50))
        shift = []
        for hour in play(fast_rig, browser, devices=_DEVICES, minutes=60 * hours, factor=_FACTOR):
            console.print(hour)
            shift.append(hour)
        assert browser.complaints == [], browser.complaints
    figures += memory_of(shift)
    table = Table("figure", "value", "limit", title="The control room's page under load")
    for name, value, limit, unit in figures:
        table.add_row(name, f"{value:.2f} {unit}", "" if limit is None else f"{limit:g} {unit}")
    console.print(table)
    return int(any(limit is not None and value > limit for _, value, limit, _ in figures))


Figure = tuple[str, float, float | None, str]


def table_of(found: Crowd) -> list[Figure]:
    """With 5,000 devices and 1,000 open alarms."""
    ours, bare = (median(each) for each in zip(*found.scroll_ms, strict=True))
    return [
        ("scrolling, from frame to frame, over a bare list", found.frame_ratio, SCROLL_RATIO, ""),
        ("main thread for a step of it, over a bare list", found.scroll_ratio, None, ""),
        ("main thread for a step: the page", ours, None, "ms"),
        ("main thread for a step: the bare list", bare, None, "ms"),
        ("a result is shown after, median", median(found.ack_ms), ACK_MS, "ms"),
        ("a result is shown after, p95", quantiles(found.ack_ms, n=20)[-1], ACK_MS, "ms"),
        ("longest task in a flood, on a processor", found.flood_task_ms[0], TASK_MS, "ms"),
        ("longest task in a flood, by a clock", found.flood_task_ms[1], TASK_MS, "ms"),
    ]


def memory_of(shift: list[Hour]) -> list[Figure]:
    """What they need as the hours go by. The worker remembers the identifiers of a device's last 2,000 messages, and
    its last 200 closed alarms, which so many devices don't come to in a shift: until then it grows by each message."""
    half = len(shift) // 2
    full, last = shift[half - 1], shift[-1]
    before, after = (min(hour.page_bytes for hour in part) / _MIB for part in (shift[:half], shift[half:]))
    grown = (last.worker_bytes - full.worker_bytes) / (last.messages - full.messages)
    return [
        (f"messages in {last.hours} hours", last.messages, None, ""),
        (f"page, least in the first {full.hours} hours", before, None, "MiB"),
        ("page, least in the others", after, before + FLAT_BYTES / _MIB, "MiB"),
        (f"worker after {full.hours} hours", full.worker_bytes / _MIB, None, "MiB"),
        (f"worker after {last.hours} hours", last.worker_bytes / _MIB, None, "MiB"),
        ("worker, for each message between", grown, MESSAGE_BYTES, "bytes"),
    ]


if __name__ == "__main__":
    sys.exit(main())
