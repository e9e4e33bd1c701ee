"""Finding and reading the file of privacy masks; what it may hold is tested with `core/camera/masks.py`."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.adapters.mask_file import MAX_BYTES, all_masks, read_masks
from agent.core.errors import MaskError

TRIANGLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
NOBODY = 65534


def write(path: Path, *polygons: object) -> Path:
    masks = [{"name": "window", "polygon": polygon} for polygon in polygons]
    path.write_text(json.dumps({"version": 1, "masks": masks}))
    return path


def complaint(path: Path) -> str:
    with pytest.raises(MaskError) as caught:
        read_masks(path)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"mask file {path}: ")
    assert said.endswith("; the camera stays off until the file is corrected")
    return said


def test_the_masks_of_the_settings_and_of_the_file_both_count(tmp_path: Path) -> None:
    file = write(tmp_path / "front.json", TRIANGLE[::-1])

    assert all_masks([TRIANGLE], file) == (TRIANGLE, TRIANGLE[::-1])
    assert all_masks([TRIANGLE], None) == (TRIANGLE,)
    assert all_masks([], None) == ()


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(write(tmp_path / "front.json", TRIANGLE))

    assert read_masks(tmp_path / "link.json") == (TRIANGLE,)


def test_a_file_that_is_wrong_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    assert "mask 1, polygon: a polygon needs at least 3 points" in complaint(write(tmp_path / "front.json", []))


def loop(path: Path) -> None:
    path.symlink_to(path)


def too_large(path: Path) -> None:
    path.write_bytes(write(path).read_bytes() + b" " * MAX_BYTES)


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (lambda path: None, "No such file or directory: check that it exists, and its permissions"),
        (Path.mkdir, "it is not a regular file"),
        (os.mkfifo, "it is not a regular file"),
        (loop, "Too many levels of symbolic links"),
        (Path.touch, "it is not JSON"),
        (too_large, "it has more than 256 KiB"),
    ],
    ids=["missing", "directory", "pipe", "loop", "empty", "too large"],
)
def test_what_is_no_file_of_masks_is_told(tmp_path: Path, put: Callable[[Path], None], reason: str) -> None:
    path = tmp_path / "front.json"
    put(path)

    assert reason in complaint(path)


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(name: str) -> None:
    assert "it is not a regular file" in complaint(Path(name))


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_that_no_file_can_have_is_told(tmp_path: Path, name: str) -> None:
    assert complaint(tmp_path / name)


def test_a_file_that_this_user_may_not_read_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "front.json", TRIANGLE)
    path.chmod(0)
    was_root = os.geteuid() == 0
    if was_root:  # nothing is closed to it
        os.seteuid(NOBODY)
    try:
        said = complaint(path)
    finally:
        if was_root:
            os.seteuid(0)
    assert "Permission denied: check that it exists, and its permissions" in said
