"""The camera's day in a process of its own, while this one plays the kiosk's: an emulated processor each."""

import json
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from tests.bench.child import ROOT
from tests.hil.book import Row

_LONGEST_S = 900.0
"""With everything downloaded and built for the first time."""
_END_S = 20.0


class CameraDay(AbstractContextManager["CameraDay"]):
    """Begins when it is entered; what it says comes on the same standard output. Leaving ends it."""

    def __init__(self, record: Path) -> None:
        """`record` is the file of its rows; console and journal of its machine lie beside it."""
        self._record = record

    def __enter__(self) -> "CameraDay":
        self._record.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.hil.camera", "--json", str(self._record)]
        # It must not outlive us, whatever becomes of us; and Ctrl-C is for us alone.
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command], cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def rows(self) -> tuple[list[Row], str | None]:
        """Wait for its end: its rows, and what went wrong outside of any."""
        try:
            code = self._process.wait(_LONGEST_S)
        except subprocess.TimeoutExpired:
            return [], f"the camera's day did not end within {_LONGEST_S:g} s"
        if not self._record.exists():
            return [], f"the camera's day ended with code {code} and left no record"
        return read(self._record)


def read(record: Path) -> tuple[list[Row], str | None]:
    """The rows of a record, and its fault."""
    tree = json.loads(record.read_text(encoding="utf-8"))
    names = ("step", "title", "seen", "figures", "fault", "seconds")
    return [Row(**{name: row[name] for name in names}) for row in tree["rows"]], tree["fault"]
