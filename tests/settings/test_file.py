import os
from pathlib import Path
from typing import Any

import pytest

from agent.bootstrap.specs import broker_addresses
from agent.core.errors import SettingsError
from agent.settings import Settings, load

GOOD = """\
[device]
province = "gp"
site = "park-station"
id = "kiosk-1"
location = { lat = -26.1, lon = 28.0, text = "pillar 7" }
[storage]
directory = "/var/lib/edge-agent"
[mqtt]
brokers = ["mqtts://a.example:8883", "mqtts://b.example"]
[[buttons]]
name = "police"
pin = 17
[[buttons]]
name = "clinic"
kind = "medical"
pin = 5
[lights]
yellow = 22
green = 27
"""


@pytest.fixture(autouse=True)
def no_overrides(monkeypatch: pytest.MonkeyPatch) -> None:

    for name in [name for name in os.environ if name.startswith("EDGE_AGENT_")]:
        monkeypatch.delenv(name)


class Reader:
    def __init__(self, directory: Path) -> None:
        self.path = directory / "agent.toml"

    def read(self, text: str) -> Settings:
        self.path.write_text(text)
        return load(self.path)

    def mistakes(self, text: str) -> list[str]:
        """One line a mistake, the path of the file left out."""
        with pytest.raises(SettingsError) as error:
            self.read(text)
        return [line.removeprefix(str(self.path)) for line in str(error.value).splitlines()]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_file_is_read(reader: Reader) -> None:
    settings = reader.read(GOOD)

    assert settings.identity.base == "edge/v1/gp/park-station/kiosk-1"
    assert [(button.name, button.kind, button.pin, button.debounce_ms) for button in settings.buttons] == [
        ("police", "panic", 17, 30),
        ("clinic", "medical", 5, 30),
    ]
    assert settings.lights.any()


@pytest.mark.parametrize(
    ("old", "new", "at", "says"),
    [
        ("province", "provinc", "provinc =", "device.provinc is not a setting; did you mean province?"),
        ("[lights]", "[lihgts]", "[lihgts]", "lihgts is not a setting; did you mean lights?"),
        ("pin = 5", "pim = 5", "pim =", 'pim of button "clinic" is not a setting; did you mean pin?'),
        ("pin = 5", "", 'name = "clinic"', 'pin of button "clinic" is missing'),
        ('id = "kiosk-1"\n', "", "[device]", "device.id is missing"),
        ('"gp"', '"GP"', "province", "use small letters, digits and hyphens only (given: 'GP')"),
        ('"gp"', '"g p/#"', "province", "use small letters, digits and hyphens only"),
        ("pin = 17", "pin = 28", "pin = 28", "less than or equal to 27"),
        ("pin = 17", "pin = 1", "pin = 1", "greater than or equal to 2"),
        ("pin = 17", "pin = 2", "pin = 2", "pins 2 and 3 belong to the clock module (I2C): choose one from 4 to 27"),
        ("green = 27", "green = 3", "green = 3", "pins 2 and 3 belong to the clock module"),
        ("pin = 17", 'pin = "GPIO17"', "GPIO17", "valid integer"),
        ("pin = 5", "pin = 17", "pin = 17\n[lights]", "pin 17 is given to both button 'police' and button 'clinic'"),
        ("yellow = 22", "yellow = 17", "yellow", "pin 17 is given to both button 'police' and light 'yellow'"),
        ("green = 27", "green = 22", "green", "pin 22 is given to both light 'yellow' and light 'green'"),
        ('"clinic"', '"police"', "name", "two buttons are named 'police'"),
        ('kind = "medical"', 'kind = "flood"', "flood", "'panic', 'duress', 'medical' or 'fire'"),
        ('"mqtts://b.example"', '"http://b"', "brokers", "a broker is mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"),
        ("lat = -26.1", "lat = -126.1", "location", "device.location.lat"),
        ("[lights]", "[health]\ninterval_s = 0\n[lights]", "interval_s", "greater than or equal to 1"),
        ("[lights]", '[log]\nlevel = "loud"\n[lights]', "level", "'debug', 'info', 'warning' or 'error'"),
        ("[storage]", '[commands]\nkey = "x"\n[storage]', "key =", "commands.key is not a setting; did you mean keys?"),
        ("[lights]", '[[cameras]]\nname = "f"\nsource = "usb"\n[lights]', "source", "picamera2:N"),
        (
            "[lights]",
            '[[cameras]]\nname = "f"\nsource = "picamera2:0"\ndelegate = "coral"\n[lights]',
            "delegate",
            "libedgetpu.so.1",
        ),
    ],
)
def test_each_mistake_is_one_line_with_its_place_and_what_to_do(
    reader: Reader, old: str, new: str, at: str, says: str
) -> None:
    text = changed(old, new)
    mistakes = reader.mistakes(text)
    [mistake] = [mistake for mistake in mistakes if says in mistake]

    assert all(other.endswith(" is missing") for other in mistakes if other != mistake), "only what follows from it"
    if "pin = 17\n[lights]" in at or (at == "name"):
        assert mistake.startswith(f":{len(text[: text.rindex(at)].splitlines()) + 1}: ")
    elif at == 'name = "clinic"':
        assert mistake.startswith(f":{line_of(text, at) - 1}: "), "the line of its table"
    else:
        assert mistake.startswith(f":{line_of(text, at)}: ")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("lat = -26.1", "lat = -26,1972", "-26,1972 has a decimal comma; write -26.1972"),
        ('"kiosk-1"', "kiosk-1", 'text must be in quotes: "like this"'),
        ('"kiosk-1"', "\u201ckiosk-1\u201d", "the quotes are typographic"),
        ('"kiosk-1"', '"kiosk-1', "is not valid TOML: "),
    ],
)
def test_a_slip_in_the_form_is_told_in_words_with_its_line(reader: Reader, old: str, new: str, says: str) -> None:
    text = changed(old, new)
    [mistake] = reader.mistakes(text)
    assert mistake.startswith(f":{line_of(text, new)}: is not valid TOML: ")
    assert says in mistake


