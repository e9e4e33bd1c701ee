"""A settings file and the layers beside it: what wins, what is told, and that one file alone is as it was."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.bootstrap.specs import revision
from agent.contract import layers
from agent.core.errors import SettingsError
from agent.settings import Settings, load
from tests.settings.test_file import GOOD
from tests.support.agent_process import run_cli

BASE = """\
[storage]
directory = "/var/lib/edge-agent"
[[buttons]]
name = "police"
pin = 17
debounce_ms = 40
[[buttons]]
name = "fire"
kind = "fire"
pin = 25
[lights]
yellow = 22
green = 27
"""
SITE = """\
[device]
province = "gp"
site = "park-station"
location = { lat = -26.1, lon = 28.0, text = "the station" }
[mqtt]
brokers = ["mqtts://a.example", "mqtts://b.example"]
"""
DEVICE = """\
[device]
id = "kiosk-1"
"""
Load = Callable[..., Settings]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The settings file; beside it the directory of its layers."""
    (tmp_path / "edge-agent.d").mkdir()
    return tmp_path / "edge-agent.toml"


@pytest.fixture
def layered(path: Path) -> Load:
    """Loads a base, a site and a device layer."""

    def load_layers(device: str = DEVICE, site: str = SITE, base: str = BASE) -> Settings:
        path.write_text(base)
        (path.parent / "edge-agent.d" / "50-site.toml").write_text(site)
        (path.parent / "edge-agent.d" / "90-device.toml").write_text(device)
        return load(path, environ={})

    return load_layers


def mistakes(layered: Load, device: str) -> list[str]:
    with pytest.raises(SettingsError) as error:
        layered(device)
    return str(error.value).splitlines()


def test_three_layers_are_one_device(layered: Load) -> None:
    settings = layered()
    assert settings.identity.base == "edge/v1/gp/park-station/kiosk-1"
    assert [button.name for button in settings.buttons] == ["police", "fire"]
    assert settings.mqtt.brokers == ("mqtts://a.example", "mqtts://b.example")


def test_layers_and_one_file_that_says_the_same_have_the_same_revision(layered: Load, tmp_path: Path) -> None:
    whole = tmp_path / "whole.toml"
    whole.write_text(BASE + SITE.replace("[device]", '[device]\nid = "kiosk-1"'))
    assert revision(layered()) == revision(load(whole, environ={}))
    assert revision(layered(DEVICE + "[lights]\ntone = 18\n")) != revision(load(whole, environ={}))


def test_a_table_is_merged_and_a_later_file_wins(layered: Load) -> None:
    settings = layered(
        DEVICE + 'location = { text = "pillar 7" }\n[lights]\nyellow = 23\n[mqtt]\nbrokers = ["mqtts://c.example"]\n'
    )
    assert settings.device.location is not None
    assert (settings.device.location.lat, settings.device.location.text) == (-26.1, "pillar 7")
    assert (settings.lights.yellow, settings.lights.green) == (23, 27)
    assert settings.mqtt.brokers == ("mqtts://c.example",), "a list of plain values is replaced"


def test_tables_of_a_list_are_merged_by_name_and_new_ones_come_last(layered: Load) -> None:
    settings = layered(
        DEVICE
        + '[[buttons]]\nname = "clinic"\nadd = true\npin = 24\n[[buttons]]\nname = "police"\npin = 12\npin_nc = 5\n'
    )
    assert [(b.name, b.pin, b.pin_nc, b.debounce_ms) for b in settings.buttons] == [
        ("police", 12, 5, 40),
        ("fire", 25, None, 30),
        ("clinic", 24, None, 30),
    ]


def test_zones_of_a_camera_are_merged_by_name_too(layered: Load) -> None:
    camera = '[[cameras]]\nname = "front"\n'
    zone = '[[cameras.zones]]\nname = "door"\n'
    settings = layered(
        DEVICE + camera + zone + "crowd_from = 4\n",
        base=BASE + camera + 'source = "picamera2:0"\n' + zone + "polygon = [[0, 0], [1, 0], [1, 1]]\n",
    )
    [[only]] = [each.zones for each in settings.cameras]
    assert (only.name, only.crowd_from, len(only.polygon)) == ("door", 4, 3)


