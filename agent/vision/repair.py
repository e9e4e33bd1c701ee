"""Repairs what bad light and a bad lens do to pictures, before the model and motion see them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.vision.clarity import Clarity, measure

Pixels = npt.NDArray[np.uint8]
Tone = npt.NDArray[np.uint8]
"""256 levels: what each grey level becomes."""

Levels = npt.NDArray[np.float32]
"""256 figures, one for each grey level."""

EVERY_NS = 2_000_000_000
_DARK, _LIT = 60.0, 72.0
"""Mean grey levels: a picture below the first is made lighter, until it is above the second by itself."""
_AIM = 110.0
"""The mean grey level that a dark picture gets."""
_BRIGHT_SHARE = 0.995
"""This share of a dark picture is not brighter than what becomes white."""
_MOST_GAIN = 8.0
_GAMMAS = np.linspace(0.3, 1.6, 53)
_NOISY = 4.0
"""Standard deviation of the noise after the gain, in grey levels: above it the picture is blurred first."""
_DENOISE_PX = 1.2
_SOFT = 0.42
"""See `Clarity.sharpness`: a picture below it is sharpened, unless it is noisy."""
_SHARPEN = 1.5
_SHARPEN_UP_TO = 0.7
"""Share of the picture's rows. A larger region is scaled down for the model, which makes it sharp enough."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is done to the pictures."""

    tone: Tone | None = None
    """What each level becomes; None leaves it."""
    denoise_px: float = 0.0
    """Sigma of a blur that comes first; 0 for none."""
    sharpen: float = 0.0
    """How much of the difference from a blurred copy is added at the end, in small regions; 0 for none."""


NOTHING = Remedy()
Mend = Callable[[Pixels, Tone | None, float, float], Pixels]
"""`mend(picture, tone, denoise_px, sharpen)` returns a repaired copy of a picture; see `Remedy`."""


class Repair:
    """Measures the pictures of one camera every two seconds, and repairs what is cut out of them. One thread."""

    def __init__(self, mend: Mend | None) -> None:
        """Without `mend`, nothing is repaired."""
        self._mend = mend
        self._measured_ns: int | None = None
        self._rows = 0
        self._remedy = NOTHING
        self.clarity: Clarity | None = None
        """As measured last."""
        self.steepness: Levels | None = None
        """By grey level, how many times as large the repair makes a small difference from it, at least once; None for
        once everywhere."""

    def see(self, small: Pixels, picture: Pixels, boottime_ns: int) -> None:
        """Take in the frame captured at `boottime_ns`, H x W grey or H x W x 3 BGR, and its small grey copy, h x w."""
        if self._measured_ns is not None and 0 <= boottime_ns - self._measured_ns < EVERY_NS:
            return
        self._measured_ns, self._rows = boottime_ns, picture.shape[0]
        self.clarity = measure(small, picture)
        self._remedy = remedy_for(self.clarity, lit=self._remedy.tone is None)
        tone = self._remedy.tone
        self.steepness = None if tone is None else _steepness(tone)

    def applied(self, picture: Pixels) -> Pixels:
        """Return what a region of the picture shows, H x W x 3, repaired; by day it is returned as it is."""
        remedy = self._remedy
        sharpen = remedy.sharpen if picture.shape[0] <= _SHARPEN_UP_TO * self._rows else 0.0
        if self._mend is None or (remedy.tone is None and not sharpen):
            return picture
        return self._mend(picture, remedy.tone, remedy.denoise_px, sharpen)


def remedy_for(clarity: Clarity, *, lit: bool) -> Remedy:
    """Return what such a picture needs; `lit` says whether the one before it was light enough."""
    tone = _tone(clarity) if clarity.mean < (_DARK if lit else _LIT) else None
    gain = 1.0 if tone is None else float(_steepness(tone) @ clarity.levels)
    noisy = clarity.noise * gain > _NOISY
    soft = clarity.sharpness is not None and clarity.sharpness < _SOFT
    if tone is None and not soft:
        return NOTHING
    return Remedy(tone, _DENOISE_PX if noisy and tone is not None else 0.0, _SHARPEN if soft and not noisy else 0.0)


def _tone(clarity: Clarity) -> Tone:
    """Stretch the levels up to white, then bend them until the mean is right."""
    white = max(clarity.level(_BRIGHT_SHARE), 255 / _MOST_GAIN)
    stretched = np.minimum(np.arange(256) / white, 1.0)
    bent = stretched ** _GAMMAS[:, None]
    means = 255 * bent @ clarity.levels
    return np.asarray(np.rint(255 * bent[int(np.abs(means - _AIM).argmin())]), np.uint8)


def _steepness(tone: Tone) -> Levels:
    smooth = np.convolve(np.pad(tone.astype(np.float32), 3, "edge"), np.full(7, 1 / 7, np.float32), "valid")
    return np.maximum(np.gradient(smooth), 1).astype(np.float32)
