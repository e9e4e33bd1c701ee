"""Reads and writes video files frame by frame, without a clock: for benchmarks, and to show what was seen."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2

from agent.adapters.opencv_capture import stated_rate
from agent.adapters.opencv_imaging import Pixels, bgr
from agent.adapters.opencv_logging import silence_opencv
from agent.core.errors import CameraError

_CODECS = ("avc1", "mp4v")
"""H.264, which everything plays, if FFmpeg has an encoder for it (on a Pi it does); else MPEG-4 part 2."""


class VideoFile:
    """Every frame of a video file, in order and as fast as they can be decoded.

    Each iteration begins at the first frame. A file that was cut off or is damaged gives what can be decoded.
    One thread per iteration. Raises CameraError for a file that holds no video; an iteration raises it when not even
    one frame can be decoded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        capture = self._open()
        try:
            self.frames_per_second = stated_rate(capture)
            """What the file states; None when it states none, or nonsense."""
            count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            self.frame_count = count if count > 0 else None
            """What the file states, or FFmpeg makes of its length; None when unknown. Iterating is what tells."""
            self.size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
            """Width and height that the file states; a frame may have another."""
        finally:
            capture.release()

    def __iter__(self) -> Iterator[Pixels]:
        """Yield BGR pictures, height x width x 3, uint8; each is the caller's own."""
        capture = self._open()
        try:
            good, pixels = capture.read()
            if not good:
                raise CameraError(f"{self._path} has no frame that can be decoded")
            while good:
                yield bgr(pixels, str(self._path))
                good, pixels = capture.read()
        except cv2.error as error:
            raise CameraError(f"{self._path} can't be decoded any further (OpenCV error {error.code})") from error
        finally:
            capture.release()

    def _open(self) -> Any:
        silence_opencv()
        if not self._path.is_file():
            raise CameraError(f"{self._path} is not there: check the path")
        # Decode on the calling thread and not ahead of it, so that the time is not charged to something else.
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        if not capture.isOpened():
            raise CameraError(f"{self._path} is not a readable video: try it in another program")
        return capture


class VideoWriter:
    """Writes a new .mp4 of BGR pictures of one size, `(width, height)`. Use it as a context manager. One thread.

    The file is complete only after the context has ended. Entering raises CameraError when it can't be written.
    """

    def __init__(self, path: Path, frames_per_second: float, size: tuple[int, int]) -> None:
        self._path = path
        self._frames_per_second = frames_per_second
        self._size = size
        self._writer: Any = None

    def __enter__(self) -> "VideoWriter":
        silence_opencv()
        for codec in _CODECS:
            writer = cv2.VideoWriter(
                str(self._path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), self._frames_per_second, self._size
            )
            if writer.isOpened():
                self._writer = writer
                return self
        width, height = self._size
        raise CameraError(
            f"{self._path} can't be written as a video of {width} x {height}: check folder, size and rate"
        )

    def write(self, pixels: Pixels) -> None:
        """Add one picture. Raises CameraError for one of another size, or when the disk is full."""
        width, height = self._size
        if pixels.shape != (height, width, 3) or pixels.dtype != "uint8":
            raise CameraError(f"{self._path} takes BGR pictures of {width} x {height}, not {pixels.shape}")
        if self._writer is None:
            raise CameraError(f"{self._path} is not being written")
        try:
            written = self._writer.write(pixels)
        except cv2.error as error:
            raise CameraError(f"{self._path} can't be written (OpenCV error {error.code})") from error
        if written is False:  # reported since OpenCV 5
            raise CameraError(f"{self._path} can't be written: check the free space on the disk")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        writer, self._writer = self._writer, None
        writer.release()
