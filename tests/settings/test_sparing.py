"""The settings of sites that pay for data, or whose power fails."""

import re
import shutil
from pathlib import Path

import pytest

from agent.bootstrap import specs
from agent.core.camera.battery import BatteryRules
from agent.core.errors import SettingsError
from agent.settings import load
from tests.settings.test_inputs import BUTTON, DOOR, read

PROFILE = Path(__file__).parents[2] / "firmware_configs" / "kiosk-camera-pi5"
MAINS = DOOR.replace("tamper", "mains").replace("door", "mains")


def test_without_the_tables_cameras_always_do_all_and_nothing_is_counted(tmp_path: Path) -> None:
    settings = read(tmp_path, BUTTON, MAINS)
    assert specs.battery(settings) is None
    assert settings.data.interface == ""


def test_a_battery_has_its_rules(tmp_path: Path) -> None:
    battery = specs.battery(read(tmp_path, BUTTON, MAINS, "[battery]\nstop_after_s = 600\n"))
    assert battery is not None
    assert battery.rules == BatteryRules(0, 600, 2, has_mains=True)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ((DOOR, "[battery]\n"), "needs an input of the kind mains or battery"),
        ((MAINS, "[battery]\nslow_after_s = 700\nstop_after_s = 600\n"), "stop_after_s must not be below slow_after_s"),
        (("[data]\nmonth_bytes = 5\n",), "month_bytes needs interface"),
        (('[data]\ninterface = "../x"\n',), "data.interface"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, tables: tuple[str, ...], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read(tmp_path, BUTTON, *tables)


def test_the_tables_that_the_profiles_have_as_comments_are_right_as_they_stand(tmp_path: Path) -> None:
    profile = shutil.copytree(PROFILE, tmp_path / "profile")
    shipped = (path.read_text(encoding="utf-8") for path in sorted((PROFILE / "edge-agent.d").iterdir()))
    tables = [
        table for text in shipped for table in re.findall(r"^#\[(?:data|battery)\].*\n(?:#.*\n?)+", text, re.MULTILINE)
    ]
    assert len(tables) == 2
    (profile / "edge-agent.d" / "95-site.toml").write_text("".join(tables).replace("#", "", 1).replace("\n#", "\n"))
    settings = load(profile / "edge-agent.toml", environ={})
    assert (settings.data.interface, settings.data.month_bytes) == ("wwan0", 500_000_000)
    assert specs.battery(settings) is not None
