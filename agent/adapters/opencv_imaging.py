"""What the camera process asks of OpenCV besides cameras: scaling, colour order, and picture files."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agent.core.errors import CameraError

Pixels = npt.NDArray[np.uint8]


def limit_threads(count: int) -> None:
    """Let OpenCV use so many threads; by default it takes every core from the buttons."""
    cv2.setNumThreads(count)


class RgbScaler:
    """Scales BGR pictures of any size to RGB. Keeps its buffer, so it belongs to one thread."""

    def __init__(self) -> None:
        self._bgr = np.empty((0, 0, 3), np.uint8)

    def __call__(self, pixels: Pixels, target: Pixels) -> None:
        """Fill `target`, height x width x 3, with the whole of `pixels`."""
        if self._bgr.shape != target.shape:
            self._bgr = np.empty(target.shape, np.uint8)
        cv2.resize(pixels, target.shape[1::-1], dst=self._bgr, interpolation=cv2.INTER_LINEAR)
        cv2.cvtColor(self._bgr, cv2.COLOR_BGR2RGB, dst=target)


def scaled(pixels: Pixels, width: int, height: int) -> Pixels:
    """A smaller copy of a picture."""
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def grey(pixels: Pixels, width: int, height: int) -> Pixels:
    """A smaller copy of a BGR picture in grey levels, height x width."""
    full = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), dtype=np.uint8)  # first: scaling colours takes longer
    return scaled(full, width, height)


def jpeg(pixels: Pixels, quality: int) -> bytes:
    """A BGR picture as JPEG, `quality` 1 to 100."""
    good, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not good:
        raise CameraError(f"a picture of shape {pixels.shape} can't be written as JPEG")
    return bytes(data)


def read_picture(path: Path) -> Pixels:
    """A picture file as BGR. Raises CameraError."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise CameraError(f"{path} is no picture that can be read: use JPEG or PNG")
    return np.asarray(pixels, dtype=np.uint8)
