"""`python -m tests.campaigns.fleet.paper`: what a province's devices need, on paper, from what was measured."""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.campaigns import measured
from tests.campaigns.bench import machine
from tests.campaigns.fleet import traffic
from tests.campaigns.fleet.__main__ import PAGE
from tests.campaigns.fleet.report import QUIET
from tests.campaigns.fleet.traffic import Chore

MOST_AT_REST = 3_000_000
"""Bytes a day of a kiosk without a camera."""
_LONGEST_WINDOW_S = 120.0
"""What `[mqtt] reconnect_spread_s` allows."""
_LEAST_REST_S = 180.0
_DAY_S = 86_400
_MONTH_DAYS = 30


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one broker and one centre's program can do."""

    broker: str
    devices: int
    """In the run that showed it."""
    handshakes_a_second: float
    handshake_ms: float
    share: float
    """Of one processor, that a quiet device takes of the broker."""
    peak_bytes: float
    """Of the broker's memory, with these devices."""
    device_bytes: float
    """Of it, for each more."""
    centre_ms: float
    """Of a processor, for each message."""

    @classmethod
    def of(cls, runs: Sequence[Mapping[str, Any]]) -> "Capacity":
        """Take it from runs with one kind of broker: the largest, and how memory grew from the smallest to it. Of
        handshakes take the best, as other work on the machine can only lower them."""
        small, large = (pick(runs, key=lambda run: run["devices"]) for pick in (min, max))
        peaks = [run["stages"][0]["broker_peak_bytes"] for run in (small, large)]
        more = large["devices"] - small["devices"]
        quiet = next(each for each in large["stages"] if each["name"] == QUIET)
        stages, bare = large["stages"], [run["baseline"] for run in runs]
        return cls(
            large["broker"],
            large["devices"],
            max(each["handshakes_a_second"] for each in bare),
            min(each["handshake_ms"] for each in bare),
            quiet["broker_cpu_s"] / quiet["seconds"] / large["devices"],
            peaks[1],
            (peaks[1] - peaks[0]) / more if more else peaks[1] / large["devices"],
            1000 * sum(each["centre_cpu_s"] for each in stages) / sum(each["messages"] for each in stages),
        )


def needs(capacity: Capacity, day: Sequence[Chore], price: float, devices: int) -> dict[str, str]:
    """What so many devices need, by row of the table."""
    day_bytes = devices * sum(each.bytes for each in day)
    messages = devices * sum(each.times * each.messages for each in day)
    a_second = messages / _DAY_S
    window_s = 2 * devices / capacity.handshakes_a_second
    memory = capacity.peak_bytes + (devices - capacity.devices) * capacity.device_bytes
    return {
        "messages to the centre": f"{messages / 1e6:,.1f} million a day, {a_second:,.0f} a second",
        "bytes on the wire": f"{day_bytes / 1e9:,.1f} GB a day, {day_bytes * 8 / _DAY_S / 1e6:,.1f} Mbit/s",
        f"price of {_MONTH_DAYS} days, at {price:g} a megabyte": f"{day_bytes * _MONTH_DAYS / 1e6 * price:,.0f}",
        "broker: memory": f"{memory / 2**20:,.0f} MiB",
        "broker: open files": f"{devices:,} and a few",
        "broker: of one processor, at rest": f"{100 * devices * capacity.share:,.0f} %",
        "centre's program: of one processor, at rest": f"{a_second * capacity.centre_ms / 10:,.0f} %",
        "reconnect window, 2N/C": f"{window_s:,.0f} s",
        "the same with a processor for the broker alone": f"{2 * devices * capacity.handshake_ms / 1000:,.0f} s",
        f"brokers, for a window of {_LONGEST_WINDOW_S:.0f} s": f"{math.ceil(window_s / _LONGEST_WINDOW_S)}",
    }


def markdown(day: Sequence[Chore], capacities: Sequence[Capacity], price: float, devices: Sequence[int]) -> str:
    """The tables for docs/scale.md."""
    rest, rows = sum(each.bytes for each in day if each.is_rest), []
    for each in day:
        times = f"{each.times:,.0f}" if each.is_rest or not each.times else f"{each.times:,.0f} (assumed)"
        rows.append([each.name, times, f"{each.messages}", f"{each.bytes_each:,.0f}", f"{each.bytes:,.0f}"])
    rows.append(["**at rest**", "", "", "", f"**{rest:,.0f}**"])
    rows.append(["**a typical day**", "", "", "", f"**{sum(each.bytes for each in day):,.0f}**"])
    parts = [_table(["one kiosk without a camera", "times a day", "messages", "bytes of one", "bytes a day"], rows)]
    for capacity in capacities:
        columns = [needs(capacity, day, price, count) for count in devices]
        lines = [[name, *(column[name] for column in columns)] for name in columns[0]]
        head = [f"{capacity.broker}, a typical day", *(f"{count:,} devices" for count in devices)]
        parts.append(
            f"Measured with {capacity.devices:,} devices: C = {capacity.handshakes_a_second:.0f} handshakes a second, "
            f"{capacity.handshake_ms:.2f} ms of the broker's processor each; {100_000 * capacity.share:.2f} % of it "
            f"for 1,000 quiet devices, and {capacity.device_bytes / 1024:.0f} KiB of memory for each more; "
            f"{capacity.centre_ms:.2f} ms of the centre's program a message. Assumed: all of it grows in "
            f"proportion, and a megabyte is 10^6 bytes."
            f"\n\n{_table(head, lines)}"
        )
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a kiosk's day and print what fleets need; 1 when a kiosk at rest takes more than it may."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.fleet.paper", description=__doc__)
    written = "what `make fleet FLEET='--json FILE'` has written"
    parser.add_argument("--add", type=Path, nargs="+", metavar="FILE", help=written)
    parser.add_argument("--price-per-mb", type=float, default=1.0, metavar="P", help="of 10^6 bytes, in any money (1)")
    numbers = lambda text: [int(each) for each in text.split(",")]  # noqa: E731
    parser.add_argument("--devices", type=numbers, default=[1000, 10_000, 50_000], metavar="N[,N...]")
    parser.add_argument("--rest", type=float, default=300.0, metavar="S", help="how long to watch it at rest (300)")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/scale.md")
    args = parser.parse_args(arguments)
    if not args.add:
        parser.error(f"it needs {written}: make traffic PAPER='--add FILE'")
    if args.rest < _LEAST_REST_S:
        parser.error(
            f"in less than {_LEAST_REST_S:.0f} s of rest too little health comes, every 75 s, to tell what it takes"
        )
    runs = [run for path in args.add for run in json.loads(path.read_text())["runs"]]
    brokers = sorted({run["broker"] for run in runs})
    capacities = [Capacity.of([run for run in runs if run["broker"] == name]) for name in brokers]
    print(
        f"A kiosk is watched for {args.rest:.0f} s and a minute more; the tables come last", file=sys.stderr, flush=True
    )
    with tempfile.TemporaryDirectory(prefix="edge-paper-") as directory:
        day = traffic.measure(Path(directory), args.rest)
    text = markdown(day, capacities, args.price_per_mb, args.devices)
    sys.stdout.write(text)
    if args.write:
        measured.put("paper", f"{text}\n{measured.machine_line(machine.describe(), seconds=args.rest)}", PAGE)
    return int(sum(each.bytes for each in day if each.is_rest) > MOST_AT_REST)


if __name__ == "__main__":
    sys.exit(main())
