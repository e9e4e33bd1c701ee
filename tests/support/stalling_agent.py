"""`python -m tests.support.stalling_agent`: the agent, one part of which hangs once the file in STALL_FILE exists.

STALL_PART names the part. It stands for a lock that is never given back or a driver that hangs: every thread lives,
and that part does nothing any more. With STALL_S nobody waits longer than that for a part that stands still.
"""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.__main__ import main
from agent.adapters import gpiozero_buttons
from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.adapters.paho_connection import PahoConnection
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.cameras.vision_link import VisionLink
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.supervision import main_loop
from agent.runtime.uplink.publisher import Publisher
from agent.sim.control import SimControl

PLACES: dict[str, tuple[type, str]] = {
    "pipeline": (Pipeline, "run_once"),
    "publisher": (Publisher, "run_once"),
    "commands": (CommandHandler, "run_once"),
    "lights": (GpiozeroLights, "_drive_all"),
    "mqtt": (PahoConnection, "_turn"),
    "vision-front": (VisionLink, "run_once"),
    "sim-control": (SimControl, "_do_what_is_due"),
}


def hang_when_told(do: Callable[..., Any]) -> Callable[..., Any]:
    """The same, until the file exists."""

    def do_or_hang(*args: Any, **more: Any) -> Any:
        if Path(os.environ["STALL_FILE"]).exists():
            threading.Event().wait()
        return do(*args, **more)

    return do_or_hang


def deaf_when_told(do: Callable[..., Any]) -> Callable[..., Any]:
    """The same, until the file exists: then it does nothing, as if the pin library's thread had ended."""

    def do_or_not(*args: Any) -> Any:
        return None if Path(os.environ["STALL_FILE"]).exists() else do(*args)

    return do_or_not


if __name__ == "__main__":
    if os.environ["STALL_PART"] == "pins":
        gpiozero_buttons._guarded = deaf_when_told(gpiozero_buttons._guarded)
    else:
        owner, name = PLACES[os.environ["STALL_PART"]]
        setattr(owner, name, hang_when_told(getattr(owner, name)))
    main_loop.STANDSTILL_S = float(os.environ.get("STALL_S", main_loop.STANDSTILL_S))
    sys.exit(main())
