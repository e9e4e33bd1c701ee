"""Pins: what is found between settings and boot lines, and that the drawing shows every wire and crosses none."""

import itertools
import random
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from agent.settings import Settings, load
from deploy.wiring.bom import bill
from deploy.wiring.boot import read_boot
from deploy.wiring.circuit import COLOURS, colour_name, parts, plugs
from deploy.wiring.conflicts import conflicts
from deploy.wiring.drawing import draw
from deploy.wiring.header import BOARDS, HEADER, PHYSICAL, nearest_ground
from tests.support.agent_process import as_toml

PI4, PI5 = BOARDS["pi4"], BOARDS["pi5"]
SVG = "{http://www.w3.org/2000/svg}"
GOOD = "gpio=17,5=ip,pu\ngpio=22=op,dl\n"
"""What `device` wants."""


@pytest.fixture
def device(tmp_path: Path) -> Any:
    """Settings with one supervised button and a lamp, unless sections say otherwise."""

    def make(**sections: Any) -> Settings:
        tree = {
            "device": {"province": "gp", "site": "s", "id": "kiosk-1"},
            "storage": {"directory": "/x"},
            "mqtt": {"brokers": ["mqtt://b"]},
            "buttons": [{"name": "police", "pin": 17, "pin_nc": 5}],
            "lights": {"yellow": 22},
        }
        path = tmp_path / "edge-agent.toml"
        path.write_text(as_toml({**tree, **sections}))
        return load(path, environ={})

    return make


def test_the_header_is_that_of_a_pi() -> None:
    assert len(HEADER) == 40
    assert sorted(PHYSICAL) == list(range(28))
    assert [PHYSICAL[bcm] for bcm in (2, 3, 4, 14, 17, 18, 27, 22, 23, 24, 25, 5, 6, 12, 13, 19, 16, 26, 20, 21)] == [
        *(3, 5, 7, 8, 11, 12, 13, 15, 16, 18, 22, 29, 31, 32, 33, 35, 36, 37, 38, 40)
    ]
    assert [pin for pin, name in HEADER.items() if name == "GND"] == [6, 9, 14, 20, 25, 30, 34, 39]
    assert [pin for pin, name in HEADER.items() if name == "5V"] == [2, 4]
    assert [pin for pin, name in HEADER.items() if name == "3V3"] == [1, 17]
    assert [nearest_ground(pin) for pin in (5, 11, 12, 13, 29, 35)] == [9, 9, 14, 9, 25, 39], "in the pin's own row"


def test_what_fits_has_no_conflict(device: Any) -> None:
    for board in BOARDS.values():
        assert conflicts(device(), GOOD, "quiet", board) == []


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("dtparam=i2c_arm=on\ndtoverlay=gpio-shutdown", "GPIO3 is taken by both I2C and the power button"),
        ("dtoverlay=spi1-2cs", "GPIO17 is taken by SPI; the settings give it to input 'police'"),
        ("dtoverlay=gpio-fan,gpiopin=22", "GPIO22 is taken by the fan; the settings give it to light 'yellow'"),
        ("dtoverlay=pwm,pin=17,func=4", "GPIO17 is taken by PWM"),
        ("dtoverlay=w1-gpio,gpiopin=5", "GPIO5 is taken by 1-wire"),
        ("dtoverlay=uart3", "GPIO5 is taken by the serial port"),
        ("dtparam=i2c_vc=on", "GPIO0 belongs to the EEPROM of add-on boards; I2C of the EEPROM takes it"),
        ("dtoverlay=uart2", "GPIO1 belongs to the EEPROM of add-on boards"),
        ("gpio=12=op,dl", "sets up GPIO12, which the settings do not use"),
        ("gpio=17=op,dl", "GPIO17, input 'police', is an output at boot"),
        ("gpio=17=np", "GPIO17, input 'police', has no pull-up at boot"),
        ("gpio=17=pd", "GPIO17, input 'police', has no pull-up at boot"),
        ("gpio=22=dh", "GPIO22, light 'yellow', is high at boot"),
        ("gpio=22=ip", "GPIO22, light 'yellow', is no output at boot"),
        ("gpio=22=a5", "GPIO22 is given the function 'a5'"),
        ("gpio=1x=ip", "'1x' is no pin"),
        ("dtoverlay=some-new-hat", "which pins does dtoverlay=some-new-hat take?"),
        ("dtparam=mystery=on", "which pins does dtparam=mystery take?"),
        ("dtoverlay=imx708" + ",x=1" * 30, "longer than 98 characters"),
    ],
)
def test_a_boot_line_that_does_not_fit_is_told_with_its_line(device: Any, lines: str, says: str) -> None:
    found = conflicts(device(), GOOD + lines + "\n", "", PI4)
    [line] = [each for each in found if says in each]
    assert line.startswith(f"config.txt:{2 + len(lines.splitlines())}: ")


