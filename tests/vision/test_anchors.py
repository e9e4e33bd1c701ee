import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.core.camera.model_decoders import AnchorFile, EfficientDetAnchors, SsdAnchors
from agent.core.camera.model_manifest import ModelInput
from agent.core.errors import ModelError
from agent.vision.anchors import Floats, anchors_of

NOWHERE = Path("/nonexistent")


def ssd_anchors(side: int = 300, **changes: Any) -> Floats:
    return anchors_of(SsdAnchors(**changes), ModelInput(width=side, height=side, dtype="uint8"), NOWHERE)


def efficientdet_anchors(width: int = 320, height: int = 320, **changes: Any) -> Floats:
    spec = EfficientDetAnchors(formula="efficientdet", **changes)
    return anchors_of(spec, ModelInput(width=width, height=height, dtype="uint8"), NOWHERE)


def from_file(path: Path) -> Floats:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "0" * 64
    spec = AnchorFile(formula="file", file=path.name, sha256=sha256)
    return anchors_of(spec, ModelInput(width=300, height=300, dtype="uint8"), path.parent)


def test_a_300_pixel_model_has_1917_anchors() -> None:
    assert ssd_anchors().shape == (1917, 4)


def test_the_anchors_of_the_finest_grid_are_three_a_cell_in_reading_order() -> None:
    anchors = ssd_anchors()
    half_cell = 0.5 / 19

    np.testing.assert_allclose(anchors[0], [half_cell, half_cell, 0.1, 0.1], rtol=1e-5)
    np.testing.assert_allclose(anchors[1], [half_cell, half_cell, 0.2 / math.sqrt(2), 0.2 * math.sqrt(2)], rtol=1e-5)
    np.testing.assert_allclose(anchors[2], [half_cell, half_cell, 0.2 * math.sqrt(2), 0.2 / math.sqrt(2)], rtol=1e-5)
    np.testing.assert_allclose(anchors[3, :2], [half_cell, 3 * half_cell], rtol=1e-5)  # one cell to the right
    np.testing.assert_allclose(anchors[3 * 19, :2], [3 * half_cell, half_cell], rtol=1e-5)  # one row down


def test_the_coarsest_grid_is_one_cell_with_the_largest_scale() -> None:
    last = ssd_anchors()[-6:]

    np.testing.assert_allclose(last[:, :2], 0.5)
    np.testing.assert_allclose(last[0, 2:], 0.95, rtol=1e-5)
    np.testing.assert_allclose(last[1, 2:], [0.95 / math.sqrt(2), 0.95 * math.sqrt(2)], rtol=1e-5)
    np.testing.assert_allclose(last[4, 2:], [0.95 * math.sqrt(3), 0.95 / math.sqrt(3)], rtol=1e-5)
    np.testing.assert_allclose(last[5, 2:], math.sqrt(0.95), rtol=1e-5)


def test_an_ssd_may_have_all_anchors_in_its_finest_grid_too() -> None:
    assert len(ssd_anchors(reduce_boxes_in_lowest_layer=False)) == 1917 + 3 * 19 * 19


def test_an_ssd_that_is_not_square_needs_its_anchors_in_a_file() -> None:
    with pytest.raises(ModelError, match="in a file"):
        anchors_of(SsdAnchors(), ModelInput(width=320, height=240, dtype="uint8"), NOWHERE)


@pytest.mark.parametrize(("side", "count"), [(320, 19206), (384, 27621), (448, 37629)])
def test_an_efficientdet_lite_has_nine_anchors_a_cell_of_five_grids(side: int, count: int) -> None:
    assert len(efficientdet_anchors(side, side)) == count


def test_efficientdet_anchors_are_square_then_wide_then_high_and_grow_by_thirds_of_an_octave() -> None:
    anchors = efficientdet_anchors()
    side = 3 * 8 / 320  # three strides of the finest level

    np.testing.assert_allclose(anchors[0], [4 / 320, 4 / 320, side, side], rtol=1e-5)
    np.testing.assert_allclose(anchors[1, 2:], [side / math.sqrt(2), side * math.sqrt(2)], rtol=1e-5)
    np.testing.assert_allclose(anchors[2, 2:], [side * math.sqrt(2), side / math.sqrt(2)], rtol=1e-5)
    np.testing.assert_allclose(anchors[3, 2:], [side * 2 ** (1 / 3)] * 2, rtol=1e-5)
    np.testing.assert_allclose(anchors[9, :2], [4 / 320, 12 / 320], rtol=1e-5)  # one cell to the right
    np.testing.assert_allclose(anchors[9 * 40, :2], [12 / 320, 4 / 320], rtol=1e-5)  # one row down


def test_the_coarsest_efficientdet_grid_divides_the_picture_evenly() -> None:
    last = efficientdet_anchors()[-81:]

    np.testing.assert_allclose(last[::9, 1], [1 / 6, 1 / 2, 5 / 6] * 3, rtol=1e-5)
    np.testing.assert_allclose(last[0, 2:], [1.0, 1.0], rtol=1e-5)  # three cells of a third


def test_an_efficientdet_may_be_wider_than_high() -> None:
    anchors = efficientdet_anchors(512, 256, min_level=7)

    assert len(anchors) == 2 * 4 * 9
    np.testing.assert_allclose(anchors[0], [1 / 4, 1 / 8, 3 / 2, 3 / 4], rtol=1e-5)


def test_levels_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ModelError, match="max_level"):
        efficientdet_anchors(min_level=5, max_level=4)


def test_anchors_come_from_a_file_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "anchors.csv"
    path.write_text("0.25, 0.5, 0.1, 0.2\n0.75,0.5,0.3,0.4\n")

    np.testing.assert_allclose(from_file(path), [[0.25, 0.5, 0.1, 0.2], [0.75, 0.5, 0.3, 0.4]])


@pytest.mark.parametrize("text", ["0.1,0.2,0.3\n", "0.1,0.2,0.3,high\n", "0.1,0.2,0.3,nan\n"])
def test_a_file_without_four_numbers_a_line_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "anchors.csv"
    path.write_text(text)

    with pytest.raises(ModelError, match=r"anchors\.csv holds no anchors") as caught:
        from_file(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_can_not_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't be read"):
        from_file(tmp_path / "none.csv")
