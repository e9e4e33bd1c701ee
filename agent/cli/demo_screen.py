"""What the demo shows: the centre's messages, the kiosk's lights, and what happens in plain words."""

import time

from rich.console import Console
from rich.text import Text

from agent.adapters.paho_centre import Heard
from agent.cli.demo_stage import Stage
from agent.cli.readable import readable

_STYLES = {"alarm": "bold red", "event": "cyan", "security": "magenta", "health": "dim", "snapshot": "dim"}
_LIGHT_STYLES = {"yellow": "yellow", "green": "green"}
_LOOK_EVERY_S = 0.1


class Screen:
    """Prints lines, one below the other, so that a log file of it reads well too. One thread."""

    def __init__(self, console: Console, stage: Stage) -> None:
        self._console = console
        self._stage = stage
        self._lights: dict[str, str] = {}
        self._looked = 0.0

    def say(self, text: str, style: str = "bold") -> None:
        """What is happening, in plain words."""
        self._console.print(Text(text, style))

    def message(self, heard: Heard) -> None:
        """One message that the broker delivered."""
        level = heard.topic.split("/up/", 1)[-1].split("/")[0]
        self._console.print(
            Text("  centre  ", "dim") + Text(readable(heard.topic, heard.payload), _STYLES.get(level, ""))
        )

    def lights(self, *, force: bool = False) -> dict[str, str]:
        """Look at the lights, and print them when they have changed. Raises EdgeAgentError."""
        now = time.monotonic()
        if force or now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            lights = self._stage.lights()
            if lights != self._lights:
                self._lights = lights
                line = Text("  kiosk   ", "dim")
                for name, pattern in lights.items():
                    lit = pattern not in {"off", "not-wired"}
                    line += Text(f"{name} {pattern}   ", _LIGHT_STYLES.get(name, "") + (" bold" if lit else " dim"))
                self._console.print(line)
        return self._lights
