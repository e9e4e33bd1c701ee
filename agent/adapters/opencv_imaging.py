"""What the camera process uses OpenCV for besides cameras: scaling, colours, masks and picture files."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agent.core.errors import CameraError
from agent.core.polygon import Point

Pixels = npt.NDArray[np.uint8]
_FAR_LARGER = 4
"""A picture at least this many times as wide as its copy is scaled before it is turned grey, others after."""
_TO_BGR = {1: cv2.COLOR_GRAY2BGR, 3: None, 4: cv2.COLOR_BGRA2BGR}
"""How a picture becomes BGR, by its number of channels."""
_FRACTION_BITS = 8
_SHARPEN_PX = 2.0
_COLOUR_TIMES = 3.0
"""A person is found by light and dark; noise in the colours, once it is made lighter, hides that."""


def limit_threads(count: int) -> None:
    """Limit OpenCV to `count` threads; by default it takes every core away from the buttons."""
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
    """Return a smaller copy of a picture."""
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def grey(picture: Pixels, width: int, height: int) -> Pixels:
    """Return a smaller copy of a BGR or grey picture in grey levels, height x width."""
    # By way of twice the size: one step would skip most pixels, and the mean of all pixels costs ten times as much.
    if picture.ndim == 3 and picture.shape[1] < _FAR_LARGER * width:
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    if picture.shape[1] > 2 * width and picture.shape[0] > 2 * height:
        picture = np.asarray(cv2.resize(picture, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR))
    if picture.ndim == 3:
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    return scaled(picture, width, height)


def reduced_grey(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return a copy of a BGR picture in grey levels, height x width, as cheaply as can be.

    Each of its pixels is the mean of four at most, so a much smaller copy has more noise than that of `grey`.
    """
    return np.asarray(cv2.cvtColor(cv2.resize(pixels, (width, height)), cv2.COLOR_BGR2GRAY), np.uint8)


def focus_and_light(picture: Pixels) -> tuple[float, float]:
    """Return the variance of the Laplacian and the mean, of the grey levels of a BGR or grey picture."""
    levels = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(levels, cv2.CV_32F).var()), float(levels.mean())


def small_grey(picture: Pixels, width: int, height: int) -> Pixels:
    """Like `grey`, slightly blurred, so that noise is not taken for motion."""
    return np.asarray(cv2.GaussianBlur(grey(picture, width, height), (3, 3), 0), dtype=np.uint8)


def mended(picture: Pixels, tone: Pixels | None, denoise_px: float, sharpen: float) -> Pixels:
    """Return a repaired copy of a BGR picture: blurred with a sigma of `denoise_px` pixels, its colours by more, then
    each level replaced by that of `tone` (256), then sharpened by `sharpen` times its difference from a blurred copy;
    None and 0 leave it."""
    if denoise_px > 0:
        light, *colours = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb))
        light = cv2.GaussianBlur(light, (0, 0), denoise_px)
        colours = [cv2.GaussianBlur(each, (0, 0), _COLOUR_TIMES * denoise_px) for each in colours]
        picture = np.asarray(cv2.cvtColor(cv2.merge([light, *colours]), cv2.COLOR_YCrCb2BGR), np.uint8)
    if tone is not None:
        picture = np.asarray(cv2.LUT(picture, tone), np.uint8)
    if sharpen > 0:
        soft = cv2.GaussianBlur(picture, (0, 0), _SHARPEN_PX)
        picture = np.asarray(cv2.addWeighted(picture, 1 + sharpen, soft, -sharpen, 0), np.uint8)
    return picture


def blobs(cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Return the connected pieces of a mask, N x 5: left, top, width, height, count."""
    _, _, found, _ = cv2.connectedComponentsWithStats(cells.view(np.uint8), connectivity=8)
    return np.asarray(found[1:], dtype=np.int32)


def follow_points(before: Pixels, after: Pixels, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return where points, N x 2 (x, y), of a grey picture are in the next one; NaN where that can't be said."""
    there, good, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, winSize=(7, 7), maxLevel=1)
    return np.where(good > 0, there, np.float32(np.nan))


def fill_polygon(pixels: Pixels, points: Sequence[Point], level: int, margin: int) -> None:
    """Paint `level` over a polygon and every pixel that it touches, and over `margin` pixels around those.

    `points` are fractions of the picture, which is colour or grey and is painted in place. Raises CameraError.
    """
    size = np.array(pixels.shape[1::-1])
    # OpenCV has a pixel's centre at a whole number, and the fraction of a pixel in the lowest bits.
    corners = np.rint((np.array(points) * size - 0.5) * (1 << _FRACTION_BITS)).astype(np.int32)
    colour = (level,) * 3
    try:
        cv2.fillPoly(pixels, [corners], colour, shift=_FRACTION_BITS)
        cv2.polylines(pixels, [corners], True, colour, 3 + 2 * margin, shift=_FRACTION_BITS)
    except cv2.error as error:
        raise CameraError(f"a mask can't be drawn on a picture of shape {pixels.shape}: {error.err}") from error


def jpeg(pixels: Pixels, quality: int) -> bytes:
    """Return a BGR picture as JPEG, `quality` 1 to 100. Raises CameraError."""
    good, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not good:
        raise CameraError(f"a picture of shape {pixels.shape} can't be written as JPEG")
    return bytes(data)


def bgr(pixels: object, source: str) -> Pixels:
    """Convert what a source gave as a picture to height x width x 3, uint8, BGR. Any thread.

    Converts grey and 16-bit pictures and those with a fourth channel; returns a BGR picture as it is. For anything
    that is not a picture it raises CameraError, whose text begins with `source`.
    """
    if not isinstance(pixels, np.ndarray) or pixels.size == 0:
        raise CameraError(f"{source} gave an empty picture")
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    odd = pixels.ndim not in (2, 3) or channels not in _TO_BGR or pixels.dtype not in (np.uint8, np.uint16)
    if odd or pixels.shape[0] == 1:  # one row: bytes not arranged in rows
        raise CameraError(f"{source} gave a picture of shape {pixels.shape} and type {pixels.dtype}: it can't be used")
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    conversion = _TO_BGR[channels]
    return np.asarray(pixels if conversion is None else cv2.cvtColor(pixels, conversion), dtype=np.uint8)


def bgr_of_nv12(planes: Pixels) -> Pixels:
    """Convert NV12, with the brightness plane above the colours, to BGR. Any even size."""
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_NV12), dtype=np.uint8)


def i420(picture: Pixels) -> Pixels:
    """Convert BGR to I420, three planes one below the other. An odd last row or column is left out."""
    height, width = picture.shape[:2]
    even = picture[: height - height % 2, : width - width % 2]
    return np.asarray(cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)


def read_picture(path: Path) -> Pixels:
    """Read a picture file as BGR. Raises CameraError."""
    try:
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error as error:  # it claims to be larger than OpenCV allows
        raise CameraError(f"{path} is not a readable picture (OpenCV error {error.code})") from error
    if pixels is None:
        raise CameraError(f"{path} is not a readable picture: use JPEG or PNG")
    return np.asarray(pixels, dtype=np.uint8)
