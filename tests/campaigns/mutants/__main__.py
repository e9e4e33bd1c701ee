"""`python -m tests.campaigns.mutants`: break the code, line by line, and see whether the tests notice."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.campaigns import measured
from tests.campaigns.mutants import named, score
from tests.campaigns.mutants.breakage import Breakage
from tests.campaigns.mutants.equivalent import EQUIVALENT

_LEAST = 0.97
_REPORT = named.ROOT / "build" / "mutants.json"
_PROGRESS = re.compile(r"(\d+)/(\d+) .*?🎉 (\d+) 🫥 (\d+) .*?🙁 (\d+)")
_TELL_EVERY_S = 15.0


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every named breakage is noticed, and enough of the others."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.mutants", description=__doc__)
    parser.add_argument("only", nargs="*", help="files to break, such as agent/core/alarms/siren.py; without any, all")
    options = parser.parse_args(arguments)
    os.chdir(named.ROOT)
    console = Console(highlight=False, soft_wrap=True)
    workers = max(1, os.cpu_count() or 1)
    unnoticed: list[Breakage] = []
    if not options.only:
        unnoticed = _run_named(console, workers)
    if not _run_mutmut(console, workers, options.only):
        return 2
    scores, seen = score.read(options.only)
    stale = [] if options.only else [each for each in EQUIVALENT if each not in seen]
    _tell(console, scores)
    for each in stale:
        console.print(
            f"[red]listed as equivalent, but no survivor:[/] {each.file}, {each.function}: {escape(each.line)}"
        )
    _write_report(scores, unnoticed)
    share = score.share(scores)
    good = not unnoticed and not stale and share >= _LEAST and not any(each.unchecked for each in scores)
    console.print(f"{share:.1%} of the mutants are noticed, at least {_LEAST:.0%} are wanted")
    if not options.only:
        console.print(f"{len(unnoticed)} of {len(named.BREAKAGES)} named breakages are not noticed")
    console.print(f"{'[green]good' if good else '[red]not good'}[/], see {_REPORT.relative_to(named.ROOT)}")
    return 0 if good else 1


def _run_named(console: Console, workers: int) -> list[Breakage]:
    unnoticed = []
    done = 0

    def tell(breakage: Breakage, noticed: bool) -> None:
        nonlocal done
        done += 1
        verdict = "[green]noticed[/]" if noticed else "[red]NOT NOTICED[/]"
        console.print(f"{done:3}/{len(named.BREAKAGES)} {verdict} {breakage.name}")
        if not noticed:
            unnoticed.append(breakage)

    named.run(workers, tell)
    return unnoticed


def _run_mutmut(console: Console, workers: int, only: Sequence[str]) -> bool:
    """Have mutmut try every mutant; false when it could not. It has no old results to go by but for `only`."""
    if not only:
        shutil.rmtree(score.RESULTS, ignore_errors=True)
    names = [file.removesuffix(".py").replace("/", ".") + ".*" for file in only]
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(workers), *names]
    last: list[str] = []
    began: tuple[float, int] | None = None
    told_at = 0.0
    # It writes its progress over itself, line after line.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as mutmut:
        assert mutmut.stdout is not None
        for line in mutmut.stdout:  # universal newlines: a carriage return ends a line too
            last = [*last[-40:], line.rstrip()]
            if (found := _PROGRESS.search(line)) is None:
                continue
            done, total, _, untested, survived = map(int, found.groups())
            now = time.monotonic()
            began = began or (now, done)
            if done > began[1] and now - told_at >= _TELL_EVERY_S:
                told_at = now
                left_s = (now - began[0]) / (done - began[1]) * (total - done)
                console.print(f"{done}/{total} mutants, {untested + survived} not noticed, {left_s / 60:.0f} min left")
    if mutmut.returncode:
        console.print("[red]mutmut failed:[/]", escape("\n".join(last)))
    return mutmut.returncode == 0


def _tell(console: Console, scores: list[score.FileScore]) -> None:
    for each in score.survivors(scores):
        console.print(f"\n[bold]{each.file}, {each.function}[/]: {each.status}")
        console.print(escape("\n".join(line for line in each.diff.splitlines()[2:] if line[0] in "-+")))
    table = Table("file", "mutants", "noticed", "not noticed", "equivalent", "share")
    for file in scores:
        row = (file.total, file.noticed, len(file.survivors), file.equivalent, f"{file.noticed / file.total:.0%}")
        table.add_row(file.file, *map(str, row))
    console.print(table)


def _write_report(scores: list[score.FileScore], unnoticed: list[Breakage]) -> None:
    report: dict[str, Any] = {
        "share": round(score.share(scores), 4),
        "named": {"total": len(named.BREAKAGES), "not_noticed": [each._asdict() for each in unnoticed]},
        "files": [asdict(each) for each in scores],
    }
    measured.write_record(_REPORT, report)


if __name__ == "__main__":
    sys.exit(main())
