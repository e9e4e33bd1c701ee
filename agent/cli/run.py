"""`edge-agent run`: the agent itself."""

import argparse
import atexit
import gc
import logging
import os
import signal
import sys
from types import FrameType

from agent.contract import layers
from agent.contract.command_line import add_config
from agent.runtime.supervision.log_stream import LogStream
from agent.runtime.supervision.main_loop import MainLoop
from agent.settings import kept

log = logging.getLogger(__name__)

_EXAMPLE = """\
Example:
  edge-agent run
  edge-agent run --config firmware_configs/simulated/edge-agent.toml --simulate
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "run",
        help="run the agent",
        description="Run the agent until SIGTERM or Ctrl-C. Exit code 1 if a part that a press needs fails.",
        epilog=_EXAMPLE,
    )
    add_config(parser)
    parser.add_argument("--simulate", action="store_true", help="simulate all hardware")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until stopped."""
    gc.disable()  # until the buttons are live: see app.run
    begun = kept.begin(args.config)
    _log_to_stderr(begun.settings.log.level)
    if len(files := layers.files(args.config)) > 1:
        log.info("settings from %s", ", ".join(map(str, files)))
    from agent import app  # noqa: PLC0415 - mistakes in the settings are reported before the libraries load

    stop = _Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop.asked)
    while isinstance(ended := app.run(begun, simulate=args.simulate, on_ready=stop.connect), kept.Begun):
        gc.disable()
        gc.unfreeze()
        begun = ended
    return ended


class _Stop:
    """Accepts a signal at any time, even before there is anything to stop."""

    def __init__(self) -> None:
        self._asked = False
        self._main_loop: MainLoop | None = None

    def asked(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature is Python's
        self._asked = True
        if self._main_loop is not None:
            self._main_loop.stop()

    def connect(self, main_loop: MainLoop) -> None:
        self._main_loop = main_loop
        if self._asked:
            main_loop.stop()


def _log_to_stderr(level: str) -> None:
    """Log one line per record to stderr; systemd's journal adds the time itself. No thread waits for the reader."""
    stream = LogStream(sys.stderr.fileno())
    stream.start()
    atexit.register(stream.stop)
    sys.stderr = stream  # tracebacks go the same way
    time = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(
        level=level.upper(),
        format=f"{time}%(levelname)s %(threadName)s: %(message)s",
        handlers=[_LogHandler(stream)],
    )


class _LogHandler(logging.StreamHandler[LogStream]):
    def flush(self) -> None:
        """Do nothing, so that no line is flushed on its own."""
