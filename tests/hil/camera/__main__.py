"""`python -m tests.hil.camera`: the day of a camera alone. `make hil` plays it beside the kiosk's."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.child import ROOT
from tests.hil import camera, report, tools, traces
from tests.hil.architecture import AMD64
from tests.hil.book import FAULTS, Book, DayOverError, Row
from tests.hil.camera.site import CameraSite
from tests.hil.kiosk import Kiosk


def main(arguments: Sequence[str] | None = None) -> int:
    """Play it; 0 when everything was as it must be. The record has the rows, and what went wrong outside of any."""
    parser = argparse.ArgumentParser(prog="python -m tests.hil.camera", description=__doc__)
    default = ROOT / "build" / "hil-camera.json"
    parser.add_argument("--json", type=Path, default=default, help="default: build/hil-camera.json")
    args = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything that was started is ended
    began_s = time.monotonic()

    def tell(row: Row) -> None:
        said = row.fault or row.seen
        print(f"{time.monotonic() - began_s:5.0f} s  {'ok    ' if row.fault is None else 'FAILED'} ", end="")
        print(f"{row.step}: {row.title}: {said.splitlines()[0] if said else ''}", flush=True)

    book = Book(tell)
    try:
        tools.ensure(AMD64)
        fault = _play(args.json, book)
    except tools.MissingError as error:
        fault = str(error)
    except KeyboardInterrupt:
        return 130
    report.write_json(args.json, book.rows, {"fault": fault})
    return 1 if fault or book.faults else 0


def _play(record: Path, book: Book) -> str | None:
    with tempfile.TemporaryDirectory(prefix="edge-agent-hil-camera-") as directory:
        try:
            with Kiosk(AMD64, Path(directory)) as kiosk:
                site = CameraSite(kiosk)
                try:
                    for name, play in camera.STEPS.items():
                        book.step = name
                        play(site, book)
                finally:
                    traces.keep(kiosk.machine, record)
        except DayOverError:
            return "nothing that would have followed made sense"
        except FAULTS as error:
            return f"{type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
