import json
from datetime import time
from pathlib import Path

import pytest

from agent.bootstrap.vision_specs import vision_spec
from agent.core.camera.link import Start, decode_for_vision
from agent.core.camera.vision_spec import VisionSpec
from agent.core.errors import SettingsError
from agent.core.link_lines import encode
from agent.settings import load
from agent.vision.rule_factory import rules_of
from tests.settings.test_cameras import DEVICE, spec_of

SQUARE = "polygon = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.9], [0.1, 0.9]]"
GATE = ("[[cameras.zones]]", 'name = "gate"', SQUARE)
KERB = ("[[cameras.lines]]", 'name = "kerb"', "from = [0.5, 1.0]", "to = [0.5, 0.0]")


def mistakes(tmp_path: Path, *lines: str, device: str = DEVICE) -> list[str]:
    """One line a mistake, the path of the file left out."""
    path = tmp_path / "edge-agent.toml"
    path.write_text(device + "\n".join(lines))
    with pytest.raises(SettingsError) as error:
        load(path, {})
    return [line.removeprefix(str(path)) for line in str(error.value).splitlines()]


def line_of(tmp_path: Path, part: str, nth: int = 0) -> int:
    lines = (tmp_path / "edge-agent.toml").read_text().splitlines()
    return [number for number, line in enumerate(lines, 1) if part in line][nth]


def test_a_camera_without_zones_watches_the_whole_picture_with_sane_limits(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)

    assert (spec.zones, spec.lines, spec.time_zone) == ((), (), "Africa/Johannesburg")
    assert (spec.enter_after_s, spec.leave_after_s) == (0.5, 3.0)
    assert (spec.min_travel, spec.cool_down_s, spec.update_every_s) == (0.3, 10.0, 60.0)
    assert spec == VisionSpec(
        name=spec.name,
        source=spec.source,
        model=spec.model,
        model_directories=spec.model_directories,
        state_models=spec.state_models,
        snapshot_directory=spec.snapshot_directory,
    )
    rules_of(spec)


def test_zones_and_lines_of_the_settings_reach_the_camera_process(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path,
        "min_travel = 0.5",
        "cool_down_s = 20",
        "update_every_s = 30",
        *GATE,
        "loitering_after_s = 60",
        "crowd_from = 5",
        "crowd_after_s = 10",
        'open = [{ days = ["mon", "sun"], from = "06:00", to = "18:30" }, { from = 22:00:00, to = "02:00" }]',
        'watched = [{ days = ["sat"], from = "00:00", to = "00:00" }]',
        *KERB,
    )

    [zone] = spec.zones
    assert zone.name == "gate"
    assert zone.polygon == ((0.1, 0.1), (0.5, 0.1), (0.5, 0.9), (0.1, 0.9))
    assert (zone.loitering_after_s, zone.crowd_from, zone.crowd_after_s) == (60, 5, 10)
    assert [(each.days, each.start, each.end) for each in (*zone.open, *zone.watched)] == [
        (("mon", "sun"), time(6), time(18, 30)),
        (("mon", "tue", "wed", "thu", "fri", "sat", "sun"), time(22), time(2)),
        (("sat",), time(0), time(0)),
    ]
    assert (len(zone.open), len(zone.watched)) == (2, 1)
    assert [(each.name, each.start, each.end) for each in spec.lines] == [("kerb", (0.5, 1.0), (0.5, 0.0))]
    assert (spec.min_travel, spec.cool_down_s, spec.update_every_s) == (0.5, 20, 30)
    start = Start(spec=spec)
    assert decode_for_vision(encode(start)) == start
    rules_of(spec)


def test_effective_settings_are_shown_with_the_names_that_a_person_writes(tmp_path: Path) -> None:
    path = tmp_path / "edge-agent.toml"
    path.write_text(DEVICE + "\n".join([*GATE, 'open = [{ from = "06:00", to = "18:00" }]', *KERB]))
    [camera] = json.loads(json.dumps(load(path, {}).masked()))["cameras"]

    assert camera["zones"][0]["open"][0]["from"] == "06:00:00"
    assert camera["lines"][0]["to"] == [0.5, 0.0]


