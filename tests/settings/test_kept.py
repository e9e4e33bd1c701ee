"""What was set from afar, on disk: whole after a power cut at any moment, and read or reported at each start."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.core.errors import SettingsError, StorageError
from agent.runtime.remote.kept import Kept, Layer, Trial
from agent.settings import kept
from agent.settings.kept import FILE, Begun, again, begin, load_kept, look, store_kept
from tests.settings.test_file import GOOD

OLD = Kept(in_force=Layer(revision=1, changes={"health": {"interval_s": 30}}), wanted=1)
NEW = Kept(in_force=Layer(revision=2, changes={"health": {"interval_s": 20}}), wanted=2)
TRIED = OLD.with_(trial=Trial(revision=2, changes={"health": {"interval_s": 20}}), wanted=2, state="trying")


class PowerCutError(Exception):
    """The power is gone."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A settings file whose state directory exists."""
    state = tmp_path / "state"
    state.mkdir()
    path = tmp_path / "edge-agent.toml"
    path.write_text(
        GOOD.replace("/var/lib/edge-agent", str(state)) + '[[cameras]]\nname = "front"\nsource = "picamera2:0"\n'
    )
    return path


def state_of(path: Path) -> Path:
    return path.parent / "state"


def cuts(monkeypatch: pytest.MonkeyPatch, directory: Path, at: int, left: float) -> None:
    """Cut the power at the sync of that number. What was not synced by then keeps `left` of its bytes."""
    synced: list[int] = []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        if len(synced) == at:
            for file in directory.glob(f"{FILE}.*"):
                content = file.read_bytes()
                file.write_bytes(content[: int(len(content) * left)])
            raise PowerCutError
        synced.append(descriptor)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("left", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("at", [0, 1])
def test_a_power_cut_while_it_is_written_leaves_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, left: float
) -> None:
    store_kept(tmp_path, OLD)
    with monkeypatch.context() as patch:
        cuts(patch, tmp_path, at, left)
        with pytest.raises(PowerCutError):
            store_kept(tmp_path, NEW)
    assert load_kept(tmp_path) == (NEW if at else OLD)
    store_kept(tmp_path, NEW)
    assert [file.name for file in tmp_path.iterdir()] == [FILE], "what a cut has left is cleared away"


def test_without_a_file_nothing_was_set(tmp_path: Path) -> None:
    assert load_kept(tmp_path) == Kept()
    assert load_kept(tmp_path / "nowhere") == Kept()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 64, b"{}x", b'{"wanted": "1"}', b'{"version": 2}', b'{"keys": {"revision": 1, "keys": [{}]}}'],
)
def test_a_file_that_is_not_what_was_written_is_a_fault(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(StorageError, match="is not what was written"):
        load_kept(tmp_path)


def test_the_layer_in_force_is_the_last_one(path: Path) -> None:
    store_kept(state_of(path), OLD)
    begun = begin(path)
    assert (begun.settings.health.interval_s, begun.trouble) == (30, "")
    assert kept.from_afar(begun) == "revision 1, in force: health.interval_s"


def test_a_trial_runs_within_the_process_and_a_start_of_the_process_ends_it(path: Path) -> None:
    store_kept(state_of(path), OLD)
    tried = again(begin(path), TRIED)
    assert (tried.settings.health.interval_s, tried.kept.trial is not None) == (20, True)
    store_kept(state_of(path), TRIED)
    assert look(path).kept == TRIED, "whoever only looks is no start"
    begun = begin(path)
    assert begun.settings.health.interval_s == 30
    assert (begun.kept.trial, begun.kept.state, begun.kept.is_told) == (None, "failed", False)
    assert begin(path).kept == begun.kept


def test_a_disk_that_takes_no_end_of_a_trial_has_it_ended_at_each_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_kept(state_of(path), TRIED)

    def refuse(*_: Any) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(kept, "store_kept", refuse)
    for _ in range(2):
        begun = begin(path)
        assert (begun.settings.health.interval_s, begun.kept.state) == (30, "failed")


@pytest.mark.usefixtures("hanging")
def test_a_restart_within_the_process_does_not_wait_for_the_disk(path: Path) -> None:
    assert again(begin(path), TRIED).settings.health.interval_s == 20


def test_a_trial_that_does_not_fit_the_files_goes_back(path: Path) -> None:
    unfit = OLD.with_(trial=Trial(revision=2, changes={"cameras": [{"name": "gone"}]}), wanted=2)
    begun = again(begin(path), unfit)
    assert begun.settings.health.interval_s == 30
    assert "no earlier file has camera 'gone'" in begun.kept.reason


def without_cameras(begun: Begun) -> str:
    assert begun.settings.cameras == ()
    assert begun.settings.buttons
    assert begun.settings.health.interval_s == 75
    return begun.trouble


def test_a_layer_that_no_longer_fits_the_files_costs_the_cameras_and_nothing_else(path: Path) -> None:
    store_kept(state_of(path), OLD.with_(in_force=Layer(revision=1, changes={"cameras": [{"name": "gone"}]})))
    assert "no earlier file has camera 'gone'" in without_cameras(begin(path))


def test_a_damaged_file_costs_the_cameras_and_nothing_else(path: Path) -> None:
    (state_of(path) / FILE).write_bytes(b"\x00")
    assert "is not what was written" in without_cameras(begin(path))


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A disk that does not answer until the test is over."""
    end = threading.Event()
    monkeypatch.setattr(kept, "load_kept", lambda _: end.wait())
    monkeypatch.setattr("agent.adapters.in_time.PATIENCE_S", 0.05)
    yield
    end.set()


@pytest.mark.usefixtures("hanging")
def test_a_disk_that_does_not_answer_costs_the_cameras_and_nothing_else(path: Path) -> None:
    assert without_cameras(begin(path)) == "the disk does not answer"


def test_a_mistake_in_the_files_is_one_as_ever(path: Path) -> None:
    path.write_text("nonsense")
    with pytest.raises(SettingsError):
        begin(path)