def test_what_is_not_wired_is_removed_by_name_and_may_come_back_anew(layered: Load) -> None:
    remove = '[[buttons]]\nname = "fire"\nremove = true\n'
    assert [b.name for b in layered(DEVICE + remove).buttons] == ["police"]

    again = layered(DEVICE + remove + '[[buttons]]\nname = "fire"\npin = 6\n')
    assert [(b.name, b.kind, b.pin) for b in again.buttons] == [("police", "panic", 17), ("fire", "panic", 6)]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[[buttons]]\nname = "fier"\nremove = true\n', 3, "no earlier file has button 'fier'; did you mean fire?"),
        ('[[buttons]]\nname = "police"\nremove = false\n', 5, 'remove of button "police" is not a setting'),
        ('[[buttons]]\nname = "poliec"\npin = 12\n', 3, "no earlier file has button 'poliec'; did you mean police?"),
        ('[[buttons]]\nname = "doctor"\npin = 12\n', 3, "there are police, fire (a new one says `add = true`"),
        ('[[buttons]]\nname = "fire"\nadd = true\npin = 6\n', 3, "an earlier file has button 'fire': take `add` away"),
        ('[[buttons]]\nname = "fire"\nunset = ["pin_no"]\n', 5, "no earlier file sets pin_no here; did you mean pin"),
        ('[[buttons]]\nname = "fire"\npin_nc = ""\n', 5, 'in a later layer write unset = ["pin_nc"]'),
        ('[[buttons]]\nname = "fire"\npin_nc = false\n', 5, 'in a later layer write unset = ["pin_nc"]'),
        ('[[buttons]]\nname = "police"\npin = 99\n', 5, "less than or equal to 27"),
        ("[lights]\nyelow = 23\n", 4, "did you mean yellow?"),
        ('[[buttons]]\nname = "clinic"\nadd = true\n', 3, 'pin of button "clinic" is missing'),
        ('[[buttons]]\nname = "police"\n[[buttons]]\nname = "police"\npin = 5\n', 6, "two buttons are named 'police'"),
        ("[lights]\nyellow = 25\n", 4, "pin 25 is given to both button 'fire' and light 'yellow'"),
    ],
)
def test_a_mistake_is_told_with_the_layer_and_the_line_of_it(
    layered: Load, path: Path, text: str, line: int, says: str
) -> None:
    told = mistakes(layered, DEVICE + text)
    [mistake] = [each for each in told if says in each]
    assert mistake.startswith(f"{path.parent / 'edge-agent.d' / '90-device.toml'}:{line}: ")


@pytest.mark.parametrize("pin", [22, 27])
def test_a_pin_given_twice_is_told_with_the_file_that_gave_it_last(layered: Load, path: Path, pin: int) -> None:
    """The lights of the base come after the buttons, and yet the technician who moved a button made the mistake."""
    with pytest.raises(SettingsError) as error:
        layered(f'{DEVICE}[[buttons]]\nname = "police"\npin = {pin}\n')
    [mistake] = str(error.value).splitlines()
    assert mistake.startswith(f"{path.parent / 'edge-agent.d' / '90-device.toml'}:5: pin {pin} is given to both light")


