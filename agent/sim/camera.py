"""A simulated camera: it shows pictures from a folder, or draws them."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.core.errors import CameraError, CameraSilentError
from agent.ports import Frame

Pixels = npt.NDArray[np.uint8]
DEFAULT_SIZE = (640, 480)
_BAR_COLOURS = ((255, 255, 255), (0, 255, 255), (255, 255, 0), (0, 255, 0), (255, 0, 255), (0, 0, 255))


def drawn_picture(width: int, height: int, number: int) -> Pixels:
    """Draw colour bars and a black block that moves with `number`, so that a picture that stands still is noticed."""
    pixels = np.zeros((height, width, 3), np.uint8)
    edges = np.linspace(0, width, len(_BAR_COLOURS) + 1).astype(int)
    for left, right, colour in zip(edges, edges[1:], _BAR_COLOURS, strict=False):
        pixels[:, left:right] = colour
    side = max(min(width, height) // 8, 1)
    left = number * 4 % max(width - side, 1)
    pixels[height - side :, left : left + side] = 0
    return pixels


class SimCamera:
    """A self-paced camera behind the Camera port: the pictures of a folder in turn, or drawn ones of `size`."""

    def __init__(
        self,
        boottime_ns: Callable[[], int],
        size: tuple[int, int] | None = None,
        frames_per_second: float = 10.0,
        folder: "PictureFolder | None" = None,
    ) -> None:
        self._boottime_ns = boottime_ns
        self._size = size or DEFAULT_SIZE
        self._frames_per_second = frames_per_second
        self._period_ns = round(1e9 / frames_per_second)
        self._folder = folder
        self._closed = threading.Event()
        self._closed.set()
        self._number = 0
        self._due_ns = 0

    @property
    def frames_per_second(self) -> float | None:
        """The rate at which it paces itself. Any thread."""
        return self._frames_per_second

    def open(self) -> None:
        """Begin to give frames. Raises CameraError when the folder has none."""
        self._closed.clear()
        if self._folder is not None:
            self._folder.list_pictures()
        self._number = 0
        self._due_ns = self._boottime_ns()

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame when it is due. Raises CameraError, CameraSilentError."""
        wait_s = (self._due_ns - self._boottime_ns()) / 1e9
        if self._closed.wait(min(max(wait_s, 0.0), timeout_s)):
            raise CameraError("the simulated camera is not open")
        if wait_s > timeout_s:
            raise CameraSilentError(f"the simulated camera has no frame due within {timeout_s:g} s")
        now_ns = self._boottime_ns()
        self._number += 1
        self._due_ns = max(self._due_ns + self._period_ns, now_ns)  # lost time is not made up for
        folder = self._folder
        pixels = drawn_picture(*self._size, self._number) if folder is None else folder.next_picture()
        return Frame(pixels, now_ns, self._number)

    def close(self) -> None:
        """Stop, and wake a waiting `read`."""
        self._closed.set()


class PictureFolder:
    """The JPEG and PNG files of a folder by name, over and over, read one by one, so the folder may have any size.

    A picture that can't be read raises an error at its turn; the next turn goes to the next picture.
    """

    def __init__(self, directory: Path, read_picture: Callable[[Path], Pixels]) -> None:
        self._directory = directory
        self._read_picture = read_picture
        self._paths: list[Path] = []
        self._turn = 0

    def list_pictures(self) -> None:
        """Note which pictures there are now. Raises CameraError when there are none."""
        suffixes = {".jpg", ".jpeg", ".png"}
        self._paths = sorted(path for path in self._directory.glob("*") if path.suffix.lower() in suffixes)
        if not self._paths:
            raise CameraError(f"{self._directory} holds no JPEG or PNG pictures")

    def next_picture(self) -> Pixels:
        """Return the picture whose turn it is. Raises CameraError that names a picture that can't be read."""
        path = self._paths[self._turn % len(self._paths)]
        self._turn += 1
        return self._read_picture(path)
