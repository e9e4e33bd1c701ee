"""The settings of buttons and conditions: what they mean, and what can't be."""

from pathlib import Path

import pytest

from agent.bootstrap import specs
from agent.core.errors import SettingsError
from agent.core.facts import ConditionChanged, Edge
from agent.core.wiring import InputLine
from agent.settings import Settings, load

HEAD = """\
[device]
province = "gp"
site = "park-station"
id = "kiosk-1"
[storage]
directory = "/var/lib/edge-agent"
[mqtt]
brokers = ["mqtt://a.example"]
[lights]
yellow = 22
"""
BUTTON = '[[buttons]]\nname = "police"\npin = 17\n'
DOOR = '[[inputs]]\nname = "door"\nkind = "tamper"\npin = 6\n'


def read(directory: Path, *tables: str) -> Settings:
    path = directory / "agent.toml"
    path.write_text(HEAD + "".join(tables))
    return load(path, environ={})


def test_a_supervised_button_has_two_lines_and_a_condition_opens_when_something_is_wrong(tmp_path: Path) -> None:
    settings = read(tmp_path, BUTTON, "pin_nc = 5\nglitch_filter_ms = 1.5\npull_up = false\n", DOOR)

    assert specs.input_lines(settings) == [
        InputLine("police", 17, pull_up=False, glitch_filter_ms=1.5),
        InputLine("police", 5, pull_up=False, normally_closed=True, glitch_filter_ms=1.5),
        InputLine("door", 6, normally_closed=True),
    ]
    assert [line.active_level for line in specs.input_lines(settings)] == [True, False, True]


def test_a_condition_may_close_when_something_is_wrong(tmp_path: Path) -> None:
    settings = read(tmp_path, BUTTON, DOOR, 'active_when = "closed"\n')

    assert specs.input_lines(settings)[1] == InputLine("door", 6)


@pytest.mark.parametrize(("kind", "delay_s"), [("tamper", 0), ("mains", 60), ("battery", 5)])
def test_each_kind_of_condition_has_its_own_delay_unless_one_is_given(
    tmp_path: Path, kind: str, delay_s: float
) -> None:
    table = DOOR.replace("tamper", kind)
    for tables, expected_s in (((BUTTON, table), delay_s), ((BUTTON, table, "delay_s = 7\n"), 7)):
        panel = specs.panel(read(tmp_path, *tables))
        told = panel.take(Edge("door", True, 0, at_start=True))
        told += panel.tick(panel.next_due_ns() or 0)

        assert told == [ConditionChanged("door", kind, True, 0)]  # type: ignore[arg-type]
        told = panel.take(Edge("door", False, 10**12)) + panel.take(Edge("door", True, 2 * 10**12))
        assert told[-1].active is (expected_s == 0)  # type: ignore[union-attr]
        assert panel.next_due_ns() == (None if expected_s == 0 else 2 * 10**12 + expected_s * 10**9)


def test_the_description_of_the_device_names_its_buttons_and_conditions(tmp_path: Path) -> None:
    inputs = specs.meta(read(tmp_path, BUTTON, "pin_nc = 5\n", DOOR)).inputs

    assert list(inputs) == [
        {"name": "police", "kind": "panic", "silent": False, "supervised": True},
        {"name": "door", "kind": "tamper"},
    ]


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ((BUTTON, "pin_nc = 17\n"), ":14: pin and pin_nc of button 'police' are both 17"),
        ((BUTTON, "pin_nc = 22\n"), "pin 22 is given to both button 'police' and light 'yellow'"),
        ((BUTTON, "pin_nc = 6\n", DOOR), ":18: pin 6 is given to both button 'police' and input 'door'"),
        ((BUTTON, DOOR, DOOR.replace("door", "lid")), "pin 6 is given to both input 'door' and input 'lid'"),
        ((BUTTON, DOOR.replace("door", "police")), ":15: one of the buttons and one of the inputs are named 'police'"),
        ((BUTTON, DOOR, DOOR.replace("6", "7")), "two inputs are named 'door'"),
        ((BUTTON, "hold_s = 9\nstuck_after_s = 9\n"), "hold_s and settle_ms must be shorter than stuck_after_s"),
        ((BUTTON, "hold_s = 11\n"), "less than or equal to 10"),
        ((BUTTON, "settle_ms = 0\n"), "greater than or equal to 1"),
        ((BUTTON, "stuck_after_s = 0\n"), "greater than 0"),
        ((BUTTON, "chatter_presses = -1\n"), "greater than or equal to 0"),
        ((BUTTON, "glitch_filter_ms = 21\n"), "less than or equal to 20"),
        ((BUTTON, "pin_no = 5\n"), 'pin_no of button "police" is not a setting; did you mean pin_nc?'),
        ((BUTTON, DOOR, "pin_nc = 7\n"), 'pin_nc of input "door" is not a setting'),
        ((BUTTON, DOOR.replace("tamper", "lid")), "'tamper', 'mains', 'battery' or 'service'"),
        ((BUTTON, DOOR, "active_when = 'high'\n"), "'open' or 'closed'"),
        ((BUTTON.replace("police", "self-test"),), "the input of the self-test's own alarm"),
        ((DOOR,), "neither a button nor a camera"),
        ((BUTTON, DOOR.replace("tamper", "service")), "a cut cable must not open it"),
    ],
)
def test_what_can_not_be_is_told_with_its_place(tmp_path: Path, tables: tuple[str, ...], says: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(tmp_path, *tables)

    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_camera_may_have_the_name_of_an_input(tmp_path: Path) -> None:
    settings = read(tmp_path, BUTTON, '[[cameras]]\nname = "police"\nsource = "picamera2:0"\n')

    assert settings.cameras[0].name == settings.buttons[0].name
