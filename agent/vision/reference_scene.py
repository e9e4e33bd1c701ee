"""Keeps a camera's scene on disk, so that turning the camera while its process is down is noticed.

The scene is a blurred grey picture of 80 x 60 points, the mean of minutes: nobody can be recognised in it.
"""

import contextlib
import logging
from pathlib import Path

import numpy as np

from agent.vision.scene import BLOCKS, COARSE, Scene

_log = logging.getLogger(__name__)
_EVERY_NS = 600_000_000_000
"""The least time between two writes: SD cards wear."""


class ReferenceScene:
    """One file. Never raises: a scene that can't be kept is learned again. One thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written_ns: int | None = None

    def forget(self) -> None:
        """Delete the stored scene."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def read(self, shape: tuple[int, ...]) -> Scene | None:
        """Return the stored scene; None if there is none, or none of pictures of this shape."""
        try:
            with self._path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                coarse, sharpness, saturated = kept["coarse"], kept["sharpness"], kept["saturated"]
                shapes = (tuple(kept["shape"]), coarse.shape, sharpness.shape, saturated.shape)
                if shapes != (shape, COARSE[::-1], BLOCKS[::-1], ()):
                    return None
                if not all(np.isfinite(each).all() for each in (coarse, sharpness, saturated)) or sharpness.min() <= 0:
                    return None
                return Scene(coarse.astype(np.float32), sharpness.astype(np.float32), float(saturated))
        except KeyError:  # written by an older version
            return None
        except FileNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001 - for a damaged file numpy, zipfile and tokenize raise all kinds
            reason = type(error).__name__  # the text may hold the picture
            _log.warning("the scene in %s can't be read and is learned anew: %s", self._path, reason)
            return None

    def write(self, scene: Scene, shape: tuple[int, ...] | None, now_ns: int) -> None:
        """Store the scene, at most every ten minutes."""
        if shape is None or (self._written_ns is not None and now_ns - self._written_ns < _EVERY_NS):
            return
        self._written_ns = now_ns
        temporary = self._path.with_suffix(".tmp")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                np.savez(
                    file,
                    coarse=scene.coarse,
                    sharpness=scene.sharpness,
                    saturated=np.array(scene.saturated),
                    shape=np.array(shape),
                )
            temporary.replace(self._path)
        except OSError as error:
            _log.warning("the scene can't be kept in %s: %s", self._path, error)
            with contextlib.suppress(OSError):
                temporary.unlink()
