"""`python -m tests.campaigns.chaos`: the storm, the peers' table and the long backlog, in one run with one verdict."""

import argparse
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.campaigns import measured
from tests.campaigns.bench import machine
from tests.campaigns.bench.child import ROOT, ChildError
from tests.campaigns.bench.latency import Pacing
from tests.campaigns.chaos import backlog, namespaces, peers, report, storm
from tests.campaigns.chaos.kiosk import KioskError
from tests.campaigns.chaos.weather import WEATHERS
from tests.campaigns.chaos.world import World

PARTS = ("storm", "paths", "peers", "backlog")
_EXAMPLE = """\
Example:
  python -m tests.campaigns.chaos
  python -m tests.campaigns.chaos --short --seed 7
  python -m tests.campaigns.chaos --only storm --seed 1234 --minutes 30
"""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done."""

    passes: int
    weathers: int
    """How many kinds of weather a pass has."""
    kills: int
    troubles: Sequence[peers.Trouble]
    repeats: int
    """How often each trouble of the peers' table is played."""
    latency: Pacing | None
    messages: int
    """Of the backlog."""


FULL = Effort(
    passes=2,
    weathers=len(WEATHERS),
    kills=220,
    troubles=peers.TROUBLES,
    repeats=5,
    latency=Pacing(blocks=4, presses=50),
    messages=100_000,
)
SHORT = Effort(
    passes=1,
    weathers=2,
    kills=4,
    troubles=peers.TROUBLES[3:4],
    repeats=1,
    latency=None,
    messages=3_000,
)


class Run:
    """One run: `record` and `faults` grow as it goes on."""

    def __init__(self, console: Console, args: argparse.Namespace, directory: Path) -> None:
        self._console = console
        self._args = args
        self._effort = SHORT if args.short else FULL
        self._directory = directory
        self._began = time.monotonic()
        self.record: dict[str, Any] = {}
        self.faults: list[str] = []

    def say(self, text: str) -> None:
        """One line, with the time since the start."""
        self._console.print(f"{time.monotonic() - self._began:5.0f} s  {text}", highlight=False, markup=False)

    def storm(self) -> None:
        """Every weather, and the books."""
        self._storm("storm", self._effort.passes, self._effort.kills)

    def paths(self) -> None:
        """Half of the weathers, drawn anew, on the first of two paths, and the books."""
        self._storm("paths", 1, 0, share=0.5)

    def _storm(self, part: str, passes: int, kills: int, share: float = 1.0) -> None:
        there = namespaces.found()
        weathers = [weather for weather in WEATHERS if not weather.needs or weather.needs in there]
        for weather in WEATHERS:
            if weather not in weathers:
                self.say(f"NOT PLAYED: {weather.name}, as this machine does not let us have {weather.needs}")
        rng = random.Random(self._args.seed)
        count = min(self._effort.weathers, int(len(weathers) * share))
        rounds = storm.plan(rng, [rng.sample(weathers, count) for _ in range(passes)], kills)
        with World(self._directory / part, rng, there, two_paths=part == "paths") as world:
            until_s = self._began + self._args.minutes * 60
            outcome = storm.Storm(world, rounds, self.say, until_s).play()
            if outcome.faults:
                kept = ROOT / "build" / f"chaos-{part}.log"
                kept.parent.mkdir(exist_ok=True)
                shutil.copy(world.kiosk.log, kept)
                self.say(f"the agent's log is kept in {kept.relative_to(ROOT)}")
        self._console.rule("one path" if part == "storm" else "two paths, the second of which works")
        report.show_storm(self._console, outcome)
        self._note(part, report.storm_as_dict(outcome), outcome.faults)

    def peers(self) -> None:
        """Twenty presses in each trouble, and latency."""
        effort = self._effort
        arrived = peers.play(self._directory / "peers", effort.troubles, effort.repeats, self.say)
        ratio = None
        if effort.latency is not None:
            ratio = peers.measure_latency(self._directory / "latency", effort.latency, self.say)
        outcome = peers.PeersReport(arrived, ratio)
        peers.show(self._console, outcome)
        self._note("peers", outcome.as_dict(), outcome.faults)

    def backlog(self) -> None:
        """A press comes first, and memory stays flat."""
        rng = random.Random(self._args.seed)
        outcome = backlog.play(self._directory / "backlog", self._effort.messages, rng, self.say)
        backlog.show(self._console, outcome)
        self._note("backlog", outcome.as_dict(), outcome.faults)

    def write(self) -> None:
        """The record."""
        whole = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": self._args.seed,
            "short": self._args.short,
            "seconds": round(time.monotonic() - self._began, 1),
            "machine": machine.describe(),
            **self.record,
            "faults": self.faults,
        }
        measured.write_record(self._args.json, whole)
        self.say(f"everything in numbers: {self._args.json}")

    def _note(self, part: str, record: dict[str, Any], faults: Sequence[str]) -> None:
        self.record[part] = record
        self.faults += [f"{part}: {fault}" for fault in faults]


def main(argv: Sequence[str] | None = None) -> int:
    """Play, print and write; 0 when nothing was lost, doubled or out of order."""
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every process that was started is ended
    console = Console(width=None if sys.stdout.isatty() else 130)
    console.print(f"seed {args.seed}", highlight=False)
    with tempfile.TemporaryDirectory(prefix="edge-agent-chaos-") as directory:
        run = Run(console, args, Path(directory))
        parts: dict[str, Callable[[], None]] = dict(
            zip(PARTS, (run.storm, run.paths, run.peers, run.backlog), strict=True)
        )
        if args.short:
            del parts["paths"]
        try:
            for part in args.only or parts:
                parts[part]()
        except (KioskError, ChildError, AssertionError, subprocess.TimeoutExpired) as error:
            run.faults.append(str(error))
        except KeyboardInterrupt:
            return 130
        run.write()
    for fault in run.faults:
        console.print(fault, style="red", highlight=False)
    console.print("[red]FAILED[/]" if run.faults else "[green]nothing lost, nothing doubled, nothing out of order[/]")
    return 1 if run.faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaigns.chaos",
        description="Press buttons in every kind of trouble, and compare what was pressed with what the centre heard.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31), help="of a plan that was printed")
    parser.add_argument("--minutes", type=float, default=10, help="no round of a storm begins later (default 10)")
    parser.add_argument("--short", action="store_true", help="a few of everything, in less than half a minute")
    parser.add_argument("--only", action="append", choices=PARTS, help="one part; may be given again")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "chaos.json", help="default: build/chaos.json")
    return parser


if __name__ == "__main__":
    namespaces.enter("tests.campaigns.chaos", sys.argv[1:])
    sys.exit(main())
