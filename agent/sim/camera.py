"""A camera without a camera: it shows pictures from a folder, or draws them."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.core.errors import CameraError, CameraSilentError
from agent.ports import Frame

Pixels = npt.NDArray[np.uint8]
DEFAULT_SIZE = (640, 480)
_BAR_COLOURS = ((255, 255, 255), (0, 255, 255), (255, 255, 0), (0, 255, 0), (255, 0, 255), (0, 0, 255))


def drawn_picture(width: int, height: int, number: int) -> Pixels:
    """Colour bars, and a white block that wanders with `number`, so that a still picture is noticed."""
    pixels = np.zeros((height, width, 3), np.uint8)
    edges = np.linspace(0, width, len(_BAR_COLOURS) + 1).astype(int)
    for left, right, colour in zip(edges, edges[1:], _BAR_COLOURS, strict=False):
        pixels[:, left:right] = colour
    side = max(min(width, height) // 8, 1)
    left = number * 4 % max(width - side, 1)
    pixels[height - side :, left : left + side] = 255
    return pixels


class SimCamera:
    """A camera behind the Camera port that paces itself: `pictures` in turn, or drawn ones of `size`."""

    def __init__(
        self,
        boottime_ns: Callable[[], int],
        size: tuple[int, int] | None = None,
        frames_per_second: float = 10.0,
        pictures: Sequence[Pixels] = (),
    ) -> None:
        self._boottime_ns = boottime_ns
        self._size = size or DEFAULT_SIZE
        self._period_ns = round(1e9 / frames_per_second)
        self._pictures = tuple(map(_read_only, pictures))  # each is given again and again
        self._closed = threading.Event()
        self._closed.set()
        self._number = 0
        self._due_ns = 0

    def open(self) -> None:
        """Begin to give frames."""
        self._closed.clear()
        self._number = 0
        self._due_ns = self._boottime_ns()

    def read(self, timeout_s: float) -> Frame:
        """The next frame, at its time. Raises CameraError, CameraSilentError."""
        wait_s = (self._due_ns - self._boottime_ns()) / 1e9
        if self._closed.wait(min(max(wait_s, 0.0), timeout_s)):
            raise CameraError("the simulated camera is not open")
        if wait_s > timeout_s:
            raise CameraSilentError(f"the simulated camera has no frame due within {timeout_s:g} s")
        now_ns = self._boottime_ns()
        self._number += 1
        self._due_ns = max(self._due_ns + self._period_ns, now_ns)  # what is late is not made up for
        if self._pictures:
            pixels = self._pictures[(self._number - 1) % len(self._pictures)]
        else:
            pixels = drawn_picture(*self._size, self._number)
        return Frame(pixels, now_ns, self._number)

    def close(self) -> None:
        """Stop, and wake a `read` that waits."""
        self._closed.set()


def _read_only(picture: Pixels) -> Pixels:
    view = picture.view()
    view.flags.writeable = False
    return view


def pictures_in(directory: Path, read_picture: Callable[[Path], Pixels]) -> list[Pixels]:
    """Every JPEG and PNG of a folder, by name. Raises CameraError when there is none."""
    paths = sorted(path for path in directory.glob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not paths:
        raise CameraError(f"{directory} holds no JPEG or PNG pictures")
    return [read_picture(path) for path in paths]