def test_a_value_of_the_base_is_told_with_the_line_of_the_base(layered: Load, path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        layered('[[buttons]]\nname = "police"\nhold_s = 1\n' + DEVICE, base=BASE.replace("pin = 25", "pin = 1"))
    assert str(error.value).startswith(f'{path}:10: pin of button "fire": ')


def test_a_misspelt_button_adds_none_and_is_the_one_mistake(layered: Load) -> None:
    [mistake] = mistakes(layered, DEVICE + '[[buttons]]\nname = "poliec"\npin = 12\n')
    assert "did you mean police?" in mistake


def test_a_misspelt_zone_is_told_as_a_misspelt_button_is(layered: Load) -> None:
    camera = '[[cameras]]\nname = "front"\n'
    zone = '[[cameras.zones]]\nname = "{}"\npolygon = [[0, 0], [1, 0], [1, 1]]\n'
    base = BASE + camera + 'source = "picamera2:0"\n' + zone.format("door")
    with pytest.raises(SettingsError, match=r"no earlier file has zone 'dor'; did you mean door\?"):
        layered(DEVICE + camera + zone.format("dor"), base=base)
    added = layered(DEVICE + camera + zone.format("yard") + "add = true\n", base=base)
    assert [each.name for each in added.cameras[0].zones] == ["door", "yard"]


def test_the_first_of_their_kind_may_come_from_a_layer_and_may_say_that_they_are_new(layered: Load) -> None:
    for add in ("", "add = true\n"):
        settings = layered(DEVICE + '[[cameras]]\nname = "front"\nsource = "picamera2:0"\n' + add)
        assert [camera.name for camera in settings.cameras] == ["front"]


def test_a_layer_takes_away_a_key_or_a_table_that_an_earlier_file_sets(layered: Load) -> None:
    base = BASE.replace("pin = 25", "pin = 25\npin_nc = 5") + "[siren]\npin = 16\n"
    assert layered(base=base).siren is not None
    settings = layered('unset = ["siren"]\n' + DEVICE + '[[buttons]]\nname = "fire"\nunset = ["pin_nc"]\n', base=base)
    assert settings.siren is None
    assert [(button.name, button.pin, button.pin_nc) for button in settings.buttons] == [
        ("police", 17, None),
        ("fire", 25, None),
    ]


def test_what_a_layer_forgets_is_missing(layered: Load) -> None:
    with pytest.raises(SettingsError, match=r"device\.id is missing"):
        layered("")


@pytest.mark.parametrize(
    "text", ["buttons = 5", "buttons = [1]", 'device = "x"', "[[lights]]\nname = 'a'", "[[buttons]]\npin = 5"]
)
def test_a_layer_of_another_form_gives_mistakes_and_no_crash(layered: Load, text: str) -> None:
    assert mistakes(layered, text)


def test_an_empty_list_empties_it(layered: Load) -> None:
    settings = layered("buttons = []\n" + DEVICE + '[[cameras]]\nname = "front"\nsource = "picamera2:0"\n')
    assert settings.buttons == ()


def test_every_file_that_can_not_be_read_is_told(layered: Load, path: Path) -> None:
    (path.parent / "edge-agent.d" / "10-torn.toml").write_text("[device")
    (path.parent / "edge-agent.d" / "20-lost.toml").symlink_to("nowhere.toml")
    (path.parent / "edge-agent.d" / "30-folder.toml").mkdir()
    told = mistakes(layered, "[mqtt")
    assert [each.partition(".toml: ")[0].rpartition("/")[2] for each in told] == [
        "10-torn",
        "20-lost",
        "30-folder",
        "90-device",
    ]


def test_a_directory_that_is_none_is_told(path: Path) -> None:
    path.write_text(GOOD)
    (path.parent / "edge-agent.d").rmdir()
    (path.parent / "edge-agent.d").write_text("")
    with pytest.raises(SettingsError, match=r"edge-agent\.d: can't be read"):
        load(path, environ={})


def test_files_are_read_in_the_order_of_their_names_and_editors_leftovers_are_not(layered: Load, path: Path) -> None:
    layered()
    for name in ("100-late.toml", ".#90-device.toml", "90-device.toml~", "notes.txt"):
        (path.parent / "edge-agent.d" / name).write_text("")
    assert [file.name for file in layers.files(path)] == [
        "edge-agent.toml",
        "100-late.toml",
        "50-site.toml",
        "90-device.toml",
    ]


def test_the_environment_wins_over_every_layer(layered: Load, path: Path) -> None:
    layered()
    assert load(path, environ={}).health.interval_s == 75
    (path.parent / "edge-agent.d" / "95-more.toml").write_text("[health]\ninterval_s = 30\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGE_AGENT_HEALTH__INTERVAL_S", "7")
        assert load(path).health.interval_s == 7


def test_check_config_names_the_files_that_it_has_read(layered: Load, path: Path) -> None:
    layered()
    done = run_cli("check-config", path)
    assert done.returncode == 0
    layer = path.parent / "edge-agent.d"
    assert done.stderr.splitlines() == [
        f"read 1 of 3: {path}",
        f"read 2 of 3: {layer / '50-site.toml'}",
        f"read 3 of 3: {layer / '90-device.toml'}",
    ]
    path.write_text(GOOD)
    for file in layer.iterdir():
        file.unlink()
    assert run_cli("check-config", path).stderr == ""
