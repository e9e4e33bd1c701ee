"""Where a stream may go is in the device's settings, and nothing else can say it."""

from pathlib import Path

import pytest

from agent.contract.from_afar import ALLOWED
from agent.core.errors import SettingsError
from tests.settings.test_evidence_settings import CAMERA, settings_of

FRONT = f'{CAMERA}source = "picamera2:0"\n'


def test_without_a_server_there_is_no_stream(tmp_path: Path) -> None:
    assert settings_of(tmp_path, FRONT).live.stream is None


@pytest.mark.parametrize("url", ["rtsps://media.example:8322/{device}/{camera}", "rtsps://10.0.0.1/all"])
def test_a_stream_has_one_place(tmp_path: Path, url: str) -> None:
    assert settings_of(tmp_path, f'{FRONT}[live]\nstream = "{url}"\n').live.stream == url


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://media.example/{device}",
        "rtsps://media.example",
        "rtsps://kiosk:secret@media.example/{device}",
        "rtsps://{device}.example/x",
        "rtsps://media.example/{site}",
        "rtsps://media.example/{device",
        "rtsps://media.example/a b",
        "rtsps://media.example:99999/x",
        "rtsps://media.example/{device!r}",
        "rtsps:///x",
    ],
)
def test_no_other_form_is_taken(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="rtsps://HOST"):
        settings_of(tmp_path, f'{FRONT}[live]\nstream = "{url}"\n')


def test_two_cameras_have_two_places(tmp_path: Path) -> None:
    two = FRONT + FRONT.replace("front", "yard").replace("picamera2:0", "picamera2:1")
    assert settings_of(tmp_path, f'{two}[live]\nstream = "rtsps://10.0.0.1/{{camera}}"\n').live.stream is not None
    with pytest.raises(SettingsError, match="there is more than one camera"):
        settings_of(tmp_path, f'{two}[live]\nstream = "rtsps://10.0.0.1/all"\n')


def test_nobody_changes_it_from_afar() -> None:
    assert [path for path in ALLOWED if path.startswith("live")] == []
