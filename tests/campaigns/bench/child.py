"""A process of the bench that does one job: a JSON object a line goes in, one comes back.

It ends when its input does, so nothing is left behind whatever becomes of the bench.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
_END_S = 90.0


class ChildError(Exception):
    """A process of the bench failed or did not answer in time."""


class Child:
    """Enter to start it and to wait until it is ready (it then says so); leaving ends it."""

    def __init__(self, *command: str, what: str, start_s: float = 90.0) -> None:
        self._command = [sys.executable, *command]
        self._what = what
        self._start_s = start_s
        self._pending = b""

    def __enter__(self) -> "Child":
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=clean_environment(),
        )
        try:
            self._answer(self._start_s)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def ask(self, timeout_s: float, **request: Any) -> Any:
        """Send a request and return the answer. Raises ChildError."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise ChildError(f"{self._what} has ended") from error
        return self._answer(timeout_s)

    def _answer(self, timeout_s: float) -> Any:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._pending:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
                raise ChildError(f"{self._what} did not answer within {timeout_s:g} s")
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                code = self._process.wait(_END_S)
                raise ChildError(f"{self._what} ended with code {code}: {self._last_words()}")
            self._pending += piece
        line, _, self._pending = self._pending.partition(b"\n")
        return json.loads(line)

    def _last_words(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")[-2000:].strip()

    def _end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(_END_S)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()


def clean_environment(**more: str) -> dict[str, str]:
    """Our environment without the agent's own settings, pytest's and Python's: modules are compiled once, as they
    are where they are installed."""
    foreign = ("EDGE_AGENT_", "PYTEST_", "PYTHON")
    ours = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    return {**ours, **more}


def serve(answer: Callable[[dict[str, Any]], Any]) -> None:
    """The child's side: say that it is ready, then answer each request until the input ends."""
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
