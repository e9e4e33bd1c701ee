"""How long after the edge a press outlives what: yellow, the death of the process, the loss of power.

A process of the bench: `python -m tests.campaigns.bench.press_window CONFIG`. It is `agent.app.run` with a finger on
the pins inside, and stop watches at three places of the agent. A request is `{"presses", "pause_s", "hang"}`; the
answer has the milliseconds of each press from the driving of its pin: `lit` (the finger puts the light out before),
`boxed` and, unless the disk is to `hang` in a sync until all presses are made, `safe`.
"""

import sys
import threading
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent import app
from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.bootstrap import kiosk, simulation
from agent.bootstrap.platform import this_machine
from agent.contract.lamps import IDLE
from agent.outbox.black_box import BlackBox
from agent.outbox.store import MessageStore
from agent.settings import Settings, load
from agent.settings.kept import Begun
from tests.campaigns.bench.child import serve

_HOLD_S = 0.005
_PATIENCE_S = 10.0


class StopWatches:
    """The first time after each edge that a place is reached."""

    def __init__(self) -> None:
        self._edge_ns = 0
        self._reached: dict[str, int] = {}
        self.is_safe = threading.Event()

    def begin(self) -> None:
        """The pin is about to be driven."""
        self._reached = {}
        self.is_safe.clear()
        self._edge_ns = time.monotonic_ns()

    def reached(self, place: str) -> None:
        """A place is reached; `safe` does not count before `boxed`, since it then belongs to what came before."""
        if place == "safe" and "boxed" not in self._reached:
            return
        self._reached.setdefault(place, time.monotonic_ns())
        if place == "safe":
            self.is_safe.set()

    def milliseconds(self) -> dict[str, float]:
        """From the edge to each place that was reached."""
        return {place: (at - self._edge_ns) / 1e6 for place, at in self._reached.items()}


class Finger:
    """Presses simulated buttons, and keeps the disk from answering."""

    def __init__(self, settings: Settings, watches: StopWatches) -> None:
        self._button = settings.buttons[0].pin
        self._yellow = settings.lights.yellow
        self._watches = watches
        self._disk_answers = threading.Event()
        self._disk_answers.set()
        self.factory: Any = None
        self.lights: Any = None

    def watch(self) -> None:
        """Put the stop watches into the agent."""
        append, sync = BlackBox.append, MessageStore.sync

        def watched_append(box: BlackBox, *arguments: Any) -> bool:
            taken = append(box, *arguments)
            self._watches.reached("boxed")
            return taken

        def watched_sync(store: MessageStore) -> None:
            self._disk_answers.wait()
            sync(store)
            self._watches.reached("safe")

        setattr(BlackBox, "append", watched_append)  # noqa: B010 - for mypy, a method is not assigned to
        setattr(MessageStore, "sync", watched_sync)  # noqa: B010

    def watch_yellow(self) -> None:
        """And one into the simulated pin of the yellow light."""
        pin = self.factory.pin(self._yellow)
        drive = pin._set_state

        def driven(level: bool) -> None:
            drive(level)
            if level:
                self._watches.reached("lit")

        pin._set_state = driven

    def press(self, request: dict[str, Any]) -> dict[str, list[float]]:
        """Press so often."""
        figures: dict[str, list[float]] = defaultdict(list)
        if request["hang"]:
            self._disk_answers.clear()
        try:
            pin = self.factory.pin(self._button)
            for _ in range(request["presses"]):
                time.sleep(request["pause_s"])
                self.lights.show(IDLE)
                self._watches.begin()
                pin.drive_low()
                if not request["hang"]:
                    assert self._watches.is_safe.wait(_PATIENCE_S), "the disk did not answer"
                for place, ms in self._watches.milliseconds().items():
                    figures[place].append(ms)
                time.sleep(_HOLD_S)
                pin.drive_high()
        finally:
            self._disk_answers.set()
        return figures


def main() -> int:
    """Run the agent, and press on request until the input ends."""
    settings = load(Path(sys.argv[1]))
    finger = Finger(settings, StopWatches())
    finger.watch()
    outside = this_machine(settings, simulation.levels(settings))

    def open_and_keep() -> Any:
        finger.factory = outside.open_pins()
        return finger.factory

    class Lights(GpiozeroLights):
        def start(self) -> None:
            finger.lights = self
            super().start()

    kiosk.GpiozeroLights = Lights  # type: ignore[attr-defined]

    def on_ready(main_loop: Any) -> None:
        finger.watch_yellow()

        def serve_and_stop() -> None:
            serve(finger.press)
            main_loop.stop()

        threading.Thread(target=serve_and_stop, name="finger", daemon=True).start()

    ended = app.run(
        Begun.of(settings), simulate=True, on_ready=on_ready, outside=replace(outside, open_pins=open_and_keep)
    )
    return ended if isinstance(ended, int) else 1


if __name__ == "__main__":
    sys.exit(main())