@pytest.mark.parametrize(
    ("polygon", "words"),
    [
        ("[[0.1, 0.1], [0.5, 0.1]]", "a polygon needs at least 3 points, and this has 2"),
        (
            "[[0.1, 0.1], [640, 0.1], [0.5, 0.9]]",
            "point 2 (640, 0.1) lies outside of the picture: use fractions, 0 to 1",
        ),
        (
            "[[0.1, 0.1], [nan, 0.1], [0.5, 0.9]]",
            "point 2 (nan, 0.1) lies outside of the picture: use fractions, 0 to 1",
        ),
        ("[[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]", "it crosses itself"),
        ("[[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]", "it crosses itself"),
    ],
)
def test_what_is_wrong_with_a_polygon_is_told_in_words_with_its_line(tmp_path: Path, polygon: str, words: str) -> None:
    [mistake] = mistakes(tmp_path, *GATE, "[[cameras.zones]]", 'name = "yard"', f"polygon = {polygon}")

    assert mistake.startswith(f':{line_of(tmp_path, "polygon", 1)}: polygon of zone "yard" of camera "front": ')
    assert words in mistake


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        "min_travel = -1",
        "update_every_s = 1",
        *GATE,
        "crowd_from = 1",
        "loiter_after_s = 5",
        'open = [{ days = ["monday"], from = "25:00", to = "18:00+02:00" }]',
        "watched = [{ days = [], from = 06:00:00 }]",
        "[[cameras.lines]]",
        'name = "Kerb"',
        "from = [0.5, 1.5]",
        "to = [0.5]",
    )
    text = "\n".join(found)

    for part in (
        'min_travel of camera "front"',
        'update_every_s of camera "front"',
        'crowd_from of zone "gate"',
        'loiter_after_s of zone "gate" of camera "front" is not a setting; did you mean loitering_after_s?',
        'days.0 of open 1 of zone "gate"',
        'from of open 1 of zone "gate"',
        'to of open 1 of zone "gate" of camera "front": give the local time of day without an offset',
        'days of watched 1 of zone "gate"',
        'to of watched 1 of zone "gate" of camera "front" is missing',
        'name of line "Kerb" of camera "front": use small letters',
        'from of line "Kerb" of camera "front": (0.5, 1.5) lies outside of the picture',
        'to.1 of line "Kerb" of camera "front" is missing',
    ):
        assert part in text
    assert len(found) == 12


def test_a_line_needs_two_points(tmp_path: Path) -> None:
    [mistake] = mistakes(tmp_path, *KERB[:2], "from = [0.5, 0.5]", "to = [0.5, 0.5]")
    assert "from and to are the same point" in mistake


@pytest.mark.parametrize(("table", "what"), [(GATE, "zones"), (KERB, "lines")])
def test_two_of_the_same_name_are_a_mistake(tmp_path: Path, table: tuple[str, ...], what: str) -> None:
    [mistake] = mistakes(tmp_path, *table, *table)
    assert f"{what} of camera \"front\": two are named '{table[1][8:-1]}'; give each its own name" in mistake


def test_two_cameras_may_have_zones_of_the_same_name_and_each_mistake_has_its_line(tmp_path: Path) -> None:
    back = ("[[cameras]]", 'name = "back"', 'source = "picamera2:1"')
    spec_of(tmp_path, *GATE, *back, *GATE)

    [mistake] = mistakes(tmp_path, *GATE, *back, *GATE, "crowd_from = 1")
    assert mistake.startswith(f':{line_of(tmp_path, "crowd_from")}: crowd_from of zone "gate" of camera "back"')


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Johannesburg", "did you mean Africa/Johannesburg?"),
        ("Africa/Johanesburg", "did you mean Africa/Johannesburg?"),
        ("africa/johannesburg/x", "it is a name such as Africa/Johannesburg"),
        ("", "it is a name such as Africa/Johannesburg"),
        ("Africa", "there is no such time zone"),
        ("../../etc/passwd", "there is no such time zone"),
        ("/usr/share/zoneinfo/Africa/Johannesburg", "did you mean Africa/Johannesburg?"),
    ],
)
def test_an_unknown_time_zone_is_a_mistake_with_a_hint(tmp_path: Path, name: str, hint: str) -> None:
    device = DEVICE.replace('id = "camera-1"', f'id = "camera-1"\ntime_zone = "{name}"')
    [mistake] = mistakes(tmp_path, device=device)

    assert mistake.startswith(f":{line_of(tmp_path, 'time_zone')}: device.time_zone: there is no such time zone")
    assert hint in mistake


def test_the_time_zone_of_the_device_is_that_of_the_hours(tmp_path: Path) -> None:
    path = tmp_path / "edge-agent.toml"
    path.write_text(DEVICE.replace('id = "camera-1"', 'id = "camera-1"\ntime_zone = "Europe/Berlin"'))
    settings = load(path, {})

    assert vision_spec(settings, settings.cameras[0], simulate=False).time_zone == "Europe/Berlin"
