"""`python -m tests.support.stalling_agent`: the agent, whose pipeline hangs once the file in STALL_FILE exists.

It stands for a lock that is never given back: every thread lives, and nothing is decided any more.
"""

import os
import sys
import threading
from pathlib import Path

from agent.__main__ import main
from agent.runtime.pipeline import Pipeline

_decide = Pipeline.run_once


def _decide_or_hang(self: Pipeline, timeout_s: float) -> None:
    if Path(os.environ["STALL_FILE"]).exists():
        threading.Event().wait()
    _decide(self, timeout_s)


if __name__ == "__main__":
    Pipeline.run_once = _decide_or_hang  # type: ignore[method-assign]
    sys.exit(main())
