"""`python -m tests.campaigns.week`: seven days in a few minutes, with one verdict, a record and a picture."""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.campaigns import measured
from tests.campaigns.bench.child import ROOT
from tests.campaigns.week.books import Outcome, Sample
from tests.campaigns.week.disk import in_memory
from tests.campaigns.week.picture import draw
from tests.campaigns.week.schedule import DAY, HOUR, a_week
from tests.campaigns.week.world import World

CALM_FROM_S = 3 * DAY
"""From here on one run of the agent has to last to the end: its memory is what is judged."""
RESIDENT_GROWTH = 4 * 1024 * 1024
"""From the end of the first day of that run to its last six hours: by then whatever remembers a fixed number of things
has that number. It is a whole process, with brokers and a centre in it."""
BLOCKS_GROWTH = 0.01
"""The same for the pieces of memory that Python has given out, as a share. The last 256 results of commands are in it,
and the 500 alarms that our centre remembers; our books are on disk."""
FILES_BYTES = 40 * 1024 * 1024
"""The databases and their write-ahead logs, at any time; the record may have 16 MiB of it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play it; 0 when nothing was lost and nothing grows."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.week", description=__doc__)
    parser.add_argument("--hours", type=float, default=7 * DAY / HOUR, help="how long the week is (default: 168)")
    parser.add_argument("--seed", type=int, default=1, help="which week (default: 1)")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "week.json", help="where the record goes")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.CRITICAL)
    console = Console(highlight=False)
    schedule = a_week(args.seed, args.hours * HOUR, calm_from_s=CALM_FROM_S)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edge-week-", dir=in_memory()) as directory:
        world = World(schedule, Path(directory), args.seed)

        def tell(at_s: float) -> None:
            if at_s % (6 * HOUR) == 0:
                took_s = time.monotonic() - began_s
                console.print(f"day {at_s / DAY:4.2f}: {world.presses} presses, {took_s:.0f} s of ours")

        world.play(tell)
        outcome = world.outcome()
    faults = [*outcome.faults, *_growth(outcome.samples)]
    record = _record(world, outcome, faults) | {"seed": args.seed, "hours": args.hours}
    record["took_s"] = round(time.monotonic() - began_s, 1)
    measured.write_record(args.json, record)
    picture = args.json.with_suffix(".svg")
    picture.write_text(draw(schedule, outcome, record), encoding="utf-8")
    for name, value in record.items():
        if name != "samples":
            console.print(f"{name:24} {value}")
    console.print(f"{args.json} and {picture}")
    return 1 if faults else 0


def _growth(samples: Sequence[Sample]) -> list[str]:
    """What is larger than it may be."""
    largest = max(each.alarms_bytes + each.telemetry_bytes + each.logs_bytes for each in samples)
    faults = [f"the files grew to {largest} bytes"] if largest > FILES_BYTES else []
    resident, blocks = memory_growth(samples)
    if resident > RESIDENT_GROWTH:
        faults.append(f"memory grew by {resident} bytes")
    if blocks > BLOCKS_GROWTH:
        faults.append(f"pieces of memory grew by {blocks:.1%}")
    return faults


def memory_growth(samples: Sequence[Sample]) -> tuple[int, float]:
    """Of the last run, from the end of its first day to its last six hours: resident bytes, and the share of pieces.

    Zero for a run too short to judge. The medians count, since what waits during an outage is no leak.
    """
    of_last = [each for each in samples if each.run == samples[-1].run]
    if of_last[-1].at_s - of_last[0].at_s < 2 * DAY:
        return 0, 0.0
    first = [each for each in of_last if 18 * HOUR <= each.at_s - of_last[0].at_s <= DAY]
    last = [each for each in of_last if of_last[-1].at_s - each.at_s <= 6 * HOUR]
    resident = _median([each.resident_bytes for each in last]) - _median([each.resident_bytes for each in first])
    return resident, _median([each.blocks for each in last]) / _median([each.blocks for each in first]) - 1


def _median(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 2]


def _record(world: World, outcome: Outcome, faults: Sequence[str]) -> dict[str, Any]:
    resident, blocks = memory_growth(outcome.samples)
    return {
        "faults": list(faults),
        **outcome.verdict.as_dict(),
        "explained_seqs": outcome.explained,
        "skipped_seqs": world.skipped,
        "ends_of_the_agent": dict(world.endings),
        "mains_failures": outcome.mains_failures,
        "self_tests": outcome.self_tests,
        "last_stages": dict(outcome.last_stages),
        "record_heard": len(outcome.holes.heard),
        "record_taken_for_lost": len(outcome.holes.lost),
        "record_false_holes": len(outcome.holes.false),
        "resident_growth_bytes": resident,
        "blocks_growth": round(blocks, 4),
        "largest_files_bytes": max(
            each.alarms_bytes + each.telemetry_bytes + each.logs_bytes for each in outcome.samples
        ),
        "longest_outbox": max(each.waiting for each in outcome.samples),
        "samples": [asdict(each) for each in outcome.samples],
    }


if __name__ == "__main__":
    sys.exit(main())
