"""The example on the page about zones is read by the agent as it stands there, and the page has every setting."""

import re
from pathlib import Path

import pytest

from agent.bootstrap.vision_specs import vision_spec
from agent.core.analytics.lines import CLEAR_OF_LINE
from agent.core.camera.settings import ZoneSettings
from agent.settings import CameraSettings, load
from agent.vision.rule_factory import rules_of
from tests.settings.test_cameras import DEVICE

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to" / "draw-zones.md").read_text(encoding="utf-8")
[EXAMPLE] = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_example_is_a_settings_file_once_the_device_has_a_name(tmp_path: Path) -> None:
    path = tmp_path / "edge-agent.toml"
    device, _, rest = DEVICE.partition("[[cameras]]")[0].partition("[storage]")
    path.write_text(EXAMPLE.replace("[device]\n", device) + "[storage]" + rest)
    settings = load(path, {})
    spec = vision_spec(settings, settings.cameras[0], simulate=False)

    assert [zone.name for zone in spec.zones] == ["entrance", "platform"]
    assert [line.name for line in spec.lines] == ["gate"]
    rules_of(spec)


@pytest.mark.parametrize("setting", sorted(set(ZoneSettings.model_fields) - {"name", "polygon"}))
def test_the_page_names_every_setting_of_a_zone(setting: str) -> None:
    assert f"`{setting}`" in PAGE


@pytest.mark.parametrize("setting", ["enter_after_s", "leave_after_s", "min_travel", "cool_down_s", "update_every_s"])
def test_the_page_has_the_default_of_each_setting_of_a_camera(setting: str) -> None:
    default = CameraSettings.model_fields[setting].default
    assert re.search(rf"^\| `{setting}` \|.*\| {default:g} \|$", PAGE, flags=re.MULTILINE)


def test_the_documents_have_the_figures_of_the_code() -> None:
    decision = (DOCS / "decisions" / "0027-rules-per-person.md").read_text(encoding="utf-8")
    assert f"must be {CLEAR_OF_LINE} of the own height away" in decision.replace("\n  ", " ")