def test_inputs_want_a_pull_and_outputs_a_level_from_the_first_lines_on(device: Any) -> None:
    assert conflicts(device(), "", "", PI4) == [
        "config.txt: GPIO17, input 'police', has no pull-up at boot",
        "config.txt: GPIO22, light 'yellow', is no output at boot, and floats until the agent runs",
    ], "GPIO5 has a pull-up from power-on"
    downwards = device(buttons=[{"name": "police", "pin": 17, "pull_up": False}])
    assert "has no pull-down" in conflicts(downwards, "gpio=17=ip,pu\ngpio=22=op,dl", "", PI4)[0]


@pytest.mark.parametrize(("active_high", "level", "wrong"), [("true", "dl", "dh"), ("false", "dh", "dl")])
def test_a_siren_is_silent_at_boot_whichever_level_sounds_it(
    device: Any, active_high: str, level: str, wrong: str
) -> None:
    settings = device(siren={"pin": 26, "active_high": active_high == "true"})
    assert conflicts(settings, f"{GOOD}gpio=26=op,{level}", "", PI4) == []
    [line] = conflicts(settings, f"{GOOD}gpio=26=op,{wrong}", "", PI4)
    assert "the siren" in line
    assert "it would be on" in line


@pytest.mark.parametrize("word", ["console=serial0,115200", "console=ttyAMA0"])
def test_a_console_or_a_modem_on_the_serial_port_has_its_pins(device: Any, word: str) -> None:
    settings = device(buttons=[{"name": "police", "pin": 14}])
    config = "gpio=14=ip,pu\ngpio=22=op,dl\n"
    assert conflicts(settings, config, "", PI4) == []
    assert "console" in conflicts(settings, config, f"{word} quiet", PI4)[0]
    assert "modem" in conflicts(settings, config + "enable_uart=1", "", PI4)[0]
    assert "modem" in conflicts(settings, config + "dtoverlay=disable-bt", "", PI4)[0], "that moves the port there"


def test_lines_for_other_boards_and_what_is_off_claim_nothing() -> None:
    text = "[pi5]\ndtoverlay=uart4\n[pi4]\ndtoverlay=uart3\n[all]\ndtparam=spi=off,i2c_arm=on\n# dtoverlay=w1-gpio"
    assert [claim.pins for claim in read_boot(text, "", PI4).claims] == [(4, 5), (2, 3)]
    assert [claim.pins for claim in read_boot(text, "", PI5).claims] == [(12, 13), (2, 3)]


def test_a_later_gpio_line_changes_what_it_names_and_ranges_are_read() -> None:
    pins = read_boot("gpio=4-6=ip,pu\ngpio=5=op\ngpio=5=dh", "", PI4).pins
    assert {pin: (at.output, at.high, at.pull) for pin, at in pins.items()} == {
        4: (False, None, "pu"),
        5: (True, True, "pu"),
        6: (False, None, "pu"),
    }


def random_device(device: Any, seed: int) -> Settings:
    """A kiosk whose pins were drawn by lot."""
    pins = random.Random(seed).sample(range(4, 28), 13)
    return device(  # type: ignore[no-any-return]
        buttons=[{"name": "police", "pin": pins[0], "pin_nc": pins[1]}, {"name": "fire", "pin": pins[2]}],
        inputs=[
            {"name": kind, "kind": kind, "pin": pin}
            for kind, pin in zip(["tamper", "mains", "battery"], pins[3:6], strict=True)
        ],
        lights=dict(zip(["yellow", "green", "beacon", "tone"], pins[6:10], strict=True)),
        siren={"pin": pins[10], "active_high": seed % 2 == 0},
    )


def segments(svg: str) -> list[tuple[str, tuple[float, ...]]]:
    """Each straight piece of each coloured wire: wire and ends."""
    colours = {value for name, value in COLOURS.values() if name != "black"}
    found = []
    for number, line in enumerate(ET.fromstring(svg).iter(f"{SVG}polyline")):
        if line.get("stroke") in colours and line.get("stroke-width") == "3.2":
            points = [tuple(map(float, point.split(","))) for point in str(line.get("points")).split()]
            found += [(f"{number} {line.get('stroke')}", (*a, *b)) for a, b in itertools.pairwise(points)]
    return found


