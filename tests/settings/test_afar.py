"""What the centre may change of a device's settings, and what not."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from agent.contract import layers
from agent.contract.from_afar import ALLOWED, ON_THE_SPOT
from agent.core.errors import ChangeRefused
from agent.settings import Settings, load
from agent.settings.afar import judge, on_the_spot, why_two
from agent.settings.file import _model_in
from agent.trust.evidence_keys import EvidenceKey
from tests.settings.test_file import GOOD

DOCUMENT = (Path(__file__).parents[2] / "docs" / "contract.md").read_text(encoding="utf-8")
MASK = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]
OTHER = [[0.5, 0.5], [0.9, 0.5], [0.9, 0.9]]
CAMERAS = f"""\
[siren]
pin = 6
[[cameras]]
name = "front"
source = "picamera2:0"
masks = [{MASK}]
[[cameras]]
name = "back"
source = "picamera2:1"
"""
PLACE = "the settings from afar"


@pytest.fixture
def base(tmp_path: Path) -> layers.Node:
    (tmp_path / "edge-agent.toml").write_text(GOOD + CAMERAS)
    return layers.read(tmp_path / "edge-agent.toml")[0]


@pytest.fixture
def now(tmp_path: Path, base: layers.Node) -> Settings:
    return load(tmp_path / "edge-agent.toml", {})


def refusal(base: layers.Node, now: Settings, changes: dict[str, Any]) -> str:
    with pytest.raises(ChangeRefused) as refused:
        judge(base, now, changes, PLACE)
    return f"{refused.value.code}: {refused.value}"


def camera(**changes: Any) -> dict[str, Any]:
    return {"cameras": [{"name": "front", **changes}]}


def test_what_is_allowed_becomes_the_last_layer_and_the_rest_stays(base: layers.Node, now: Settings) -> None:
    changes = {
        "device": {"location": {"text": "pillar 9"}, "time_zone": "Africa/Maputo"},
        "mqtt": {"brokers": ["mqtts://c.example"], "keepalive_s": 60},
        "health": {"interval_s": 30},
        "self_test": {"at": "02:30:00+02:00"},
        "storage": {"keep_free_bytes": 10_000_000},
        **camera(score_threshold=0.6, zones=[{"name": "door", "polygon": MASK, "loitering_after_s": 60}]),
    }
    new, uncovered = judge(base, now, changes, PLACE)

    assert new.device.location is not None
    assert (new.device.location.text, new.device.location.lat) == ("pillar 9", -26.1)
    assert new.mqtt.brokers == ("mqtts://c.example",)
    assert (new.cameras[0].score_threshold, new.cameras[0].zones[0].name) == (0.6, "door")
    assert new.cameras[0].masks == now.cameras[0].masks
    assert (new.buttons, new.lights, new.siren, new.alarm) == (now.buttons, now.lights, now.siren, now.alarm)
    assert uncovered == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"buttons": [{"name": "police", "remove": True}]}, "buttons"),
        ({"buttons": [{"name": "police", "silent": True}]}, "buttons"),
        ({"buttons": []}, "buttons"),
        ({"unset": ["buttons"]}, "buttons"),
        ({"unset": ["siren"]}, "siren"),
        ({"siren": {"pin": 7}}, "siren"),
        ({"siren": {}}, "siren"),
        ({"inputs": [{"name": "door", "kind": "tamper", "pin": 9}]}, "inputs"),
        ({"lights": {"yellow": 9}}, "lights"),
        ({"alarm": {"delayed_after_s": 60}}, "alarm"),
        ({"device": {"id": "kiosk-2"}}, "device.id"),
        ({"device": {"location": {"lat": 0}}}, "device.location.lat"),
        ({"device": {"unset": ["location"]}}, "device.location"),
        ({"commands": {"keys": "/tmp/keys.json"}}, "commands"),
        ({"storage": {"directory": "/tmp"}}, "storage.directory"),
        ({"centre": {"required": False}}, "centre"),
        ({"service": {"out_of_service_after_s": 86400}}, "service"),
        ({"self_test": {"enabled": False}}, "self_test.enabled"),
        ({"self_test": {"centre_ack": False}}, "self_test.centre_ack"),
        ({"mqtt": {"root": "edge/v2"}}, "mqtt.root"),
        ({"mqtt": {"ca_file": "/tmp/ca.pem"}}, "mqtt.ca_file"),
        ({"mqtt": {"brokers": ["mqtt://a.example"]}}, "mqtt.brokers"),
        ({"mqtt.brokers": ["mqtts://a.example"]}, "mqtt.brokers"),
        ({"log": {"level": "error"}}, "log"),
        ({"cameras": []}, "cameras"),
        ({"cameras": [{"name": "side", "source": "picamera2:0", "add": True}]}, "cameras.add"),
        ({"cameras": [{"source": "picamera2:0"}]}, "cameras"),
        ({"cameras": "front"}, "cameras"),
        (camera(remove=True), "cameras.remove"),
        (camera(mask_file="/tmp/masks.json"), "cameras.mask_file"),
        (camera(unset=["mask_file"]), "cameras.mask_file"),
        (camera(delegate="evil.so"), "cameras.delegate"),
        (camera(model="ours"), "cameras.model"),
        (camera(event_snapshots=True), "cameras.event_snapshots"),
        (camera(tamper=[]), "cameras.tamper"),
    ],
)
def test_what_is_not_in_the_table_is_refused_by_its_path(
    base: layers.Node, now: Settings, changes: dict[str, Any], path: str
) -> None:
    code, _, text = refusal(base, now, changes).partition(": can't be changed from afar: ")
    assert (code, text.partition(" (")[0]) == ("forbidden-setting", path)


def test_every_forbidden_path_is_named_at_once(base: layers.Node, now: Settings) -> None:
    text = refusal(
        base, now, {"alarm": {"press_tones": True}, "mqtt": {"root": "a", "password": "b", "keepalive_s": 9}}
    )
    assert text.endswith("afar: alarm, mqtt.password, mqtt.root")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"health": {"interval_s": "soon"}}, "health.interval_s"),
        ({"mqtt": {"brokers": ["http://a.example"]}}, "mqtt.brokers"),
        ({"mqtt": {"brokers": []}}, "mqtt.brokers"),
        ({"device": {"time_zone": "Africa/Joburg"}}, "device.time_zone"),
        ({"cameras": [{"name": "frnot", "score_threshold": 0.4}]}, "did you mean front?"),
        (camera(masks=[[[0.1, 0.1], [0.2, 0.2]]]), "a polygon needs at least 3 points"),
        (camera(zones=[{"name": "door", "polygon": MASK, "lotering_after_s": 1}]), "loitering_after_s"),
    ],
)
def test_a_mistake_is_told_as_that_of_a_file_is(
    base: layers.Node, now: Settings, changes: dict[str, Any], said: str
) -> None:
    text = refusal(base, now, changes)
    assert text.startswith(f"bad-settings: {PLACE}: ")
    assert said in text


def test_adding_a_mask_needs_one_signer_and_taking_one_away_or_changing_it_two(
    base: layers.Node, now: Settings
) -> None:
    smaller = [[0.1, 0.1], [0.3, 0.1], [0.3, 0.3]]
    assert judge(base, now, camera(masks=[OTHER, MASK]), PLACE)[1] == []
    assert judge(base, now, camera(masks=[OTHER]), PLACE)[1] == ["what front may show then"]
    assert judge(base, now, camera(masks=[smaller]), PLACE)[1] == ["what front may show then"]
    assert judge(base, now, camera(unset=["masks"]), PLACE)[1] == ["what front may show then"]


def test_a_camera_that_looks_elsewhere_needs_two_signers_where_there_are_masks(
    base: layers.Node, now: Settings
) -> None:
    swapped = {"cameras": [{"name": "front", "source": "picamera2:1"}, {"name": "back", "source": "picamera2:0"}]}
    assert judge(base, now, swapped, PLACE)[1] == ["what front, back may show then"]


def test_whose_key_opens_recordings_and_how_long_they_are_kept_needs_two_signers(
    base: layers.Node, now: Settings
) -> None:
    ours, theirs = (str(EvidenceKey.generate(name).public()) for name in ("evidence-1", "evidence-2"))
    recorded, two = judge(base, now, {"evidence": {"recipient": ours, "max_age_days": 30}}, PLACE)
    assert recorded.evidence.recipient == ours
    assert two == ["who opens what is recorded, and how long it is kept"]
    for other in ({"recipient": theirs, "max_age_days": 30}, {"recipient": ours, "max_age_days": 2}, {}):
        assert judge(base, recorded, {"evidence": other}, PLACE)[1] == two
    assert judge(base, recorded, {"evidence": {"recipient": ours}, "health": {"interval_s": 60}}, PLACE)[1] == []
    assert refusal(base, now, {"evidence": {"recipient": "not a key"}}).startswith("bad-settings")
    assert refusal(base, now, {"evidence": {"max_bytes": 2**40}}).startswith("forbidden-setting")


def test_a_layer_that_no_longer_adds_a_mask_takes_it_away(base: layers.Node, now: Settings) -> None:
    masked, _ = judge(base, now, {"cameras": [{"name": "back", "masks": [MASK]}]}, PLACE)
    assert judge(base, masked, {}, PLACE)[1] == ["what back may show then"]


def paths_of(model: type[BaseModel], table: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = f"{table}.{name}" if table else name
        yield path
        if (inner := _model_in(field.annotation)) is not None:
            yield from paths_of(inner, path)


def test_every_allowed_path_is_a_setting() -> None:
    assert set(ALLOWED) - set(paths_of(Settings)) == set()


def test_the_page_has_the_table_of_what_may_be_changed() -> None:
    rows = re.findall(
        r"^\| `([a-z_.]+)` \| ([^|]+) \|$", DOCUMENT.partition("| setting | ")[2].partition("\n\n")[0], re.MULTILINE
    )
    assert dict(rows) == dict(ALLOWED)


def test_tls_is_tls_in_capitals_too(tmp_path: Path) -> None:
    (tmp_path / "edge-agent.toml").write_text(GOOD.replace("mqtts://", "MQTTS://") + CAMERAS)
    base = layers.read(tmp_path / "edge-agent.toml")[0]
    now = load(tmp_path / "edge-agent.toml", {})
    assert now.mqtt.brokers[0].startswith("MQTTS:")
    assert refusal(base, now, {"mqtt": {"brokers": ["mqtt://a.example"]}}).startswith("forbidden-setting")


def test_where_one_broker_has_no_tls_the_others_keep_theirs(tmp_path: Path) -> None:
    both = '["mqtts://a.example:8883", "mqtt://local.example"]'
    (tmp_path / "edge-agent.toml").write_text(re.sub(r"brokers = .*", f"brokers = {both}", GOOD) + CAMERAS)
    base = layers.read(tmp_path / "edge-agent.toml")[0]
    now = load(tmp_path / "edge-agent.toml", {})
    assert refusal(base, now, {"mqtt": {"brokers": ["mqtt://a.example"]}}).startswith("forbidden-setting")
    new, _ = judge(base, now, {"mqtt": {"brokers": ["mqtts://b.example", "mqtt://local.example"]}}, PLACE)
    assert new.mqtt.brokers == ("mqtts://b.example", "mqtt://local.example")


ZONE = {"name": "door", "polygon": MASK, "loitering_after_s": 30.0}
LINE = {"name": "kerb", "from": [0.1, 0.5], "to": [0.9, 0.5]}
FILES = CAMERAS.replace(
    '[[cameras]]\nname = "back"',
    f'[[cameras.zones]]\nname = "door"\npolygon = {MASK}\nloitering_after_s = 30\n'
    f'[[cameras.zones]]\nname = "bench"\npolygon = {OTHER}\n[[cameras]]\nname = "back"',
)


def drawn(settings: Settings) -> list[Any]:
    """The zones of the first camera, as a technician is shown them."""
    return [zone.model_dump(mode="json", by_alias=True, exclude_defaults=True) for zone in settings.cameras[0].zones]


def test_what_a_technician_draws_is_what_the_camera_has_whatever_files_and_layers_said(tmp_path: Path) -> None:
    (tmp_path / "edge-agent.toml").write_text(GOOD + FILES)
    base = layers.read(tmp_path / "edge-agent.toml")[0]
    now = load(tmp_path / "edge-agent.toml", {})
    layer: dict[str, Any] = {"health": {"interval_s": 30}, **camera(score_threshold=0.6, unset=["masks"])}
    new = {"name": "gate", "polygon": OTHER}
    moved = {"name": "door", "polygon": OTHER}  # and nobody loiters there any more
    for wanted in ([ZONE, new], [moved], [], [new, ZONE, {"name": "bench", "polygon": MASK}]):
        layer, of_office = on_the_spot(base, layer, camera(zones=wanted, lines=[LINE], masks=[MASK, OTHER]))
        assert of_office == []
        now, uncovered = judge(base, now, layer, PLACE)
        assert sorted(drawn(now), key=str) == sorted(wanted, key=str)
        assert [line.name for line in now.cameras[0].lines] == ["kerb"]
        assert uncovered == []
        assert (now.health.interval_s, now.cameras[0].score_threshold) == (30, 0.6)
    assert judge(base, now, on_the_spot(base, layer, camera(masks=[OTHER]))[0], PLACE)[1] == [
        "what front may show then"
    ]


def at(path: str, value: Any) -> dict[str, Any]:
    """The changes that set one path; of a camera, in the first."""
    *tables, key = path.split(".")
    if tables == ["cameras"]:
        return camera(**{key: value})
    changes: dict[str, Any] = {key: value}
    for name in reversed(tables):
        changes = {name: changes}
    return changes


@pytest.mark.parametrize("path", sorted(ALLOWED))
def test_what_a_technician_changes_alone_is_what_can_be_judged_on_the_spot(base: layers.Node, path: str) -> None:
    layer, of_office = on_the_spot(base, {}, at(path, 1))
    assert layer == at(path, 1)
    assert of_office == ([] if path in ON_THE_SPOT else [path])
    assert (why_two(of_office) == "") == (path in ON_THE_SPOT)


@pytest.mark.parametrize("path", ["cameras.model", "cameras.unset", "cameras.add", "siren", "buttons", "mqtt.unset"])
def test_a_technician_changes_nothing_else_however_many_sign(base: layers.Node, path: str) -> None:
    named = ["masks"] if path.startswith("cameras") else ["keepalive_s"]
    with pytest.raises(ChangeRefused) as refused:
        on_the_spot(base, {}, at(path, named if path.endswith("unset") else 1))
    assert refused.value.code == "forbidden-setting"


@pytest.mark.parametrize("path", sorted(ALLOWED))
def test_a_table_where_a_value_belongs_is_refused_in_words(base: layers.Node, now: Settings, path: str) -> None:
    layer, _ = on_the_spot(base, at(path, "as it was"), at(path, {"a": 1}))
    assert refusal(base, now, layer).startswith("bad-settings")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["front", "unset", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "unset", "add", "remove", "text", "masks", "polygon"]), inner)
    ),
    max_leaves=12,
)
ONE = st.builds(at, st.sampled_from([*ALLOWED, "cameras", "device", "device.location", "mqtt.unset"]), ANYTHING)


@given(st.lists(ONE, max_size=3))
@example([at("device.location.text", {"a": 1})])
@hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_whatever_somebody_asks_to_be_set_fits_or_is_refused(
    base: layers.Node, now: Settings, asked: list[dict[str, Any]]
) -> None:
    in_force: dict[str, Any] = {}
    for changes in asked:
        with suppress(ChangeRefused):
            layer, _ = on_the_spot(base, in_force, changes)
            judge(base, now, layer, PLACE)
            in_force = layer


def test_what_a_technician_sets_wins_over_what_the_office_has_unset_or_set(base: layers.Node) -> None:
    office = {"mqtt": {"unset": ["keepalive_s", "interfaces"], "return_after_s": 60}, "health": {"interval_s": 30}}
    layer, _ = on_the_spot(base, office, {"mqtt": {"keepalive_s": 45}, "self_test": {"at": "02:00:00+02:00"}})
    assert layer == {
        "mqtt": {"unset": ["interfaces"], "return_after_s": 60, "keepalive_s": 45},
        "health": {"interval_s": 30},
        "self_test": {"at": "02:00:00+02:00"},
    }


def test_a_zone_that_crosses_itself_is_refused_in_words(base: layers.Node, now: Settings) -> None:
    bow = {"name": "bow", "polygon": [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]}
    assert "cross" in refusal(base, now, on_the_spot(base, {}, camera(zones=[bow]))[0])
