"""The file that people draw privacy masks in, and what it says when it is wrong."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.core.camera.masks import parse_masks
from agent.core.errors import MaskError

WINDOW = [[0.1, 0.1], [0.3, 0.1], [0.3, 0.4]]
NAME = "Mrs Naidoo's window"


def a_file(*masks: object, **fields: object) -> bytes:
    return json.dumps({"version": 1, "masks": list(masks), **fields}).encode()


def a_mask(**fields: Any) -> dict[str, Any]:
    return {"name": NAME, "polygon": WINDOW, **fields}


def complaint(content: bytes) -> str:
    with pytest.raises(MaskError) as caught:
        parse_masks(content)
    return str(caught.value)


def test_each_mask_gives_its_polygon_in_order() -> None:
    second = [[0, 0], [1, 0], [1, 1], [0, 1]]

    assert parse_masks(a_file(a_mask(), a_mask(polygon=second))) == (
        ((0.1, 0.1), (0.3, 0.1), (0.3, 0.4)),
        ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),
    )


def test_a_file_without_a_mask_is_right() -> None:
    assert parse_masks(a_file()) == ()


def test_a_byte_order_mark_as_some_editors_write_it_does_no_harm() -> None:
    assert parse_masks(b"\xef\xbb\xbf" + a_file(a_mask()))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is not JSON: EOF"),
        (b"   \n", "it is not JSON: EOF"),
        (b"\x00" * 50, "it is not JSON"),
        (a_file(a_mask())[:-1], "it is not JSON: EOF"),
        (b"[" * 100_000, "it is not JSON: recursion limit exceeded"),
        (b'{"version": 1, "masks": [{"name": "\xff"}]}', "it is not UTF-8"),
        (a_file(a_mask()).decode().encode("utf-16"), "it is not UTF-8"),
        (b"[]", "the file: input should be an object"),
        (b"null", "the file: input should be an object"),
        (b"{}", "version: field required"),
        (b'{"version": 1}', "masks: field required"),
        (a_file(version=2), "version: input should be 1"),
        (a_file(version="1"), "version: input should be 1"),
        (a_file(masks=None), "masks: input should be a valid"),
        (a_file(masks={}), "masks: input should be a valid"),
        (a_file(mask=[]), "the file has an unknown field: the file has version and masks, nothing else"),
        (a_file(a_mask(colour="red")), "mask 1 has an unknown field: a mask has name and polygon, nothing else"),
        (a_file(a_mask(), WINDOW), "mask 2: input should be an object"),
        (a_file({"polygon": WINDOW}), "mask 1, name: field required"),
        (a_file(a_mask(name="")), "mask 1, name: string should have at least 1 character"),
        (a_file(a_mask(name=7)), "mask 1, name: input should be a valid string"),
        (a_file({"name": NAME}), "mask 1, polygon: field required"),
        (a_file(a_mask(polygon="0,0 1,1")), "mask 1, polygon: input should be a valid"),
        (a_file(a_mask(polygon=[])), "mask 1, polygon: a polygon needs at least 3 points"),
        (a_file(a_mask(polygon=[[0, 0], [1, 0], [1]])), "mask 1, polygon, point 3, coordinate 2: field required"),
        (a_file(a_mask(polygon=[[0, 0], [1, 0], [1, 1, 1]])), "mask 1, polygon, point 3: tuple should have at most 2"),
        (a_file(a_mask(polygon=[[0, 0], ["1", 0], [1, 1]])), "point 2, coordinate 1: input should be a valid number"),
        (a_file(a_mask(polygon=[[0, 0], [True, 0], [1, 1]])), "point 2, coordinate 1: input should be a valid number"),
        (a_file(a_mask(polygon=[[0, 0], [None, 0], [1, 1]])), "point 2, coordinate 1: input should be a valid number"),
        (a_file(a_mask(polygon=[[0, 0], [float("nan"), 0], [1, 1]])), "outside of the picture"),
        (a_file(a_mask(polygon=[[0, 0], [float("inf"), 0], [1, 1]])), "outside of the picture"),
        (a_file(a_mask(polygon=[[0, 0], [640, 0], [640, 480]])), "lies outside of the picture: use fractions, 0 to 1"),
        (a_file(a_mask(), a_mask(polygon=[[0, 0], [1, 1], [1, 0], [0, 1]])), "mask 2, polygon: it crosses itself"),
        (a_file(a_mask(polygon=[[0, 0], [0.5, 0.5], [1, 1]])), "mask 1, polygon: "),
        (a_file(*[a_mask()] * 65), "masks: tuple should have at most 64 items"),
        (
            a_file(a_mask(polygon=[[i / 101, i % 2] for i in range(101)])),
            "polygon: tuple should have at most 100 items",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_its_place(content: bytes, reason: str) -> None:
    said = complaint(content)

    assert reason in said
    assert "\n" not in said
    assert len(said) < 250


def test_two_lists_of_masks_are_refused_because_the_first_would_be_forgotten() -> None:
    twice = b'{"version": 1, "masks": [%s], "masks": []}' % json.dumps(a_mask()).encode()

    assert complaint(twice) == "masks is given twice: give it once"


def test_the_name_of_a_mask_is_not_told_since_it_may_be_a_neighbours() -> None:
    assert "Naidoo" not in complaint(a_file(a_mask(polygon=[])))
    assert "Naidoo" not in complaint(a_file(a_mask(more=NAME)))
    assert "Naidoo" not in complaint(a_file(a_mask(name=[NAME])))


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@example(b'{"version": 1, "masks": [{"name": "a", "polygon": [[1e999, 0], [1, 0], [1, 1]]}]}')
@example(b'{"version": 1, "masks": [{"name": "a", "polygon": [[1' + b"0" * 5000 + b", 0], [1, 0], [1, 1]]}]}")
@example(b'{"version": 1, "masks": [{"name": "\\ud800", "polygon": []}]}')
@example(b'{"version": 1' + b"0" * 5000 + b', "masks": []}')
def test_no_content_breaks_the_reader(content: bytes) -> None:
    with contextlib.suppress(MaskError):
        parse_masks(content)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "polygon", "x"]), inner),
    max_leaves=12,
)


@given(_JSON)
def test_no_mask_of_another_form_breaks_the_reader(mask: object) -> None:
    with contextlib.suppress(MaskError):
        parse_masks(a_file(mask))
