"""What the demo shows: the centre's messages, the kiosk's lights, and what happens in plain words."""

import time
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from agent.models.cache import cache_directory
from deploy.lab.demo_centre import data_of
from deploy.lab.demo_stage import Stage
from edge_centre.adapters.paho_centre import Heard
from edge_centre.cli.readable import readable

_STYLES = {
    "alarm": "bold red",
    "event": "cyan",
    "security": "magenta",
    "health": "dim",
    "snapshot": "dim",
    "live": "dim",
}
_LIGHT_STYLES = {"yellow": "yellow", "green": "green"}
_POLL_EVERY_S = 0.1
_CHATTER = ("alarms", "health", "event/person-", "snapshot/", "live/")
"""Messages that come by themselves, again and again."""


class Screen:
    """Prints line after line, so that its output also reads well in a log file. One thread.

    As a context manager it keeps the lights, the keys and the newest message that came by itself at the bottom of the
    terminal, where nothing pushes them away.
    """

    def __init__(self, console: Console, stage: Stage, keys: str = "") -> None:
        self._console = console
        self._stage = stage
        self._keys = keys
        self._foot: Live | None = None
        self._chatter = Text()
        self._lights: dict[str, str] = {}
        self._polled = 0.0
        self._alarms: set[str] = set()

    def __enter__(self) -> "Screen":
        self._foot = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._foot.start()
        self._show_foot()
        return self

    def __exit__(self, *_: object) -> None:
        if self._foot is not None:
            self._foot.stop()
            self._foot = None

    def say(self, text: str, style: str = "bold") -> None:
        """Print what is happening, in plain words."""
        self._console.print(Text(text, style))

    def message(self, heard: Heard) -> None:
        """Show one message that the broker delivered."""
        topic = heard.topic.split("/up/", 1)[-1]
        level, _, name = topic.partition("/")
        text = readable(heard.topic, heard.payload)
        if level == "alarm":
            self._alarms.add(str(data_of(heard).get("alarm_id")))
        if level == "snapshot":
            text = text.partition(" for ")[0] + f": {self._saved(heard.payload, of_alarm=name in self._alarms)}"
        line = Text("  centre  ", "dim") + Text(text, _STYLES.get(level, ""))
        if self._foot is not None and topic.startswith(_CHATTER) and name not in self._alarms:
            self._chatter = line
            self._show_foot()
        else:
            self._console.print(line)

    def lights(self, *, force: bool = False) -> dict[str, str]:
        """Read the lights, and show them if they have changed. Raises EdgeAgentError."""
        now = time.monotonic()
        if force or now - self._polled >= _POLL_EVERY_S:
            self._polled = now
            lights = self._stage.lights()
            if lights != self._lights:
                self._lights = lights
                if self._foot is None:
                    self._console.print(self._lights_line())
                else:
                    self._show_foot()
        return self._lights

    def _lights_line(self) -> Text:
        line = Text("  kiosk   ", "dim")
        for name, pattern in self._lights.items():
            lit = pattern not in {"off", "not-wired"}
            line += Text(f"{name} {pattern}   ", _LIGHT_STYLES.get(name, "") + (" bold" if lit else " dim"))
        return line

    def _show_foot(self) -> None:
        if self._foot is not None:
            lines = [self._chatter, self._lights_line(), Text(self._keys)]
            for line in lines:
                line.truncate(self._console.width - 1, overflow="ellipsis")
            self._foot.update(Group(*lines), refresh=True)

    @staticmethod
    def _saved(picture: bytes, *, of_alarm: bool) -> Path:
        """Save the picture in place of the last one of its kind; return where it is, for a person to look at."""
        path = cache_directory() / f"demo-{'alarm' if of_alarm else 'event'}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
        return path
