"""Film that shows nobody, by kind: real places, and before them cut-outs, drawn things, light and weather.

A picture is made of its number alone, and comes out the same on every machine. A camera that sways films it, with a
sensor's noise and an encoder's blocks.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from itertools import count, cycle, islice
from zlib import crc32

import cv2
import numpy as np
import numpy.typing as npt

from deploy.lab.opencv_video import VideoFile
from tests.campaigns.bench_vision import variants
from tests.campaigns.bench_vision.stage import RATE, Pixels
from tests.support.near_scene import enlarged
from tests.support.vision_media import demo_video, still, tree_video

WIDTH, HEIGHT = 640, 480
_JPEG_QUALITY = 60
_NOISE = 2.5
_SWAY_PX = 1.5
_LAMP = 250
"""What is at least as bright shines at night."""

Floats = npt.NDArray[np.float32]
Layer = Callable[[Pixels, int], Pixels]
"""Changes picture n, from 0."""
Sprite = tuple[Floats, Floats]
"""Pixels, and from 0 to 1 how much of the background they hide."""
Way = Callable[[float], tuple[float, float, float]]
"""Where a sprite is at a second: its middle, its foot and its height, in shares of the picture."""
Colour = tuple[int, int, int]
Corners = Sequence[tuple[float, float]]
"""In hundredths of a sprite's width and height."""


@dataclass(frozen=True, slots=True)
class Negative:
    """One clip: a scene, and what comes before it."""

    kind: str
    name: str
    scene: str
    layers: Sequence[Layer] = ()

    def film(self, frames: int) -> Iterator[Pixels]:
        """So many pictures of it, BGR, `RATE` a second."""
        seed = crc32(f"{self.kind} {self.name}".encode())
        for number, scene in enumerate(islice(_scene(self.scene), frames)):
            yield _filmed(reduce(lambda shown, layer: layer(shown, number), self.layers, scene), seed, number)


def _filmed(picture: Pixels, seed: int, number: int) -> Pixels:
    chance, at_s = np.random.default_rng([seed, number]), number / RATE
    x, y = _SWAY_PX * np.sin(at_s * np.array([3.1, 2.3]) + seed % 7) + chance.normal(0, 0.3, 2)
    size = (picture.shape[1], picture.shape[0])
    swayed = cv2.warpAffine(picture, _place(x, y), size, borderMode=cv2.BORDER_REPLICATE)
    noise = np.zeros(swayed.shape, np.float32)
    cv2.setRNGSeed(int(chance.integers(2**31)))
    cv2.randn(noise, (0, 0, 0), (_NOISE,) * 3)
    shown = cv2.addWeighted(swayed, 1 + 0.03 * np.sin(at_s * 0.9 + seed % 5), noise, 1, 0, dtype=cv2.CV_8U)
    good, data = cv2.imencode(".jpg", shown, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    assert good
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _place(x: float, y: float, scale: float = 1.0) -> Floats:
    return np.array([[scale, 0, x], [0, scale, y]], np.float32)


def _bytes(picture: npt.NDArray[np.generic]) -> Pixels:
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _scene(name: str) -> Iterator[Pixels]:
    """A video as it is, a place as a fixed camera sees it, or, from `moving NAME`, a picture that moves to and fro."""
    if name == "tree":
        yield from cycle(VideoFile(tree_video()))
    moving = name.removeprefix("moving ")
    share = 1 if moving == name else 8 / 7
    place = _filling(moving, round(WIDTH * share), round(HEIGHT * share))
    for number in count():
        to_and_fro = (0.5 - 0.5 * np.cos(number / RATE * np.array([0.5, 0.3]))) * (share - 1)
        x, y = np.round(to_and_fro * (WIDTH, HEIGHT)).astype(int).tolist()
        yield place[y : y + HEIGHT, x : x + WIDTH]


@cache
def _filling(name: str, width: int, height: int) -> Pixels:
    """A still picture, cut to this size."""
    pixels = _street() if name == "street" else still(name)
    scale = max(width / pixels.shape[1], height / pixels.shape[0])
    size = (max(round(pixels.shape[1] * scale), width), max(round(pixels.shape[0] * scale), height))
    large = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.asarray(large[top : top + height, left : left + width], np.uint8)


def _street() -> Pixels:
    """That of the demo video, without its people."""
    return np.asarray(np.median(np.stack(list(islice(VideoFile(demo_video()), 0, None, 20))), axis=0), np.uint8)


def cut(name: str, box: tuple[int, int, int, int] | None = None) -> Sprite:
    """What a still picture shows in the box (left, top, width, height); without one, all that is not white."""
    pixels = still(name)
    if box is None:
        mask = np.asarray(pixels.min(axis=2) < 235, np.uint8)
    else:
        mask = np.zeros(pixels.shape[:2], np.uint8)
        cv2.setRNGSeed(1)
        cv2.grabCut(pixels, mask, box, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_RECT)
        mask &= 1
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)), np.uint8)
    x, y, across, down = cv2.boundingRect(mask)
    place = np.s_[y : y + down, x : x + across]
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1)
    return pixels[place].astype(np.float32), np.asarray(soft[place], np.float32)


