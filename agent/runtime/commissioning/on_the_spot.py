"""What the tap tells a technician about the cameras in front of them: pictures, what is drawn on them, and mistakes."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent.contract.leaves import DocumentError, parse
from agent.ports import Clock
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.supervision.shared_file import replace_shared

_PAUSE_NS = 500_000_000
"""How long between two pictures of one camera: enough for somebody who aims it, and a small board has other work."""

Tells = Callable[[Mapping[str, Any]], None]
Says = Callable[[], Mapping[str, Any]]
log = logging.getLogger(__name__)


class Views:
    """Answers `view`: a picture, on a thread that lives as long as one request. Nothing is done while nobody asks."""

    def __init__(self, cameras: Cameras, names: frozenset[str], directory: Path, group: str, clock: Clock) -> None:
        """Pictures go to `directory`, for the agent's user and `group`."""
        self._cameras = cameras
        self._names = names
        self._directory = directory
        self._group = group
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._next_ns = dict.fromkeys(names, 0)
        self._number = 0

    def ask(self, word: str, body: bytes, tell: Tells) -> None:  # noqa: ARG002 - the word is `view`
        """Begin to answer; `tell` gets the answer, on another thread. Never blocks."""
        name, now_ns = body.decode("ascii", "replace"), self._clock.boottime_ns()
        if name not in self._names:
            tell({"view": name[:64], "refused": "there is no such camera"})
        elif now_ns < self._next_ns[name] or (self._thread is not None and self._thread.is_alive()):
            tell({"view": name, "refused": "not so often"})
        else:
            self._next_ns[name] = now_ns + _PAUSE_NS
            self._thread = threading.Thread(target=self._run, args=(name, tell), name="view", daemon=True)
            with suppress(RuntimeError):  # no memory for a thread: whoever asked asks again
                self._thread.start()

    def _run(self, name: str, tell: Tells) -> None:
        view = self._cameras.view(name)
        if view.jpeg is None or view.aim is None:
            tell({"view": name, "refused": view.detail})
            return
        file = self._directory / f"view-{name}.jpg"
        try:
            replace_shared(file, view.jpeg, self._group)
        except OSError as error:
            tell({"view": name, "refused": f"it can't be written: {error.strerror}"})
            return
        self._number += 1
        aim = {"focus": round(view.aim.focus, 1), "light": round(view.aim.light, 1)}
        tell({"view": name, "file": file.name, "number": self._number, **aim})


class Drawn:
    """Answers `cameras`, `settings` and `check`. On the tap's thread."""

    def __init__(
        self, cameras: Says, settings: Says, mistakes: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> None:
        """`cameras` returns what is drawn, `settings` what else may be set, `mistakes` what an order would be refused
        for."""
        self._cameras = cameras
        self._settings = settings
        self._mistakes = mistakes

    def ask(self, word: str, body: bytes, tell: Tells) -> None:
        """Answer at once."""
        if word == "cameras":
            tell({"cameras": self._cameras()})
            return
        if word == "settings":
            tell({"settings": self._settings()})
            return
        try:
            changes = parse(body)
        except DocumentError as error:
            tell({"checked": {"mistakes": [{"path": "", "sentence": str(error)}], "two": None}})
            return
        tell({"checked": self._mistakes(changes if isinstance(changes, dict) else {})})
