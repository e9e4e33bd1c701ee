"""The recorder of a camera: `python -m agent.recorder --fd N`, started by the core and by nobody else."""

import argparse
import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from agent.core.errors import EdgeAgentError
from agent.recorder.app import run

NICENESS = 5
"""After the core, and before the camera processes: what was pressed must get onto the card."""
OOM_SCORE = 200
"""The same where memory is short."""


def main() -> int:
    """Run until the core says stop or is gone. Return 0 then, 1 after a failure (the reason is on stderr)."""
    parser = argparse.ArgumentParser(prog="python -m agent.recorder", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the inherited socket to the core")
    arguments = parser.parse_args()
    # They go to every process of a terminal or a service; the core decides, and closes the link at its own end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(NICENESS)
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE), encoding="ascii")
    time = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(level=logging.INFO, format=f"{time}%(levelname)s recorder: %(message)s")
    try:
        with socket.socket(fileno=arguments.fd) as connection:
            connection.setblocking(True)
            run(connection)
    except (EdgeAgentError, OSError) as error:
        sys.stderr.write(f"recorder: {error}\n")
        return 1
    except Exception as error:
        logging.getLogger(__name__).exception("unexpected failure")
        sys.stderr.write(f"recorder: {type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # a thread that hangs in a driver would hold up an ordinary exit
