"""Pictures, and who finds people in them: what the camera process needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the core process never imports numpy
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: `pixels` is height x width x 3, uint8, BGR. `boottime_ns` is when it was captured.

    `number` counts the frames that the source gave, from 1, including those that nobody looked at. From one frame to
    the next numbers and stamps rise; the size may change.
    Masks are drawn into the arrays: a source that goes on using one, or gives it again, gives it read-only.
    """

    pixels: "npt.NDArray[np.uint8]"
    boottime_ns: int
    number: int
    grey: "npt.NDArray[np.uint8] | None" = None
    """The same moment and view, smaller, height x width, from a source that has such a second stream."""


class Camera(Protocol):
    """A source of pictures. One thread, except where something else is said."""

    @property
    def frames_per_second(self) -> float | None:
        """The rate that the source states, known with the first frame at the latest; None when it states none, or
        nonsense. Any thread."""
        ...

    def open(self) -> None:
        """Open the source. Raises CameraError with what to do next."""
        ...

    def read(self, timeout_s: float) -> Frame:
        """The next frame, in the order of the source. Raises CameraError when none comes within `timeout_s`
        or the source has ended."""
        ...

    def close(self) -> None:
        """Release the source, or leave that to the `open` or `read` under way, which then fails. Any thread, even
        when the driver hangs; may be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Detection:
    """A box in which the model sees a person: pixels of the frame, origin top left; `score` in 0 to 1."""

    left: float
    top: float
    width: float
    height: float
    score: float


class Detector(Protocol):
    """Finds people in a picture. One thread."""

    def detect(self, pictures: "Sequence[npt.NDArray[np.uint8]]") -> list[list[Detection]]:
        """People in each of some BGR pictures of any size, best score first; an inference each. Raises ModelError."""
        ...
