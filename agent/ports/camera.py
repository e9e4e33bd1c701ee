"""Pictures and person detection: the ports of the camera process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the core process never imports numpy
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: `pixels` is height x width x 3, uint8, BGR. `boottime_ns` is when it was captured.

    `number` counts the frames of the source from 1, including those that were never processed. Numbers and stamps rise
    from frame to frame; the size may change. Masks are drawn into the arrays, so a source that keeps using an array, or
    hands it out again, must make it read-only.
    """

    pixels: "npt.NDArray[np.uint8]"
    boottime_ns: int
    number: int
    grey: "npt.NDArray[np.uint8] | None" = None
    """A smaller grey picture (height x width) of the same moment and view: the source's second stream,
    or made of `pixels`."""


class Camera(Protocol):
    """A source of pictures. Call it from one thread, except where a method says otherwise."""

    @property
    def frames_per_second(self) -> float | None:
        """The rate that the source states, known by the first frame at the latest; None if it states none, or nonsense.

        Any thread.
        """
        ...

    def open(self) -> None:
        """Open the source. Raises CameraError, whose text says what to do next."""
        ...

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame, in the order of the source.

        Raises CameraError if none comes within `timeout_s` or the source has ended.
        """
        ...

    def close(self) -> None:
        """Release the source. If an `open` or `read` is under way, that call fails and releases it instead.

        Any thread, even when the driver hangs. Safe to call twice.
        """
        ...


@dataclass(frozen=True, slots=True)
class Detection:
    """A box in which the model sees a person, in pixels of the frame with the origin top left; `score` is 0 to 1."""

    left: float
    top: float
    width: float
    height: float
    score: float


class Detector(Protocol):
    """Finds people in pictures. One thread."""

    def detect(self, pictures: "Sequence[npt.NDArray[np.uint8]]") -> list[list[Detection]]:
        """Return the people in each BGR picture, best score first. Each picture, of any size, costs one inference.

        Raises ModelError.
        """
        ...
