"""A process that the core, or a child of it, has started: its place on the machine, and its life from socket to end."""

import argparse
import ctypes
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from agent.core.errors import EdgeAgentError

NICENESS, OOM_SCORE = 10, 500
"""Of whoever watches a camera: they give way first."""
_PR_SET_PDEATHSIG = 1
_M_ARENA_MAX = -8


def give_way(niceness: int = NICENESS, oom_score: int = OOM_SCORE) -> None:
    """Lower the priority by `niceness`, and ask to be killed early when memory is short (`oom_score`, up to 1000).

    Best effort: a sandbox may forbid either."""
    with suppress(OSError):
        os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(oom_score), encoding="ascii")


def leave_signals_to_the_core() -> None:
    """Ignore SIGINT and SIGTERM: a terminal or a service manager sends them to every process, and the core decides when
    this one stops."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def keep_memory_in_one_place() -> None:
    """Have all threads share one heap, which glibc gives them one each of: 2 MiB less. Before there are any."""
    with suppress(OSError, AttributeError):  # a C library that has none
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends. Best effort."""
    with suppress(OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def run_child(room: str, called: str, description: str | None, run: Callable[[socket.socket], None]) -> NoReturn:
    """Run `python -m agent.ROOM --fd N` on its socket to the core, and end the process: with code 0 when `run` returns,
    and 1 after a failure, whose reason is on stderr in the name of `called`."""
    parser = argparse.ArgumentParser(prog=f"python -m agent.{room}", description=description)
    parser.add_argument("--fd", type=int, required=True, help="the inherited socket to the core")
    arguments = parser.parse_args()
    time = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(level=logging.INFO, format=f"{time}%(levelname)s {room}: %(message)s")
    code = 1
    try:
        with socket.socket(fileno=arguments.fd) as connection:
            connection.setblocking(True)
            run(connection)
        code = 0
    except (EdgeAgentError, OSError) as error:
        sys.stderr.write(f"{called}: {error}\n")
    except Exception as error:
        logging.getLogger(__name__).exception("unexpected failure")
        sys.stderr.write(f"{called}: {type(error).__name__}: {error}\n")
    sys.stderr.flush()
    os._exit(code)  # a thread that hangs in a driver would hold up an ordinary exit
