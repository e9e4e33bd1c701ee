"""Any `cv2.VideoCapture`, with two hindrances: something that happens while it opens, and a driver that hangs."""

import threading
from collections.abc import Callable
from typing import Any

import pytest


class Hindrance:
    """Put on the class that `cv2.VideoCapture` is, or on `real` in its place, until the test ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, real: Any) -> None:
        self.during_open: Callable[[], object] = lambda: None
        self.hang: threading.Event | None = None
        """While it is there, a capture that grabs waits for it, whatever its limit."""
        hindrance = self

        class VideoCapture:
            def __init__(self, *arguments: Any) -> None:
                self._real = real(*arguments)
                hindrance.during_open()

            def grab(self) -> bool:
                if hindrance.hang is not None:
                    hindrance.hang.wait()
                grabbed: bool = self._real.grab()
                return grabbed

            def __getattr__(self, name: str) -> Any:
                return getattr(self._real, name)

        monkeypatch.setattr("cv2.VideoCapture", VideoCapture)