def test_all_mistakes_are_told_at_once(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_AGENT_MQTTT__ROOT", "x")
    text = changed("province", "provinc").replace("pin = 5", "pin = 17").replace("yellow = 22", "yellow = 99")
    mistakes = "\n".join(reader.mistakes(text))

    for part in ("MQTTT", "did you mean province?", "device.province is missing", "pin 17 is given", "lights.yellow"):
        assert part in mistakes


def test_a_device_without_a_button_and_a_camera_is_none(reader: Reader) -> None:
    text = GOOD[: GOOD.index("[[buttons]]")]

    assert "neither a button nor a camera" in reader.mistakes(text)[-1]


def test_short_tones_want_a_sounder(reader: Reader) -> None:
    tones = GOOD + "[alarm]\npress_tones = true\n"
    [mistake] = reader.mistakes(tones)
    assert mistake == ":21: press_tones needs a sounder: add [lights] tone, its pin"
    assert reader.read(tones.replace("green = 27", "green = 27\ntone = 18")).alarm.press_tones


def test_a_certificate_goes_with_its_key(reader: Reader) -> None:
    text = changed("[mqtt]", '[mqtt]\ncert_file = "c.pem"')

    assert "cert_file and key_file go together" in reader.mistakes(text)[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [("[device", "is not valid TOML"), ("a = 1\na = 2", "is not valid TOML"), ("\0", "is not valid TOML")],
)
def test_a_file_that_is_no_toml_is_told_so(reader: Reader, text: str, says: str) -> None:
    assert says in reader.mistakes(text)[0]


def test_a_file_that_is_not_there_or_can_not_be_read_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load(tmp_path / "missing.toml")
    (tmp_path / "link.toml").symlink_to("base.toml")
    with pytest.raises(SettingsError, match=r"is a link to base.toml, which is not there; .* cp -rL"):
        load(tmp_path / "link.toml")
    with pytest.raises(SettingsError, match="can't be read"):
        load(tmp_path)
    (tmp_path / "latin").write_bytes(b'a = "\xe9"')
    with pytest.raises(SettingsError, match="can't be read"):
        load(tmp_path / "latin")


@pytest.mark.parametrize(
    "text",
    [
        changed('"clinic"', '["clinic"]'),
        changed('name = "police"', ""),
        changed('name = "police"\n', "").replace('name = "clinic"\n', ""),
        changed("[lights]", "[[lights]]"),
        "buttons = 5\n" + GOOD[: GOOD.index("[[buttons]]")],
        "device = 5\nmqtt = 5\nstorage = []\nbuttons = [1, {}]\ncameras = 'x'\nlights = [[]]",
        "",
    ],
)
def test_whatever_the_form_of_the_file_the_answer_is_a_list_of_mistakes(reader: Reader, text: str) -> None:
    mistakes = reader.mistakes(text)

    assert mistakes
    assert not any("named None" in mistake for mistake in mistakes)


def test_the_environment_overrides_the_file(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_AGENT_DEVICE__SITE", "cape-town")
    monkeypatch.setenv("EDGE_AGENT_DEVICE__LOCATION__LAT", "-33.9")
    monkeypatch.setenv("EDGE_AGENT_MQTT__BROKERS", '["mqtt://c"]')
    settings = reader.read(GOOD)

    assert settings.device.site == "cape-town"
    assert settings.device.province == "gp"
    assert settings.device.location is not None
    assert (settings.device.location.lat, settings.device.location.lon) == (-33.9, 28.0)
    assert settings.mqtt.brokers == ("mqtt://c",)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("EDGE_AGENT_MQTT__BROKER", "x", "did you mean EDGE_AGENT_MQTT__BROKERS?"),
        ("EDGE_AGENT_DEVCE__ID", "x", "did you mean EDGE_AGENT_DEVICE__ID?"),
        ("EDGE_AGENT_LEVEL", "x", "is not a setting"),
        ("EDGE_AGENT_MQTT__BROKERS", "mqtt://c", "are written as JSON"),
    ],
)
def test_an_override_that_means_nothing_is_told(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    mistakes = reader.mistakes(GOOD)

    assert any(mistake.startswith("environment: ") and says in mistake for mistake in mistakes)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mqtts://b.example", "mqtts://user:s3cret@b.example"),
        ("mqtts://b.example", "amqp://user:s3cret@b.example"),
        ("mqtts://b.example", "mqtts://user:s3cret/x@b.example"),
        ("[mqtt]", "[mqtt]\npassword = ['s3cret']"),
        ("[lights]", '[[cameras]]\nname = "f"\nsource = "http://user:s3cret@cam/1"\n[lights]'),
        ("[lights]", '[[cameras]]\nname = "f"\nsource = "rtp://cam/user=admin&password=s3cret&channel=1"\n[lights]'),
    ],
)
def test_no_mistake_shows_a_secret(reader: Reader, old: str, new: str) -> None:
    mistakes = reader.mistakes(changed(old, new))

    assert not any("s3cret" in mistake for mistake in mistakes)


