"""The page on privacy shows a mask file that is read, and settings that name it."""

import re
import tomllib
from pathlib import Path

from agent.core.camera.masks import parse_masks
from agent.settings import CameraSettings

PAGE = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_mask_file_of_the_page_is_right() -> None:
    assert len(parse_masks(example("json").encode())) == 2


def test_the_settings_of_the_page_are_right() -> None:
    (table,) = tomllib.loads(example("toml"))["cameras"]
    camera = CameraSettings.model_validate(table)

    assert camera.mask_file is not None
    assert len(camera.masks) == 1


def test_the_tests_that_the_page_names_are_there() -> None:
    named = re.findall(r"`(tests/[a-z_/]+\.py)`", PAGE)
    assert len(named) >= 4
    assert [name for name in named if not (Path(__file__).parents[2] / name).is_file()] == []