def picture(name: str) -> Sprite:
    """A whole still picture, as a poster."""
    pixels = still(name)
    return pixels.astype(np.float32), np.ones(pixels.shape[:2], np.float32)


def drawn(width: int, height: int, *polygons: tuple[Colour, Corners]) -> Sprite:
    """Polygons one over the other, rounded by shading from left to right; lamps shine as they are."""
    pixels, mask = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    for colour, corners in polygons:
        outline = np.round(np.array(corners) * (width, height) / 100).astype(np.int32)
        cv2.fillPoly(pixels, [outline], colour)
        cv2.fillPoly(mask, [outline], 1.0)
    shade = (0.55 + 0.45 * np.sin(np.linspace(0.3, 2.9, width)))[None, :, None]
    lit = np.where(pixels.min(axis=2, keepdims=True) >= _LAMP, pixels, pixels * shade)
    return lit.astype(np.float32), np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.8), np.float32)


def _box(left: float, top: float, right: float, bottom: float) -> Corners:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _disc(x: float, y: float, across: float, down: float) -> Corners:
    return [(x + across * np.cos(turn), y + down * np.sin(turn)) for turn in np.linspace(0, 2 * np.pi, 24)]


_BLACK, _GLASS, _PAPER, _LIGHT = (25, 25, 25), (90, 80, 60), (210, 220, 220), (255, 255, 255)
RED, BLUE, GREEN = (40, 40, 170), (160, 60, 30), (60, 120, 40)
SILVER, DARK, WHITE, YELLOW = (200, 200, 195), (45, 45, 48), (235, 235, 235), (50, 200, 230)


def board(colour: Colour) -> Sprite:
    """Upright, for a poster."""
    return drawn(200, 300, (colour, _box(0, 0, 100, 100)))


def bottle(colour: Colour) -> Sprite:
    """With a label and a cap."""
    glass = [(12, 100), (88, 100), (88, 42), (64, 26), (62, 4), (38, 4), (36, 26), (12, 42)]
    return drawn(70, 220, (colour, glass), (_PAPER, _box(12, 55, 88, 82)), (RED, _box(35, 0, 65, 7)))


def car(colour: Colour) -> Sprite:
    """From its side."""
    body = [(2, 80), (2, 52), (20, 45), (34, 12), (72, 12), (86, 45), (98, 54), (98, 80)]
    panes = [[(36, 18), (52, 18), (52, 44), (26, 44)], [(55, 18), (70, 18), (80, 44), (55, 44)]]
    wheels = [(_BLACK, _disc(x, 80, 9, 19)) for x in (22, 78)]
    hubs = [((150, 150, 150), _disc(x, 80, 4, 9)) for x in (22, 78)]
    return drawn(400, 160, (colour, body), *((_GLASS, pane) for pane in panes), *wheels, *hubs)


