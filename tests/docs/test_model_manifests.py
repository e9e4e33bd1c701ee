"""The manifests on the page about own models are read by the agent as they stand there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from agent.core.camera.model_decoders import Centres, NmsByClass, SsdPostprocessed, SsdRaw, Yolo
from agent.core.camera.model_manifest import ModelInput, ModelManifest
from agent.settings import CameraSettings

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "bring-your-own-model.md"
TEXT = PAGE.read_text(encoding="utf-8")
WHOLE, *PARTS = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, flags=re.DOTALL))


def test_the_example_is_a_manifest() -> None:
    assert isinstance(ModelManifest.model_validate(WHOLE).decoder, SsdPostprocessed)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_fits_into_it(part: dict[str, Any]) -> None:
    ModelManifest.model_validate(WHOLE | part)


def test_the_page_shows_each_family() -> None:
    shown = {type(ModelManifest.model_validate(WHOLE | part).decoder) for part in ({}, *PARTS)}
    assert shown == {SsdPostprocessed, SsdRaw, Yolo, Centres, NmsByClass}


@pytest.mark.parametrize("model", [SsdPostprocessed, SsdRaw, Yolo, Centres, NmsByClass, ModelInput])
def test_the_page_names_every_field(model: type[SsdRaw]) -> None:
    missing = [name for name in model.model_fields if f"`{name}`" not in TEXT and f"`input.{name}`" not in TEXT]
    assert [name for name in missing if name != "name"] == []


@pytest.mark.parametrize("setting", ["model", "score_threshold", "threads", "delegate", "delegate_options"])
def test_the_page_has_the_default_of_each_setting(setting: str) -> None:
    default = CameraSettings(name="front", source="picamera2:0").model_dump()[setting]
    _, _, settings = TEXT.partition("## What runs it")
    [row] = [line for line in settings.splitlines() if line.startswith(f"| `{setting}` |")]
    assert row.split("|")[2].strip().strip("`") == str(default)
