"""`python -m tests.hil`: a day of the package on an emulated Pi, and one of a camera, with one verdict and a table."""

import argparse
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.bench import machine as host
from tests.bench.child import ROOT
from tests.hil import camera, day, report, tools, traces
from tests.hil.architecture import AMD64, ARM64
from tests.hil.book import FAULTS, Book, DayOverError, Row
from tests.hil.kiosk import Kiosk

CAMERA = "camera"


def main(arguments: Sequence[str] | None = None) -> int:
    """Play it; 0 when everything was as it must be."""
    args = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything that was started is ended
    console = Console(width=None if sys.stdout.isatty() else 130, highlight=False)
    began_s = time.monotonic()

    def say(text: str) -> None:
        console.print(f"{time.monotonic() - began_s:5.0f} s  {text}", markup=False)

    def tell(row: Row) -> None:
        say(f"{'ok    ' if row.fault is None else 'FAILED'} {row.title}" + (f": {row.fault}" if row.fault else ""))

    book = Book(tell)
    kiosk_steps = [name for name in args.only or day.NAMES if name != CAMERA]
    with_camera = not args.only or CAMERA in args.only
    try:
        for architecture in ([ARM64] if kiosk_steps else []) + ([AMD64] if with_camera else []):
            tools.ensure(architecture)
    except tools.MissingError as error:
        console.print(f"{'SKIPPED: ' if args.if_possible else ''}{error}", markup=False)
        return 0 if args.if_possible else 1
    try:
        say("packages, kernel and disk of the machine: made once, then kept (a minute or two)")
        faults = _play(kiosk_steps, args, book) if kiosk_steps else []
        if with_camera:
            say("the same for the machine with a camera")
            faults += camera.play(args.json.with_stem(f"{args.json.stem}-camera"), book)
    except KeyboardInterrupt:
        return 130
    seconds = round(time.monotonic() - began_s, 1)
    faults = [*book.faults, *faults]
    date = datetime.now(UTC).isoformat(timespec="seconds")
    more: dict[str, Any] = {"date": date, "seconds": seconds, "machine": host.describe(), "faults": faults}
    report.write_json(args.json, book.rows, more)
    report.write_junit(args.json.with_suffix(".junit.xml"), book.rows, seconds)
    console.print(report.as_table(book.rows))
    for each in faults:
        console.print(each, style="red", markup=False)
    if args.readme and not faults:
        report.into_readme(ROOT / "README.md", more["machine"], book.rows, seconds)
    verdict = "[red]FAILED[/]" if faults else "[green]everything was as it must be[/]"
    console.print(f"{verdict} ({seconds:.0f} s; {os.path.relpath(args.json)})")
    return 1 if faults else 0


def _play(names: Sequence[str], args: argparse.Namespace, book: Book) -> list[str]:
    """These steps of the kiosk's day; returns what went wrong outside of any row."""
    steps = day.steps(args.cuts, args.seed)
    with tempfile.TemporaryDirectory(prefix="edge-agent-hil-") as directory:
        try:
            with Kiosk(ARM64, Path(directory)) as kiosk:
                try:
                    for name in names:
                        book.step = name
                        if name in day.AT_REST:
                            kiosk.rest()
                        steps[name](kiosk, book)
                finally:
                    traces.keep(kiosk, args.json)
                    if args.stay:
                        traces.stay(kiosk.machine)
        except DayOverError:
            return ["nothing that would have followed made sense"]
        except FAULTS as error:
            return [f"{type(error).__name__}: {error}"]
    return []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.hil", description=__doc__)
    parser.add_argument("--if-possible", action="store_true", help="succeed where no machine can be emulated")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "hil.json", help="default: build/hil.json")
    parser.add_argument("--cuts", type=int, default=day.CUTS, help=f"power cuts; default: {day.CUTS}")
    seed = secrets.randbelow(10**6)
    parser.add_argument("--seed", type=int, default=seed, help="draws these moments; default: another each time")
    names = (*day.NAMES, CAMERA)
    only = f"{names[0]} and these steps, in the order of the day; {CAMERA} has a machine of its own, and a whole day"
    parser.add_argument("--only", action=_Only, nargs="+", choices=names, help=only)
    parser.add_argument("--stay", action="store_true", help="then run lines of standard input as root in the machine")
    parser.add_argument(
        "--readme", action="store_true", help="put the table into README.md, after a day without faults"
    )
    return parser


class _Only(argparse.Action):
    def __call__(self, _: object, args: argparse.Namespace, values: Any, __: str | None = None) -> None:
        first = set() if values == [CAMERA] else {day.NAMES[0]}
        args.only = [name for name in (*day.NAMES, CAMERA) if name in {*first, *values}]


if __name__ == "__main__":
    sys.exit(main())
