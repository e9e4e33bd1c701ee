"""The pictures that the agent has given, one of each camera, so that two requests for the same cost the camera one."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

PAUSE_S = 0.55
"""Between two pictures of one camera: the agent gives two in a second at most."""


class Picture(NamedTuple):
    """A picture with its masks, and what it tells of the camera."""

    number: int
    jpeg: bytes
    focus: float
    light: float


class Views:
    """Any thread."""

    def __init__(self, directory: Path) -> None:
        """`directory` is where the agent puts them."""
        self._directory = directory
        self._lock = threading.Lock()
        self._newest: dict[str, Picture] = {}
        self._next_s: dict[str, float] = {}

    def get(self, camera: str, after: int) -> Picture | None:
        """Return the newest picture if it is newer than `after`."""
        with self._lock:
            picture = self._newest.get(camera)
        return picture if picture is not None and picture.number > after > 0 else None

    def pause(self, camera: str) -> None:
        """Wait until the agent may be asked for another picture of this camera."""
        with self._lock:
            now_s = time.monotonic()
            at_s = max(now_s, self._next_s.get(camera, now_s))
            self._next_s[camera] = at_s + PAUSE_S
        time.sleep(at_s - now_s)

    def put(self, camera: str, told: Mapping[str, Any]) -> Picture:
        """Take a picture of which the agent has told, and return it. Raises OSError."""
        jpeg = (self._directory / Path(told["file"]).name).read_bytes()
        picture = Picture(told["number"], jpeg, told["focus"], told["light"])
        with self._lock:
            self._newest[camera] = picture
        return picture
