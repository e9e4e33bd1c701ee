"""`python -m tests.campaigns.emulation`: the package on an emulated Pi: days, enrolment, recording."""

import argparse
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.campaigns import measured
from tests.campaigns.bench import machine as host
from tests.campaigns.bench.child import ROOT
from tests.campaigns.emulation import camera, day, enrolment, installed, recording, report, tools, traces
from tests.campaigns.emulation.architecture import AMD64, ARM64, Architecture
from tests.campaigns.emulation.book import FAULTS, Book, Row
from tests.campaigns.emulation.kiosk import Kiosk
from tests.campaigns.emulation.scratch import in_scratch

CAMERA = "camera"
ENROLMENT = "enrolment"
CARD = "card"
RECORDING = "recording"
NAMES = (*day.NAMES, CAMERA)
ONLY_IF_NAMED = (ENROLMENT, CARD, RECORDING)
APART = {CAMERA, *ONLY_IF_NAMED}
"""Each has a machine of its own."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play it; 0 when everything was as it must be."""
    args = _parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything that was started is ended
    console = Console(width=None if sys.stdout.isatty() else 130, highlight=False)
    began_s = time.monotonic()

    def say(text: str) -> None:
        console.print(f"{time.monotonic() - began_s:5.0f} s  {text}", markup=False)

    def tell(row: Row) -> None:
        say(f"{'ok    ' if row.fault is None else 'FAILED'} {row.title}" + (f": {row.fault}" if row.fault else ""))

    try:
        for architecture in _machines(args.only):
            tools.ensure(architecture, {} if {ENROLMENT, CARD}.isdisjoint(args.only) else tools.ENROLMENT)
    except tools.MissingError as error:
        console.print(f"{'SKIPPED: ' if args.if_possible else ''}{error}", markup=False)
        return 0 if args.if_possible else 1
    say("packages, kernels and disks of the machines: made once, then kept (a minute or two)")
    if args.prepare:
        with suppress(KeyboardInterrupt):
            faults = _prepare(args.only)
            say("; ".join(faults) or "they are there")
            return int(bool(faults))
        return 130
    book, faults = Book(tell), ["it was not played to its end"]
    try:
        faults = _play(args, book, say)
    except KeyboardInterrupt:
        return 130
    finally:  # whatever came, so that no earlier day's record is taken for this one's
        seconds = round(time.monotonic() - began_s, 1)
        faults = [*book.faults, *faults]
        date = datetime.now(UTC).isoformat(timespec="seconds")
        more: dict[str, Any] = {"date": date, "seconds": seconds, "machine": host.describe(), "faults": faults}
        report.write_json(args.json, book.rows, more)
    console.print(report.as_table(book.rows))
    for each in faults:
        console.print(each, style="red", markup=False)
    if args.write and not faults:
        measured.put(report.PLACE, report.markdown(more["machine"], book.rows, seconds))
    verdict = "[red]FAILED[/]" if faults else "[green]everything was as it must be[/]"
    console.print(f"{verdict} ({seconds:.0f} s; {os.path.relpath(args.json)})")
    return 1 if faults else 0


def _prepare(names: Sequence[str]) -> list[str]:
    """Make all that these steps need; returns what went wrong."""
    try:
        if installed_on := _machines([name for name in names if name not in {CARD, RECORDING}]):
            installed.prepare(installed_on)
    except FAULTS as error:
        return [f"{type(error).__name__}: {error}"]
    return []


def _machines(names: Sequence[str]) -> list[Architecture]:
    """For these steps."""
    return [ARM64] * any(name != CAMERA for name in names) + [AMD64] * (CAMERA in names)


def _play(args: argparse.Namespace, book: Book, say: Callable[[str], None]) -> list[str]:
    """Both days, or what is asked of them; returns what went wrong outside of any row."""
    if faults := _prepare(args.only):
        return faults
    kiosk_steps = [name for name in args.only if name not in APART]
    faults = _play_kiosk(kiosk_steps, args, book) if kiosk_steps else []
    if CAMERA in args.only:
        faults += camera.play(args.json.with_stem(f"{args.json.stem}-camera"), book)
    if ENROLMENT in args.only:
        faults += enrolment.play(args.json.with_stem(f"{args.json.stem}-enrolment"), book)
    if CARD in args.only:
        faults += enrolment.play_card(args.json.with_stem(f"{args.json.stem}-card"), book)
    if RECORDING in args.only:
        faults += recording.play(args.json.with_stem(f"{args.json.stem}-recording"), book, args.cuts, say)
    return faults


def _play_kiosk(names: Sequence[str], args: argparse.Namespace, book: Book) -> list[str]:
    """These steps of the kiosk's day; returns what went wrong outside of any row."""
    steps = day.steps(args.cuts, args.seed, *([day.SHORT_PRESSES] if args.short else []))

    def on_a_machine(directory: Path) -> None:
        with Kiosk(ARM64, directory) as kiosk:
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

    return in_scratch(on_a_machine)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.short:
        args.cuts = min(args.cuts, day.SHORT_CUTS)
    if args.write and (args.short or args.only != NAMES):
        parser.error("the table in docs/measured.md is of a whole day: leave --only and --short out")
    if args.stay and APART.issuperset(args.only):
        parser.error("--stay is for the kiosk's machine: name a step of its day too")
    return args


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.emulation", description=__doc__)
    parser.add_argument("--if-possible", action="store_true", help="succeed where no machine can be emulated")
    parser.add_argument(
        "--json", type=Path, default=ROOT / "build" / "emulation.json", help="default: build/emulation.json"
    )
    parser.add_argument("--cuts", type=int, default=day.CUTS, help=f"power cuts; default: {day.CUTS}")
    prepare = "make packages, kernels and disks of the machines, for a day that begins at once later, and play nothing"
    parser.add_argument("--prepare", action="store_true", help=prepare)
    short = f"{day.SHORT_CUTS} power cuts at most, and {day.SHORT_PRESSES} presses in a row: a minute and a half less"
    parser.add_argument("--short", action="store_true", help=short)
    seed = secrets.randbelow(10**6)
    parser.add_argument("--seed", type=int, default=seed, help="draws these moments; default: another each time")
    only = f"{NAMES[0]} and these steps, in the order of the day; {', '.join((CAMERA, *ONLY_IF_NAMED))} have machines "
    only += f"of their own; {' and '.join(ONLY_IF_NAMED)} are played only if they are named"
    parser.add_argument("--only", action=_Only, nargs="+", choices=(*NAMES, *ONLY_IF_NAMED), default=NAMES, help=only)
    parser.add_argument("--stay", action="store_true", help="then run lines of standard input as root in the machine")
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/measured.md, after a day without faults"
    )
    return parser


class _Only(argparse.Action):
    def __call__(self, _: object, args: argparse.Namespace, values: Any, __: str | None = None) -> None:
        first = set() if APART.issuperset(values) else {day.NAMES[0]}
        args.only = [name for name in (*NAMES, *ONLY_IF_NAMED) if name in {*first, *values}]


if __name__ == "__main__":
    sys.exit(main())
