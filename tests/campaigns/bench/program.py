"""A bench as a program: its arguments, the run in a directory of its own, and then the table and the record."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from agent.core.errors import EdgeAgentError
from tests.campaigns import measured
from tests.campaigns.bench import machine
from tests.campaigns.bench.child import ROOT, ChildError


def parser(module: str, description: str, examples: str, *, record: str, quick: str) -> argparse.ArgumentParser:
    """What every bench can be told. `record` is where it writes if nothing else is said, `quick` the help of that."""
    made = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    effort = made.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help=quick)
    effort.add_argument("--write", action="store_true", help="put what was found into docs/measured.md")
    made.add_argument("--json", type=Path, metavar="FILE", default=ROOT / record, help=f"default: {record}")
    return made


class Program:
    """One run, from what the command line said. It begins by saying on which machine it is."""

    def __init__(self, args: argparse.Namespace) -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every process that was started is ended
        self._args = args
        self._began = time.monotonic()
        self.console = Console()
        self.machine = machine.describe()
        self.console.print(
            f"{self.machine['processor']}, {self.machine['cores']} cores, Python {self.machine['python']}"
        )

    def say(self, text: str) -> None:
        """One line, with the time since the start."""
        self.console.print(f"{time.monotonic() - self._began:5.0f} s  {text}", highlight=False)

    @contextmanager
    def directory(self) -> Iterator[Path]:
        """Where everything is measured. What fails in it is told in one line, and ends the program with 1, or 130."""
        with tempfile.TemporaryDirectory(prefix="edge-agent-bench-") as directory:
            try:
                yield Path(directory)
            except (ChildError, EdgeAgentError, AssertionError) as error:
                self.console.print(f"bench: {error}", style="red", highlight=False)
                sys.exit(1)
            except KeyboardInterrupt:
                sys.exit(130)

    def report(self, table: RenderableType, **found: dict[str, Any]) -> None:
        """Show the table, and write the record with what was `found` in it."""
        self.console.print(table)
        record = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "quick": self._args.quick,
            "seconds": round(time.monotonic() - self._began, 1),
            "machine": self.machine,
            **found,
        }
        measured.write_record(self._args.json, record)