def front(colour: Colour) -> Sprite:
    """A car from its front, with its lamps on."""
    body = [(4, 92), (4, 45), (16, 38), (26, 4), (74, 4), (84, 38), (96, 45), (96, 92)]
    wheels = [(_BLACK, _box(left, 85, left + 16, 100)) for left in (6, 78)]
    parts = [(_GLASS, [(28, 9), (72, 9), (80, 36), (20, 36)]), (_BLACK, _box(30, 50, 70, 66))]
    lamps = [(_LIGHT, _disc(x, 56, 7, 6)) for x in (15, 85)]
    return drawn(260, 220, *wheels, (colour, body), *parts, (_PAPER, _box(40, 72, 60, 80)), *lamps)


def wheelie_bin(colour: Colour) -> Sprite:
    """With its lid closed."""
    body, lid = [(8, 18), (92, 18), (82, 96), (18, 96)], [(2, 18), (10, 4), (90, 4), (98, 18)]
    return drawn(120, 210, (_BLACK, _disc(25, 95, 12, 5)), (colour, body), (colour, lid), (_BLACK, _box(4, 17, 96, 21)))


def stands(x: float, foot: float, tall: float) -> Way:
    """In one place."""
    return lambda _at_s: (x, foot, tall)


def crosses(foot: float, tall: float, seconds: float = 12.0, after_s: float = 0.0, hop: float = 0.0) -> Way:
    """From left to right, then again."""

    def way(at_s: float) -> tuple[float, float, float]:
        return -0.3 + 1.6 * ((at_s + after_s) / seconds % 1), foot - hop * abs(np.sin(at_s * 5)), tall

    return way


def comes(seconds: float = 8.0) -> Way:
    """From far away until it fills the picture, then again."""

    def way(at_s: float) -> tuple[float, float, float]:
        near = (at_s / seconds % 1) ** 2
        return 0.5 + 0.1 * near, 0.5 + 0.5 * near, 0.05 + 0.7 * near

    return way


def shown(sprite: Sprite, way: Way) -> Layer:
    """A sprite in front of the scene."""
    pixels, mask = sprite

    def layer(behind: Pixels, number: int) -> Pixels:
        height, width = behind.shape[:2]
        x, foot, tall = way(number / RATE)
        scale = tall * height / mask.shape[0]
        left, top = x * width - mask.shape[1] * scale / 2, (foot - tall) * height
        rows = slice(max(int(top) - 1, 0), min(round(foot * height) + 2, height))
        columns = slice(max(int(left) - 1, 0), min(round(left + mask.shape[1] * scale) + 2, width))
        made = behind.copy()
        under = made[rows, columns].astype(np.float32)
        if under.size:
            place, size = _place(left - columns.start, top - rows.start, scale), (under.shape[1], under.shape[0])
            share = np.asarray(cv2.warpAffine(mask, place, size))[:, :, None]
            moved = cv2.warpAffine(pixels, place, size, borderMode=cv2.BORDER_REPLICATE)
            made[rows, columns] = _bytes(under + share * (moved - under))
        return made

    return layer


def shadow(who: int, seconds: float, foot: float, lean: float) -> Layer:
    """That of somebody who walks past outside the picture: it lies on the ground."""
    mask = enlarged(who, 200)[1]

    def layer(ground: Pixels, number: int) -> Pixels:
        height, width = ground.shape[:2]
        x = (-0.3 + 1.6 * (number / RATE / seconds % 1)) * width
        lying = np.array([[1.3, -lean, x + 200 * lean], [0, 0.55, foot * height - 110]], np.float32)
        dark = cv2.GaussianBlur(cv2.warpAffine(mask, lying, (width, height)), (0, 0), 2)
        return _bytes(ground * (1 - 0.55 * np.asarray(dark)[:, :, None]))

    return layer


