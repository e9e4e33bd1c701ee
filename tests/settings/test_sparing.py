"""The settings of sites that pay for data, or whose power fails."""

from pathlib import Path

import pytest

from agent.bootstrap.sparing import make_battery
from agent.core.camera.battery import BatteryRules
from agent.core.errors import SettingsError
from tests.settings.test_inputs import BUTTON, DOOR, read

MAINS = DOOR.replace("tamper", "mains").replace("door", "mains")


def test_without_the_tables_cameras_always_do_all_and_nothing_is_counted(tmp_path: Path) -> None:
    settings = read(tmp_path, BUTTON, MAINS)
    assert make_battery(settings) is None
    assert settings.data.interface == ""


def test_a_battery_has_its_rules(tmp_path: Path) -> None:
    battery = make_battery(read(tmp_path, BUTTON, MAINS, "[battery]\nstop_after_s = 600\n"))
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
