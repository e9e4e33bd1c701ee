from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from agent.adapters import opencv_imaging as imaging
from agent.core.errors import CameraError
from agent.core.polygon import Polygon


def two_halves() -> imaging.Pixels:
    """Left half blue, right half red, in BGR."""
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[:, :50, 0] = 250
    pixels[:, 50:, 2] = 200
    return pixels


def test_scaling_keeps_the_layout_and_swaps_blue_and_red() -> None:
    target = np.zeros((30, 30, 3), np.uint8)
    imaging.RgbScaler()(two_halves(), target)

    assert target[15, 5].tolist() == [0, 0, 250]
    assert target[15, 25].tolist() == [200, 0, 0]


def test_one_scaler_takes_pictures_of_every_size() -> None:
    scaler = imaging.RgbScaler()
    target = np.zeros((10, 10, 3), np.uint8)
    for height, width in ((5, 7), (600, 800), (10, 10)):
        scaler(np.full((height, width, 3), 77, np.uint8), target)
        assert (target == 77).all()


def test_one_scaler_fills_a_part_of_a_picture_and_leaves_the_rest() -> None:
    target = np.zeros((40, 50, 3), np.uint8)
    scaler = imaging.RgbScaler()
    scaler(np.full((600, 800, 3), 5, np.uint8), target[20:, 10:30])
    scaler(np.full((5, 7, 3), 77, np.uint8), target[10:20, 10:30])

    assert (target[10:20, 10:30] == 77).all()
    assert (target[20:, 10:30] == 5).all()
    assert target.sum() == 3 * (77 * 10 * 20 + 5 * 20 * 20)


def test_lower_quality_makes_a_smaller_jpeg() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (100, 100, 3), np.uint8)

    assert len(imaging.jpeg(noise, 30)) < len(imaging.jpeg(noise, 85))


def test_a_jpeg_is_read_back_as_the_same_picture(tmp_path: Path) -> None:
    path = tmp_path / "p.jpg"
    path.write_bytes(imaging.jpeg(two_halves(), 95))
    pixels = imaging.read_picture(path)

    assert pixels.shape == (60, 100, 3)
    assert abs(int(pixels[30, 10, 0]) - 250) < 12


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.jpg"
    path.write_text("no picture")

    with pytest.raises(CameraError, match=r"p\.jpg is not a readable picture"):
        imaging.read_picture(path)


def test_a_scaled_picture_has_the_size_that_was_asked_for() -> None:
    assert imaging.scaled(two_halves(), 50, 30).shape == (30, 50, 3)


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((4, 6), 100, np.uint8),
        np.full((4, 6, 1), 100, np.uint8),
        np.full((4, 6, 3), 100, np.uint8),
        np.full((4, 6, 4), 100, np.uint8),
        np.full((4, 6), 100 * 256 + 5, np.uint16),
        np.full((4, 6, 3), 100 * 256 + 5, np.uint16),
    ],
    ids=["grey", "one channel", "bgr", "four channels", "16-bit grey", "16-bit"],
)
def test_whatever_a_source_gives_becomes_blue_green_red(pixels: np.ndarray) -> None:
    picture = imaging.bgr(pixels, "camera")

    assert picture.dtype == np.uint8
    assert picture.shape == (4, 6, 3)
    assert (picture == 100).all()


@pytest.mark.parametrize(
    "pixels",
    [
        None,
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((0, 0), np.uint8),
        np.zeros((4, 6, 2), np.uint8),
        np.zeros((4, 6, 5), np.uint8),
        np.zeros((1, 4, 6, 3), np.uint8),
        np.zeros(24, np.uint8),
        np.zeros((4, 6, 3), np.float32),
        np.zeros((4, 6, 3), np.int8),
    ],
    ids=["none", "0x0", "0x0 grey", "2 channels", "5 channels", "4 axes", "1 axis", "float", "signed"],
)
def test_what_is_no_picture_is_an_error_that_names_the_source(pixels: np.ndarray | None) -> None:
    with pytest.raises(CameraError, match=r"^the camera of the yard gave .* picture"):
        imaging.bgr(pixels, "the camera of the yard")