def clouds(ground: Pixels, number: int) -> Pixels:
    """Their shadows."""
    left = number * 9 % (WIDTH * 11)
    return _bytes(ground * _sky()[:, left : left + WIDTH, None])


@cache
def _sky() -> Floats:
    clear = np.random.default_rng(4).uniform(0.35, 1.15, (4, 60)).astype(np.float32)
    wide = cv2.resize(clear, (WIDTH * 12, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(wide, 0.35, 1.1), np.float32)


def flag(*stripes: Colour, x: float, top: float, tall: float) -> Layer:
    """Of these stripes, on a pole, in the wind."""
    high = round(tall * HEIGHT)
    cloth = np.repeat(np.array(stripes, np.float32), -(-high // len(stripes)), axis=0)[:high, None]
    pole = shown(drawn(6, HEIGHT, (SILVER, _box(0, 0, 100, 100))), stands(x, 1.0, 1 - top))
    across, down = np.meshgrid(np.arange(round(high * 1.6)), np.arange(round(high * 1.4)))

    def layer(behind: Pixels, number: int) -> Pixels:
        turn = across / high * 5 - number / RATE * 6
        rows = np.round(down - 0.2 * high - 0.12 * high * np.sin(turn) * across / across.max()).astype(int)
        pixels = cloth[np.clip(rows, 0, high - 1), 0] * (0.8 + 0.2 * np.cos(turn))[:, :, None]
        mask = ((rows >= 0) & (rows < high)).astype(np.float32)
        foot = top + 1.4 * tall
        waving = shown((pixels.astype(np.float32), mask), stands(x + 0.8 * tall * HEIGHT / WIDTH, foot, 1.4 * tall))
        return waving(pole(behind, number), number)

    return layer


def fence(behind: Pixels, _number: int) -> Pixels:
    """Of wire and posts."""
    made = behind.copy()
    height, width = made.shape[:2]
    for left in range(-height, width + height, 16):
        for lean in (-height, height):
            cv2.line(made, (left, 0), (left + lean, height), (150, 152, 150), 1, cv2.LINE_AA)
    for left in range(40, width, 180):
        cv2.rectangle(made, (left, 0), (left + 7, height), (95, 100, 105), -1)
    return made


def insects(behind: Pixels, number: int) -> Pixels:
    """A dozen, lit by the camera's infrared lamp: the nearer, the larger, brighter and more blurred."""
    height, width = (side // 2 for side in behind.shape[:2])
    chance, at_s = np.random.default_rng(8), number / RATE
    light = np.zeros((height, width), np.float32)
    for near in np.linspace(0.1, 1, 12):
        (x, y), (fast, turn) = chance.uniform(0.1, 0.9, 2), chance.uniform(1, 7, 2)
        at = [x + 0.35 * np.sin(fast * at_s + turn), y + 0.3 * np.sin(1.7 * fast * at_s) + 0.02 * np.sin(31 * at_s)]
        before = (np.array(at) * (width, height)).astype(int).tolist()
        one = np.zeros_like(light)
        cv2.ellipse(one, before, (round(1 + 11 * near), round(1 + 4 * near)), 40 * turn * at_s, 0, 360, 1.0, -1)
        light += 90 * (1 + near) * np.asarray(cv2.GaussianBlur(one, (0, 0), 0.5 + 3 * near))
    return _bytes(behind + cv2.resize(light, None, fx=2, fy=2)[:, :, None])


def by_night(behind: Pixels, number: int) -> Pixels:
    """A quarter of the light, but lamps: they glare."""
    lamps = np.asarray(behind.min(axis=2) >= _LAMP, np.float32)
    small = cv2.resize(lamps, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    glow = sum(gain * cv2.GaussianBlur(small, (0, 0), wide) for wide, gain in ((2, 250.0), (8, 400.0), (25, 700.0)))
    glare = cv2.resize(np.asarray(glow, np.float32), (behind.shape[1], behind.shape[0]))
    return _bytes(variants.night25(behind, number) + glare[:, :, None])
