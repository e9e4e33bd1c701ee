"""What the settings say of recordings, and what a recorder is told."""

from pathlib import Path

import pytest

from agent.bootstrap.recorder_specs import recorder_spec, recorder_specs
from agent.bootstrap.specs import meta
from agent.bootstrap.vision_specs import vision_spec
from agent.core.errors import SettingsError
from agent.settings import Settings
from agent.settings.file import load
from agent.trust.evidence_keys import EvidenceKey

KEY = str(EvidenceKey.generate("evidence-1").public())
CAMERA = '[[cameras]]\nname = "front"\n'
DIRECT = f'{CAMERA}source = "rtsp://user:secret-1@camera/small"\nstream = "rtsp://user:secret-2@camera/large"\n'
MASK = "masks = [[[0, 0], [0.5, 0], [0.5, 1]]]\n"


def settings_of(
    directory: Path, cameras: str, evidence: str = f'recipient = "{KEY}"', own_key: bool = True
) -> Settings:
    path = directory / "edge-agent.toml"
    own = 'cert_file = "device.pem"\nkey_file = "device.key"\n' if own_key else ""
    path.write_text(
        '[device]\nprovince = "gp"\nsite = "s"\nid = "k"\n[storage]\ndirectory = "/state"\n'
        f'[mqtt]\nbrokers = ["mqtt://b"]\n{own}[evidence]\n{evidence}\n{cameras}'
    )
    return load(path, {})


def test_without_a_recipient_nothing_is_recorded(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f'{CAMERA}source = "picamera2:0"\n', evidence="")
    assert recorder_specs(settings, "boot") == []
    assert vision_spec(settings, settings.cameras[0], simulate=False).recorder_socket is None
    assert meta(settings).cameras[0]["recorded"] is False


def test_without_a_key_of_its_own_a_device_records_nothing(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f'{CAMERA}source = "picamera2:0"\n', own_key=False)
    assert recorder_specs(settings, "boot") == []


def test_a_camera_process_feeds_its_recorder(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f'{CAMERA}source = "picamera2:0"\n')
    [spec] = recorder_specs(settings, "boot")
    assert vision_spec(settings, settings.cameras[0], simulate=False).recorder_socket == spec.socket
    assert spec.keeping.directory == "/state/evidence/front"
    assert spec.keeping.facts["device"] == "gp/s/k"
    assert meta(settings).cameras[0]["recorded"] is True


@pytest.mark.parametrize(
    ("more", "as_it_comes"),
    [("", True), (MASK, False), (f"{MASK}masked_by_camera = true\n", True), ('mask_file = "/none.json"\n', False)],
    ids=["no mask", "a mask", "a mask that the camera has too", "masks that can't be read"],
)
def test_a_stream_is_taken_as_it_comes_only_if_that_shows_nothing_that_a_mask_covers(
    tmp_path: Path, more: str, as_it_comes: bool
) -> None:
    settings = settings_of(tmp_path, DIRECT + more)
    spec = recorder_spec(settings, settings.cameras[0])
    assert spec.may_be_unmasked is as_it_comes
    socket = vision_spec(settings, settings.cameras[0], simulate=False).recorder_socket
    assert socket == (None if as_it_comes else spec.socket)


def test_a_manifest_says_which_masks_the_pictures_show_and_others_begin_another_recorder(tmp_path: Path) -> None:
    none, one, other, attested = (
        recorder_spec(settings := settings_of(tmp_path, DIRECT + more), settings.cameras[0]).keeping.facts
        for more in ("", MASK, MASK.replace("0.", "0.1", 1), f"{MASK}masked_by_camera = true\n")
    )
    assert "masks" not in none
    assert one["masks"] != other["masks"]
    assert attested == {**one, "masked_by_camera": True}


def test_the_stream_is_the_source_unless_the_settings_name_another(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f'{CAMERA}source = "rtsp://camera/one"\n')
    assert recorder_spec(settings, settings.cameras[0]).stream == "rtsp://camera/one"
    settings = settings_of(tmp_path, DIRECT)
    assert "large" in str(recorder_spec(settings, settings.cameras[0]).stream)


def test_the_password_of_a_stream_is_not_shown(tmp_path: Path) -> None:
    shown = str(settings_of(tmp_path, DIRECT).masked())
    assert "camera/large" in shown
    assert "secret" not in shown


def test_cameras_share_the_room_and_one_may_be_left_out(tmp_path: Path) -> None:
    cameras = "".join(
        f'[[cameras]]\nname = "{name}"\nsource = "picamera2:0"\nevidence = {said}\n'
        for name, said in (("a", "true"), ("b", "true"), ("c", "false"))
    )
    settings = settings_of(tmp_path, cameras, f'recipient = "{KEY}"\nmax_bytes = 200000000')
    assert [(each.camera, each.keeping.bytes) for each in recorder_specs(settings, "boot")] == [
        ("a", 100_000_000),
        ("b", 100_000_000),
    ]


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ('recipient = "evidence-1"', "keygen --evidence"),
        (f'recipient = "{KEY[:-1]}"', "keygen --evidence"),
        ("after_s = 60\nlongest_s = 30", "longest_s must not be below after_s"),
        ('events = ["somebody-sings"]', "events"),
    ],
    ids=["no key", "half a key", "the longest is the shortest", "no such event"],
)
def test_what_can_not_be_meant_is_refused_in_words(tmp_path: Path, evidence: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings_of(tmp_path, "", evidence)
