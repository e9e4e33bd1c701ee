"""What the settings say of uploads, and what a recorder is told of them."""

from pathlib import Path

import pytest

from agent.adapters.state_partition import look_at
from agent.bootstrap.recorder_specs import recorder_specs
from agent.bootstrap.specs import spool
from agent.contract.from_afar import ALLOWED
from agent.core.errors import SettingsError, StorageError
from tests.settings.test_evidence_settings import CAMERA, settings_of

TWO = f'{CAMERA}source = "picamera2:0"\n[[cameras]]\nname = "yard"\nsource = "picamera2:1"\n'


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/dev/shm/edge-agent:/run/other")


def test_without_a_host_nothing_is_uploaded(tmp_path: Path) -> None:
    assert [each.upload for each in recorder_specs(settings_of(tmp_path, TWO), "boot")] == [None, None]


def test_segments_wait_in_memory_and_cameras_share_it(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f'[upload]\nhosts = ["store.example"]\nspool_bytes = 4194304\n{TWO}')
    uploads = [each.upload for each in recorder_specs(settings, "boot")]
    assert {each and each.directory for each in uploads} == {"/dev/shm/edge-agent/upload"}
    assert [each and (each.bytes, each.clips) for each in uploads] == [(2097152, ("alarm",))] * 2


def test_without_a_directory_in_memory_nothing_is_uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    host = '[upload]\nhosts = ["store.example"]\n'
    assert recorder_specs(settings_of(tmp_path, f"{host}{TWO}"), "boot")[0].upload is None
    named = recorder_specs(settings_of(tmp_path, f'{host}directory = "/dev/shm/x"\n{TWO}'), "boot")[0].upload
    assert named is not None
    assert named.directory == "/dev/shm/x"


def test_nothing_waits_on_a_disk(tmp_path: Path) -> None:
    host = f'[upload]\nhosts = ["store.example"]\ndirectory = "{tmp_path / "spool"}"\n'
    settings = settings_of(tmp_path, f"{host}{TWO}")
    kind = look_at(tmp_path).file_system
    if kind == "tmpfs":
        pytest.skip("this machine has its temporary files in memory")
    assert [each.upload for each in recorder_specs(settings, "boot")] == [None, None]
    with pytest.raises(StorageError, match=rf"nothing is uploaded: .*/spool is on a disk \({kind}\)"):
        spool(settings)


NO_HOSTS = (
    "https://store.example",
    "store.example/b",
    "user@store.example",
    "",
    "Store",
    "*",
    "a..b",
    ".a",
    "a.",
    "-a",
)
NO_PORTS = (
    "a:0",
    "a:65536",
    "a:99999",
    "a:080",
    "a:",
    "a:b",
    "[::1",
    "[1:2]",
    "[::1]:0",
    "1.2.3",
    "1.2.3.999",
    "a" * 64,
)


@pytest.mark.parametrize("host", NO_HOSTS + NO_PORTS)
def test_a_host_is_a_host(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match=r"upload\.hosts.*host of a store, in small letters, with :PORT"):
        settings_of(tmp_path, f'[upload]\nhosts = ["{host}"]\n{TWO}')


@pytest.mark.parametrize("host", ["store", "s3.af-south-1.a.example:65535", "10.0.0.7:9000", "[fd00::7]:9000", "[::1]"])
def test_a_store_may_have_a_name_or_an_address_and_a_port(tmp_path: Path, host: str) -> None:
    assert settings_of(tmp_path, f'[upload]\nhosts = ["{host}"]\n{TWO}').upload.hosts == (host,)


def test_nobody_says_from_afar_where_recordings_go() -> None:
    assert not [path for path in ALLOWED if path.startswith("upload")]
