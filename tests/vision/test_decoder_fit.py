"""A model whose outputs are not those that its manifest promises is refused when it is loaded."""

from typing import Any

import pytest

from agent.core.errors import ModelError
from agent.vision.decoders import decoder_of
from tests.support.decoded import COCO, NOWHERE
from tests.support.vision_stand_ins import manifest


@pytest.mark.parametrize(
    ("decoder", "shapes", "text"),
    [
        ("ssd-raw", [(1, 1917, 4), (1, 1917, 91)], "gives 1 x 1917 x 4 and 1 x 1917 x 91, and ssd-raw needs"),
        ("ssd-raw", [(1, 10, 4), (1, 10), (1, 10), (1,)], "needs 1 x 1917 x 4 boxes and 1 x 1917 x 3 scores"),
        (
            {"name": "ssd-raw", "outputs": ("boxes", "scores")},
            [(1, 1917, 3), (1, 1917, 4)],
            "gives 1 x 1917 x 3 and 1 x 1917 x 4",
        ),
        ("ssd-postprocessed", [(1, 1917, 4), (1, 1917, 3)], "in the order boxes, classes, scores, count"),
        ("ssd-postprocessed", [(1, 10), (1, 10, 4), (1,), (1, 10)], "gives 1 x 10 and 1 x 10 x 4 and 1 and 1 x 10"),
        (
            {"name": "ssd-postprocessed", "outputs": ("boxes", "classes", "boxes", "count")},
            [(1, 10, 4), (1, 10), (1, 10), (1,)],
            "in the order boxes, classes, boxes, count",
        ),
        (
            {"name": "yolo", "layout": "rows", "objectness": True},
            [(1, 8, 8400)],
            "gives 1 x 8 x 8400, and yolo needs one output, 1 x N x 8",
        ),
        ({"name": "yolo", "layout": "columns", "objectness": False}, [(1, 84, 8400)], "needs one output, 1 x 7 x N"),
        ({"name": "yolo", "layout": "columns", "objectness": False}, [(1, 7, 80, 80)], "one output"),
        ({"name": "yolo", "layout": "columns", "objectness": False}, [], "gives no output"),
        ("centres", [(1, 56, 56, 1)] + 2 * [(1, 56, 56, 2)], "needs scores 1 x N x M x 3, sizes and offsets"),
        ("centres", [(1, 56, 56, 3), (1, 56, 56, 2), (1, 28, 28, 2)], "in the order scores, sizes, offsets"),
        ("centres", [(1, 6, 56)], "gives 1 x 6 x 56"),
        (
            {"name": "centres", "outputs": ("scores", "sizes", "offsets", "joints")},
            [(1, 56, 56, 3), (1, 56, 56, 2), (1, 56, 56, 2)],
            "joints 1 x R x C x K in the order scores, sizes, offsets, joints",
        ),
        ("centres", [(1, 56, 56, 3), (1, 56, 56, 2), (1, 56, 56, 2), (1, 17)], "joints 1 x R x C x K"),
    ],
)
def test_outputs_that_do_not_fit_are_told_with_what_was_expected_in_one_line(
    decoder: Any, shapes: list[tuple[int, ...]], text: str
) -> None:
    with pytest.raises(ModelError) as caught:
        decoder_of(manifest(decoder=decoder, labels=COCO), shapes, NOWHERE)
    assert text in str(caught.value)
    assert "model stand-in" in str(caught.value)
    assert "\n" not in str(caught.value)
