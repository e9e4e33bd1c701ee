"""The camera process: `python -m agent.vision --fd N`, started by the core and by nobody else."""

import argparse
import logging
import os
import socket
import sys

from agent.core.errors import EdgeAgentError
from agent.vision.app import run
from agent.vision.priority import give_way


def main() -> int:
    """Run until the core says stop. Return 0 after an orderly stop, 1 after a failure (the reason is on stderr)."""
    parser = argparse.ArgumentParser(prog="python -m agent.vision", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the inherited socket to the core")
    arguments = parser.parse_args()
    give_way()
    time = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(level=logging.INFO, format=f"{time}%(levelname)s vision: %(message)s")
    try:
        with socket.socket(fileno=arguments.fd) as connection:
            connection.setblocking(True)
            run(connection)
    except (EdgeAgentError, OSError) as error:
        sys.stderr.write(f"camera process: {error}\n")
        return 1
    except Exception as error:
        logging.getLogger(__name__).exception("unexpected failure")
        sys.stderr.write(f"camera process: {type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # a thread that hangs in a driver would hold up an ordinary exit