fractions = st.floats(0, 1)


@st.composite
def simple_polygons(draw: st.DrawFn) -> Polygon:
    """Corners at rising angles around a middle, which is star-shaped and so never crosses itself, or barely a line."""
    middle = (draw(fractions), draw(fractions))
    angles = sorted(draw(st.lists(st.floats(0, 6.28), min_size=3, max_size=9, unique=True)))
    points = []
    for angle in angles:
        reach = draw(st.floats(0.01, 1))
        x, y = middle[0] + reach * np.cos(angle), middle[1] + reach * np.sin(angle)
        points.append((float(np.clip(x, 0, 1)), float(np.clip(y, 0, 1))))
    try:
        return Polygon(points)
    except ValueError:
        reject()


def touched(polygon: Polygon, width: int, height: int) -> set[tuple[int, int]]:
    """Column and row of every pixel of which the polygon holds a corner, a middle or a point on its own edge."""
    steps = np.linspace(0, 1, 60)
    found = set()
    for (x1, y1), (x2, y2) in zip(polygon.points, polygon.points[1:] + polygon.points[:1], strict=True):
        for at in steps:
            x, y = x1 + (x2 - x1) * at, y1 + (y2 - y1) * at
            found.add((min(int(x * width), width - 1), min(int(y * height), height - 1)))
    for column in range(width):
        for row in range(height):
            corners = [(column + dx, row + dy) for dx in (0.001, 0.5, 0.999) for dy in (0.001, 0.5, 0.999)]
            if any(polygon.contains((x / width, y / height)) for x, y in corners):
                found.add((column, row))
    return found


@settings(deadline=None, max_examples=100)
@given(simple_polygons(), st.integers(2, 40), st.integers(2, 40), st.booleans(), st.integers(0, 2))
def test_no_pixel_that_a_polygon_touches_survives(
    polygon: Polygon, width: int, height: int, colour: bool, margin: int
) -> None:
    pixels = np.zeros((height, width, 3) if colour else (height, width), np.uint8)
    imaging.fill_polygon(pixels, polygon.points, 128, margin)

    assert set(np.unique(pixels)) <= {0, 128}, "an edge is hard: nothing shines through"
    survivors = [at for at in touched(polygon, width, height) if not (pixels[at[1], at[0]] == 128).all()]
    assert survivors == []


def test_a_polygon_over_the_whole_picture_leaves_nothing_of_any_size() -> None:
    for height, width in ((1, 1), (2, 3), (576, 768), (720, 1280), (1081, 1919)):
        pixels = np.zeros((height, width, 3), np.uint8)
        imaging.fill_polygon(pixels, [(0, 0), (1, 0), (1, 1), (0, 1)], 128, 0)
        assert (pixels == 128).all()


def test_a_polygon_leaves_alone_what_is_further_away_than_its_margin() -> None:
    pixels = np.zeros((100, 200), np.uint8)
    imaging.fill_polygon(pixels, [(0.25, 0.2), (0.5, 0.2), (0.5, 0.6), (0.25, 0.6)], 128, 1)
    rows, columns = np.nonzero(pixels)

    assert 46 <= columns.min() <= 48
    assert 101 <= columns.max() <= 103
    assert 16 <= rows.min() <= 18
    assert 61 <= rows.max() <= 63


def test_a_picture_that_can_not_be_drawn_on_is_an_error_and_not_a_picture_without_its_mask() -> None:
    pixels = np.zeros((10, 10, 3), np.uint8)
    pixels.flags.writeable = False

    with pytest.raises(CameraError, match="a mask can't be drawn"):
        imaging.fill_polygon(pixels, [(0, 0), (1, 0), (1, 1)], 128, 0)
