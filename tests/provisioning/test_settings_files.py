"""What enrolment writes into /etc/edge-agent."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from agent.core.errors import StorageError
from agent.provisioning import settings_files
from agent.provisioning.est import RegistrarError
from agent.provisioning.settings_files import is_overlay, layer, parse_given, remove, write

NAME = "kzn/durban-station/kiosk-0001"
STATE = Path("/var/lib/edge-agent")


def test_of_what_a_registrar_says_only_place_brokers_centres_and_recordings_are_taken() -> None:
    given: dict[str, Any] = {
        "device": {"province": "gp", "id": "x", "location": {"lat": -29.8, "lon": 31, "text": 'Hall "3"\x7f\n[mqtt]'}},
        "mqtt": {"brokers": ["mqtts://a.example:8883"], "root": "evil/v1", "key_file": "/etc/shadow"},
        "centre": {"names": ["durban"], "required": False},
        "cameras": [{"name": "front"}],
        "evidence": {"recipient": "evidence-1:key", "max_age_days": 30, "events": ["person-entered"]},
    }

    text = layer(NAME, STATE, given)

    current = "/var/lib/edge-agent/credentials/current"
    assert tomllib.loads(text) == {
        "device": {
            "province": "kzn", "site": "durban-station", "id": "kiosk-0001", "location": given["device"]["location"],
        },
        "mqtt": {
            "ca_file": f"{current}/ca.pem", "cert_file": f"{current}/device.pem", "key_file": f"{current}/device.key",
            "brokers": ["mqtts://a.example:8883"],
        },
        "centre": {"names": ["durban"]},
        "evidence": {"recipient": "evidence-1:key", "max_age_days": 30},
    }  # fmt: skip


@pytest.mark.parametrize("given", [{}, {"mqtt": "none", "centre": {"names": []}}])
def test_what_a_registrar_does_not_say_stays_as_the_files_have_it(given: dict[str, object]) -> None:
    written = tomllib.loads(layer(NAME, STATE, given))

    assert "brokers" not in written["mqtt"]
    assert "centre" not in written


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"settings": "a = ", "command_keys": {"keys": []}},
        {"settings": "", "command_keys": []},
        {"settings": 1, "command_keys": {"keys": []}},
        {"settings": "", "command_keys": {"keys": [{"kty": "RSA"}]}},
    ],
)
def test_settings_that_make_no_sense_are_refused(content: dict[str, object]) -> None:
    with pytest.raises(RegistrarError, match="can't be used"):
        parse_given(content)


@pytest.fixture
def overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in place of overlayroot-chroot: what is below lies in a directory `card`."""
    program = tmp_path / "overlayroot-chroot"
    program.write_text(f'#!/bin/sh\n[ ! -e {tmp_path}/broken ] || exit 1\nexec sh -c "$3" sh "{tmp_path}/card$5"\n')
    program.chmod(0o755)
    monkeypatch.setattr(settings_files, "is_overlay", lambda _: True)
    return program


def test_on_a_root_in_memory_the_card_below_is_written_too(tmp_path: Path, overlay: Path) -> None:
    path = tmp_path / "95-enrolled.toml"
    for content in (b"first", b"second"):
        write(path, content, overlay=str(overlay))

    below = Path(f"{tmp_path}/card{path}")
    assert below.read_bytes() == path.read_bytes() == b"second"
    assert [each.name for each in below.parent.iterdir()] == [path.name]


def test_a_card_that_can_not_be_written_is_told(tmp_path: Path, overlay: Path) -> None:
    (tmp_path / "broken").touch()

    with pytest.raises(StorageError, match="a restart forgets it"):
        write(tmp_path / "95-enrolled.toml", b"", overlay=str(overlay))


def test_what_is_removed_is_removed_on_the_card_below_too(tmp_path: Path, overlay: Path) -> None:
    path = tmp_path / "95-enrolled.toml"
    write(path, b"first", overlay=str(overlay))
    (tmp_path / "rm").write_text(f'#!/bin/sh\n[ ! -e {tmp_path}/broken ] || exit 1\nexec rm -f "{tmp_path}/card$3"\n')
    (tmp_path / "rm").chmod(0o755)
    for _ in range(2):
        remove(path, overlay=str(tmp_path / "rm"))
        assert not path.exists()
        assert not Path(f"{tmp_path}/card{path}").exists()
    (tmp_path / "broken").touch()
    with pytest.raises(StorageError, match="can't be removed"):
        remove(path, overlay=str(tmp_path / "rm"))


def test_a_root_of_overlayroot_is_known_by_its_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/mmcblk0p2 / ext4 rw 0 0\n")
    assert not is_overlay(Path("/"), mounts)

    mounts.write_text("overlayroot / overlay rw,lowerdir=/media/root-ro 0 0\n/dev/mmcblk0p3 /data ext4 rw 0 0\n")
    assert is_overlay(Path("/"), mounts)
    assert not is_overlay(Path("/proc"), mounts)
