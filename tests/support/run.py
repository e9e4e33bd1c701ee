"""Commands that tests run."""

import subprocess
from typing import Any


def ran(*command: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, in at most 60 s unless `options`, those of subprocess.run, say otherwise."""
    usual = {"capture_output": True, "text": True, "check": False, "timeout": 60}
    return subprocess.run([str(word) for word in command], **{**usual, **options})  # noqa: PLW1510 - among the usual