@pytest.mark.parametrize(
    "source",
    [
        "rtsp://user:s3cret@cam:554/1",
        "rtsp://:s3cret@cam/1",
        "rtsp://user:s3c/ret@s3cret@cam/1",
        "rtsp://cam:554/user=admin&password=s3cret&channel=1&stream=0.sdp",
        "rtsp://cam/live?usr=admin&pwd=s3cret",
    ],
)
def test_the_masked_settings_show_no_secret_and_the_real_ones_keep_it(reader: Reader, source: str) -> None:
    extra = f'[[cameras]]\nname = "front"\nsource = "{source}"\n'
    settings = reader.read(changed("[mqtt]", '[mqtt]\npassword = "s3cret"') + extra)
    masked: dict[str, Any] = settings.masked()

    assert "s3c" not in str(masked)
    assert "s3c" not in repr(settings.mqtt)
    assert "cam" in masked["cameras"][0]["source"]
    assert settings.cameras[0].source == source
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "s3cret"


@pytest.mark.parametrize("source", ["picamera2:0", "v4l2:/dev/video0", "file:/clips/a@b.mp4", "rtsp://cam/1"])
def test_a_source_without_a_secret_is_shown_as_it_is(reader: Reader, source: str) -> None:
    settings = reader.read(GOOD + f'[[cameras]]\nname = "front"\nsource = "{source}"\n')

    assert settings.masked()["cameras"][0]["source"] == source


def test_settings_can_not_be_changed(reader: Reader) -> None:
    settings = reader.read(GOOD)

    with pytest.raises(ValueError):
        settings.device.id = "other"  # type: ignore[misc]


def test_interfaces_belong_to_the_brokers_in_their_order(reader: Reader) -> None:
    text = GOOD.replace("[[buttons]]", 'interfaces = ["eth0"]\n[[buttons]]', 1)

    addresses = broker_addresses(reader.read(text))
    assert [str(address) for address in addresses] == ["mqtts://a.example:8883 by eth0", "mqtts://b.example"]
    text = text.replace('["eth0"]', '["", "wwan0"]')
    assert [address.interface for address in broker_addresses(reader.read(text))] == [None, "wwan0"]


def test_more_interfaces_than_brokers_and_names_that_no_interface_has_are_mistakes(reader: Reader) -> None:
    text = GOOD.replace("[[buttons]]", 'interfaces = ["eth0", "wwan0", "wlan0"]\n[[buttons]]', 1)
    assert "more interfaces than brokers" in reader.mistakes(text)[0]

    text = GOOD.replace("[[buttons]]", 'interfaces = ["a-name-that-is-too-long"]\n[[buttons]]', 1)
    assert "at most 15 characters" in reader.mistakes(text)[0]


def test_a_centre_is_not_required_unless_the_settings_say_so(reader: Reader) -> None:
    assert not reader.read(GOOD).centre.required
    assert reader.read(GOOD + '[centre]\nrequired = true\nnames = ["jhb"]\n').centre.names == ("jhb",)
