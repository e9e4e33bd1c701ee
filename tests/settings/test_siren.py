"""The settings of the siren: off unless they are given, and what can't be."""

from pathlib import Path

import pytest

from agent.bootstrap import specs
from agent.contract.stages import Stage
from agent.core.alarms.siren import SirenRules
from agent.core.errors import SettingsError
from agent.core.wiring import SirenPin
from agent.settings import load
from tests.settings.test_inputs import BUTTON, DOOR, read


def test_there_is_no_siren_unless_the_settings_have_one(tmp_path: Path) -> None:
    settings = read(tmp_path, BUTTON)
    assert settings.siren is None
    assert "siren" not in specs.meta(settings).outputs
    assert settings.self_test.siren_chirp is False


def test_its_pin_is_enough_and_the_rest_is_that_of_the_core(tmp_path: Path) -> None:
    settings = read(tmp_path, BUTTON, "[siren]\npin = 26\n")
    assert settings.siren is not None
    assert specs.siren_pin(settings.siren) == SirenPin(26)
    assert specs.siren_rules(settings.siren) == SirenRules()
    assert specs.meta(settings).outputs == ("yellow", "siren")


def test_every_setting_of_it_reaches_the_core(tmp_path: Path) -> None:
    text = '[siren]\npin = 26\nactive_high = false\nwhen = "delayed"\nafter_s = 1\nlimit_s = 2\ntotal_s = 3\n'
    siren = read(tmp_path, BUTTON, text).siren
    assert siren is not None
    assert specs.siren_pin(siren) == SirenPin(26, active_high=False)
    assert specs.siren_rules(siren) == SirenRules(Stage.DELAYED, 1 * 10**9, 2 * 10**9, 3 * 10**9)


def test_it_can_be_given_by_the_environment(tmp_path: Path) -> None:
    read(tmp_path, BUTTON)
    settings = load(tmp_path / "agent.toml", environ={"EDGE_AGENT_SIREN__PIN": "26"})
    assert settings.has_pins


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ((BUTTON, "[siren]\npin = 17\n"), ":15: pin 17 is given to both button 'police' and the siren"),
        ((BUTTON, DOOR, "[siren]\npin = 6\n"), "pin 6 is given to both input 'door' and the siren"),
        ((BUTTON, "[siren]\npin = 22\n"), "pin 22 is given to both light 'yellow' and the siren"),
        ((BUTTON, "[siren]\nlimit_s = 60\n"), "siren.pin is missing"),
        ((BUTTON, "[siren]\npin = 1\n"), "greater than or equal to 2"),
        ((BUTTON, "[siren]\npin = 26\nwhen = 'raised'\n"), "'delayed' or 'unconfirmed'"),
        ((BUTTON, "[siren]\npin = 26\nlimit_s = 901\n"), "less than or equal to 900"),
        ((BUTTON, "[siren]\npin = 26\nlimit_s = 60\ntotal_s = 59\n"), "total_s must not be below limit_s"),
        (
            (BUTTON, "[siren]\npin = 26\nactive_low = true\n"),
            "siren.active_low is not a setting; did you mean active_high?",
        ),
    ],
)
def test_what_can_not_be_is_told_with_its_place(tmp_path: Path, tables: tuple[str, ...], says: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(tmp_path, *tables)
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1
