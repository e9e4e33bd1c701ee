"""The store of credentials on a disk that fails, and below a directory that is not root's."""

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.core.errors import StorageError, UnwritableError
from agent.provisioning.credentials import KEY, Asked, Bound, Set, Store
from agent.trust.whole_file import replace_file

ASKED = Asked(name="kzn/durban-station/kiosk-0001", board=None, registrar="https://registrar.example", key="file")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path)
    with made.locked():
        begun = made.begin("next", ASKED, b"a key")
        made.put_in_use("next", begun, Bound(**ASKED.model_dump(), enrolled_at=datetime.now(UTC)))
    return made


def in_use(store: Store) -> Set:
    current = store.current()
    assert current is not None
    return current


@pytest.mark.parametrize("failing", ["readlink", "stat"])
def test_credentials_that_the_disk_does_not_show_for_a_moment_are_not_removed(
    store: Store, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    directory, real = in_use(store).directory, getattr(Path, failing)

    def fails(path: Path, *args: object, **options: object) -> object:
        if path in {store.directory / "current", directory}:
            raise OSError(errno.EIO, "Input/output error")
        return real(path, *args, **options)

    with monkeypatch.context() as patched, store.locked():
        patched.setattr(Path, failing, fails)
        with pytest.raises(StorageError, match="input/output error"):
            store.current()
        store.begin("next", ASKED, b"another key")
    assert in_use(store).read_key() == b"a key"


def test_whoever_may_not_look_is_told_to_use_sudo(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: Path) -> Path:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "readlink", denied)
    with pytest.raises(UnwritableError, match="sudo"):
        store.current()


def test_a_file_that_waits_under_the_new_ones_name_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "shadow"
    other.write_text("root's own")
    (tmp_path / f".{KEY}.new").symlink_to(other)
    replace_file(tmp_path / KEY, b"a key", 0o600)
    assert other.read_text() == "root's own"
    assert (tmp_path / KEY).read_bytes() == b"a key"
    assert not (tmp_path / KEY).is_symlink()
