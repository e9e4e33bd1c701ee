"""pytest, which asks a test that has failed once more, alone: `python -m tests.support.ask_again ARGUMENTS`.

Its exit code is pytest's, or 0 if each test that had failed passes alone. Those are named in `build/unstable.txt`, with
what they said when they failed.
"""

import subprocess
import sys
from pathlib import Path

import pytest

_MOST = 10
"""If more have failed, it is no race."""
_LAST_LINES = 15
_UNSTABLE = Path("build", "unstable.txt")


class _Failures:
    """By the id of a test that has failed: what it said."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self.is_whole = True
        """Whether every file could be read, so that every failure is a test's."""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.is_whole = self.is_whole and not report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.said.setdefault(report.nodeid, report.longreprtext)


def main(arguments: list[str]) -> int:
    failures = _Failures()
    code = pytest.main(arguments, plugins=[failures])
    is_race = code == pytest.ExitCode.TESTS_FAILED and failures.is_whole and 0 < len(failures.said) <= _MOST
    if not is_race:
        return int(code)
    print(f"Asked again, alone: {len(failures.said)}", flush=True)
    still = 0
    for test, said in failures.said.items():
        if subprocess.run([sys.executable, "-m", "pytest", "-n", "0", test], check=False).returncode:
            still = int(code)
            continue
        _UNSTABLE.parent.mkdir(exist_ok=True)
        with _UNSTABLE.open("a", encoding="utf-8") as file:
            file.write("\n    ".join([test, *said.splitlines()[-_LAST_LINES:]]) + "\n")
    return still


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
