"""Pictures for the command centre: the newest frame as a small JPEG file."""

import contextlib
import logging
import os
import re
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.contract.live import MAX_BYTES, MAX_WIDTH
from agent.core.camera.link import LIVE, VIEW, Aim, SnapshotFailed, SnapshotTaken
from agent.core.errors import EdgeAgentError, StorageError
from agent.vision.frame_slot import FrameSlot

Pixels = npt.NDArray[np.uint8]

_log = logging.getLogger(__name__)

FRESH_S = 2.0
"""A picture older than this does not show what is happening now."""
QUALITIES = (85, 70, 55, 40, 30)
LIVE_QUALITIES = (60, 40, 30)
"""Half the bytes of the best, several times a second."""
_PIXELS_A_BYTE = 8
SHRINK = 0.75
_SMALLEST_WIDTH = 32
_SAFE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")


class Snapshots:
    """Writes JPEG files of at most `max_bytes` into one directory. Any thread.

    `jpeg(pixels, quality)` encodes and `scaled(pixels, width, height)` makes a smaller picture.
    """

    def __init__(
        self,
        directory: Path,
        max_bytes: int,
        jpeg: Callable[[Pixels, int], bytes],
        scaled: Callable[[Pixels, int, int], Pixels],
        memory: Path | None = None,
    ) -> None:
        """`memory` is a directory for what is read and deleted at once: views, and pictures of live view."""
        self._directory = directory
        self._memory = memory or directory
        self._max_bytes = max_bytes
        self._jpeg = jpeg
        self._scaled = scaled

    def clear(self) -> None:
        """Delete the pictures that an earlier process left: nobody will fetch them. Never raises."""
        found = (directory.glob(kind) for directory in (self._directory, self._memory) for kind in ("*.jpg", ".*.tmp"))
        for path in chain(*found):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                _log.error("%s can't be deleted: %s", path, error.strerror)

    def write(self, snapshot_id: str, pixels: Pixels, max_bytes: int | None = None) -> Path:
        """Write `<snapshot_id>.jpg`, whole or not at all, and return its path. Raises StorageError, CameraError.

        What is read and deleted at once is not synced: several a second would wear a card."""
        if not _SAFE_ID.match(snapshot_id):
            raise StorageError("the snapshot id is not a plain name of small letters, digits and dashes")
        is_live = snapshot_id.startswith(LIVE)
        if is_live:
            max_bytes = MAX_BYTES if max_bytes is None else max_bytes
            content = self._encode(self._small(pixels, max_bytes), max_bytes, LIVE_QUALITIES)
        else:
            content = self._encode(pixels, self._max_bytes, QUALITIES)
        is_kept = not snapshot_id.startswith((VIEW, LIVE))
        directory = self._directory if is_kept else self._memory
        path = directory / f"{snapshot_id}.jpg"
        temporary = directory / f".{snapshot_id}.tmp"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                if is_kept:
                    os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise StorageError(f"{path} can't be written: {error.strerror}") from error
        return path

    def _small(self, pixels: Pixels, max_bytes: int) -> Pixels:
        """Return the picture in a size that most scenes fit into `max_bytes` at the first try."""
        height, width = pixels.shape[:2]
        narrow = min(MAX_WIDTH, round((max_bytes * _PIXELS_A_BYTE * width / height) ** 0.5))
        return pixels if width <= narrow else self._scaled(pixels, narrow, max(round(height * narrow / width), 1))

    def _encode(self, pixels: Pixels, max_bytes: int, qualities: Sequence[int]) -> bytes:
        """Encode to at most `max_bytes`: give up quality first and size second, so that a face stays visible longest.

        Raises StorageError, CameraError.
        """
        while True:
            for quality in qualities:
                content = self._jpeg(pixels, quality)
                if len(content) <= max_bytes:
                    return content
            height, width = pixels.shape[:2]
            if width < _SMALLEST_WIDTH:
                raise StorageError(f"no picture fits into {max_bytes} bytes: raise the limit")
            pixels = self._scaled(pixels, round(width * SHRINK), max(round(height * SHRINK), 1))


class SnapshotService:
    """Answers the core's request for a picture of this moment. The link thread."""

    def __init__(
        self,
        slot: FrameSlot,
        snapshots: Snapshots,
        boottime_ns: Callable[[], int],
        persons: Callable[[], int],
        aim: Callable[[Pixels], tuple[float, float]],
    ) -> None:
        """`aim` returns focus and light of a picture."""
        self._slot = slot
        self._aim = aim
        self._snapshots = snapshots
        self._boottime_ns = boottime_ns
        self._persons = persons

    def take(self, snapshot_id: str, max_bytes: int | None = None) -> SnapshotTaken | SnapshotFailed | None:
        """Write the newest frame and return where it is, or why there is none. Never raises.

        Returns None for an id that is not a plain name: no answer may repeat it, and no file may have it.
        """
        if not _SAFE_ID.match(snapshot_id):
            _log.error("a snapshot was refused: its id is not a plain name of small letters, digits and dashes")
            return None
        frame = self._slot.newest()
        if frame is None:
            return SnapshotFailed(id=snapshot_id, detail="the camera has given no picture yet")
        age_s = (self._boottime_ns() - frame.boottime_ns) / 1e9
        if age_s > FRESH_S:
            return SnapshotFailed(id=snapshot_id, detail=f"the newest picture is {age_s:.0f} s old")
        try:
            path = self._snapshots.write(snapshot_id, frame.pixels, max_bytes)
            aim = None
            if snapshot_id.startswith(VIEW):
                focus, light = self._aim(frame.pixels)
                aim = Aim(focus=focus, light=light)
        except EdgeAgentError as error:
            return SnapshotFailed(id=snapshot_id, detail=str(error))
        return SnapshotTaken(
            id=snapshot_id, path=str(path), captured_boottime_ns=frame.boottime_ns, persons=self._persons(), aim=aim
        )