def touch(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether two upright or level pieces have a point in common."""
    return all(
        min(one[axis], one[axis + 2]) <= max(other[axis], other[axis + 2])
        and min(other[axis], other[axis + 2]) <= max(one[axis], one[axis + 2])
        for axis in (0, 1)
    )


@pytest.mark.parametrize("seed", range(30))
def test_wherever_the_pins_are_no_two_wires_touch_and_each_ends_at_its_pin(device: Any, seed: int) -> None:
    settings = random_device(device, seed)
    wired = parts(settings, "dtoverlay=i2c-rtc,ds3231" if seed % 3 == 0 else "", PI4)
    svg = draw("Title", "Subtitle", PI4, wired, [])
    pieces = segments(svg)
    for (wire, one), (other_wire, other) in itertools.combinations(pieces, 2):
        assert wire == other_wire or not touch(one, other), f"{wire} and {other_wire}"
    assert len({wire for wire, _ in pieces}) == sum(len(part.wires) for part in wired)
    top, pitch = 150.0, 44.0
    ends = sorted(
        piece[3] for (_, piece), (_, after) in itertools.pairwise([*pieces, ("", (0.0,) * 4)]) if after[:2] != piece[2:]
    )
    assert ends == sorted(top + ((pin - 1) // 2 + 0.5) * pitch for part in wired for pin, _ in part.wires)


@pytest.mark.parametrize("seed", range(6))
def test_every_part_is_on_the_drawing_with_pin_name_header_number_and_colour(device: Any, seed: int) -> None:
    settings = random_device(device, seed)
    wired = parts(settings, "", PI4)
    texts = {text.text for text in ET.fromstring(draw("Title", "Subtitle", PI4, wired, [])).iter(f"{SVG}text")}
    for part in wired:
        [(pin, code)] = part.wires
        assert {part.name, part.purpose, f"{HEADER[pin]} = header {pin}, {code} ({colour_name(code)})"} <= texts
    assert len(wired) == 11


@pytest.mark.parametrize("seed", range(6))
def test_no_two_wires_have_the_same_colour_and_each_part_has_a_ground_that_is_drawn(device: Any, seed: int) -> None:
    settings = random_device(device, seed)
    many = device(buttons=[{"name": f"b{pin}", "pin": pin} for pin in range(4, 28)], lights={})
    for wired in (parts(settings, "dtoverlay=i2c-rtc,ds3231", PI4), parts(many, "", PI4)):
        codes = [code for part in wired for _, code in part.wires]
        assert len(set(codes)) == len(codes)
        assert all(HEADER[part.ground] == "GND" and part.ground % 2 == part.pin % 2 for part in wired)


def test_the_legend_tells_of_what_is_drawn_and_of_nothing_else(device: Any) -> None:
    def legend(**sections: Any) -> str:
        settings = device(**sections)
        svg = draw("T", "S", PI4, parts(settings, "", PI4), plugs(settings, PI4))
        return " ".join(str(text.text) for text in ET.fromstring(svg).iter(f"{SVG}text"))

    network = [{"name": "n", "source": "rtsp://a/1"}]
    lamps = legend(buttons=[], lights={"yellow": 22}, cameras=network)
    assert "YE yellow" in lamps
    assert not any(word in lamps for word in ("MOSFET", "12 V joins", "BN brown", "cable to a contact", "flat cable"))
    usb = legend(buttons=[], lights={}, cameras=[{"name": "yard", "source": "v4l2:/dev/v4l/by-path/change-me-x"}])
    assert "flat cable" not in usb
    assert "change-me" not in usb
    assert "its path is in 90-device.toml" in usb
    assert "flat cable" in legend(cameras=[{"name": "front", "source": "picamera2:0"}])


def test_a_name_that_would_be_markup_is_shown_as_it_is(device: Any) -> None:
    settings = device(cameras=[{"name": "front", "source": "v4l2:/dev/<b>&amp;"}])
    svg = draw("<Title>", "&", PI5, parts(settings, "", PI5), plugs(settings, PI5))
    assert "v4l2:/dev/<b>&amp;" in {text.text for text in ET.fromstring(svg).iter(f"{SVG}text")}


def test_the_bill_counts_what_is_wired(device: Any) -> None:
    settings = device(
        buttons=[{"name": "police", "pin": 17, "pin_nc": 5}, {"name": "fire", "pin": 25}],
        lights={"yellow": 22, "beacon": 23},
        cameras=[{"name": "n", "source": "rtsp://a/1"}, {"name": "s", "source": "rtsp://a/2"}],
    )
    rows = [line.split(",")[:2] for line in bill(PI5, parts(settings, "", PI5), plugs(settings, PI5)).splitlines()]
    for row in (["1", "push button"], ["1", '"push button'], ["1", "n-channel MOSFET"], ["2", "network camera"]):
        assert row in rows
    assert [count for count, what in rows if what == "capacitor"] == ["3"], "one for each contact"
    assert not any("Camera Module" in what for _, what in rows)
