"""The agent with a finger on its buttons inside its own process, so that a kill can follow an edge at once.

Run as `python -m tests.campaigns.chaos.kiosk_program CONFIG NOTEBOOK LIES`. It is `agent.app.run` with simulated pins,
and nothing of it is changed but what the files in the directory LIES ask for:

- `sync`: the disk's answer to a sync, `hang` (until the file is gone) or `fail`;
- `wall`: so many seconds are added to the wall clock.

Each line of the standard input is a burst of presses: `{"presses": [[NAME, PAUSE_S], ...], "kill": true}`. The pause
comes before its press; `kill` ends the process with SIGKILL right after the last edge. It says `ready` on the standard
output when the buttons are live.
"""

import errno
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.campaigns.chaos.notebook import Notebook

_LOOK_AGAIN_S = 0.02
_HOLD_S = 0.002
_LOOKS = 25


def main() -> int:
    """Run until SIGTERM, or a kill."""
    config, notebook, lies = (Path(argument) for argument in sys.argv[1:4])
    _let_the_disk_lie(lies / "sync")  # before the agent is imported: it may keep the function it finds
    from agent import app  # noqa: PLC0415
    from agent.adapters.system_clock import SystemClock  # noqa: PLC0415
    from agent.bootstrap import simulation  # noqa: PLC0415
    from agent.bootstrap.platform import this_machine  # noqa: PLC0415
    from agent.settings import load  # noqa: PLC0415
    from agent.settings.kept import Begun  # noqa: PLC0415

    _let_the_clock_lie(SystemClock, lies / "wall")
    logging.basicConfig(stream=sys.stderr, level="INFO", format="%(asctime)s %(levelname)s %(threadName)s: %(message)s")
    settings = load(config)
    factories: list[Any] = []
    outside = this_machine(settings, simulation.levels(settings))

    def open_and_keep() -> Any:
        factories.append(outside.open_pins())
        return factories[-1]

    pins = {button.name: button.pin for button in settings.buttons}
    finger = _Finger(pins, settings.lights.yellow, Notebook(notebook, sorted(pins)))
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())

    def on_ready(main_loop: Any) -> None:
        signal.signal(signal.SIGTERM, lambda *_: main_loop.stop())
        if asked.is_set():
            main_loop.stop()
        threading.Thread(target=finger.run, args=(factories[-1],), name="finger", daemon=True).start()
        os.write(1, b"ready\n")

    ended = app.run(
        Begun.of(settings), simulate=True, on_ready=on_ready, outside=replace(outside, open_pins=open_and_keep)
    )
    return ended if isinstance(ended, int) else 1


class _Finger:
    def __init__(self, pins: dict[str, int], yellow: int | None, notebook: Notebook) -> None:
        self._pins = pins
        self._yellow = yellow
        self._notebook = notebook

    def run(self, factory: Any) -> None:
        for line in sys.stdin:
            request = json.loads(line)
            presses = request["presses"]
            for number, (name, pause_s) in enumerate(presses, start=1):
                time.sleep(pause_s)
                self._press(factory, name, kill=request["kill"] and number == len(presses))

    def _press(self, factory: Any, name: str, *, kill: bool) -> None:
        pin = factory.pin(self._pins[name])
        self._notebook.begin(name, _now_ns())
        pin.drive_low()
        self._notebook.done(_now_ns())
        if kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if not self._is_lit(factory.pin(self._yellow)):
            self._notebook.dark()
        time.sleep(_HOLD_S)
        pin.drive_high()

    @staticmethod
    def _is_lit(yellow: Any) -> bool:
        """On, or flashing: an alarm that nobody has answered for long flashes.

        Looks are counted and not seconds: the process may be frozen in between.
        """
        for _ in range(_LOOKS):
            if yellow.state:
                return True
            time.sleep(_LOOK_AGAIN_S)
        return False


def _now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _let_the_disk_lie(order: Path) -> None:
    def lying(sync: Callable[[int], None]) -> Callable[[int], None]:
        def answer(descriptor: int) -> None:
            while (said := _read(order)) == "hang":
                time.sleep(_LOOK_AGAIN_S)
            if said == "fail":
                raise OSError(errno.EIO, "Input/output error")
            sync(descriptor)

        return answer

    os.fdatasync = lying(os.fdatasync)  # type: ignore[assignment]
    os.fsync = lying(os.fsync)  # type: ignore[assignment]


def _let_the_clock_lie(clock: Any, order: Path) -> None:
    clock.wall = lambda self: datetime.now(UTC) + timedelta(seconds=float(_read(order) or 0))


def _read(order: Path) -> str:
    try:
        return order.read_text()
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
