import errno
import os
from pathlib import Path

import pytest

from agent.adapters.state_partition import look_at, nearest, write_and_read

MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 0:24 / /dev/shm rw - tmpfs tmpfs rw
29 27 8:1 / {mount} rw,relatime shared:1 - f2fs /dev/mmcblk0p3 rw
"""


def test_a_directory_is_found_on_its_mount_point_even_with_a_space_in_its_name(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    place = tmp_path / "state part"
    place.mkdir()
    mounts.write_text(MOUNTS.format(mount=str(place).replace(" ", "\\040")))
    found = look_at(place / "edge-agent", mounts)
    assert (found.mount_point, found.file_system) == (str(place), "f2fs")
    assert (look_at(tmp_path, mounts).mount_point, look_at(tmp_path, mounts).file_system) == ("/", "ext4")


def test_the_outbox_and_what_was_damaged_in_it_are_found(tmp_path: Path) -> None:
    (tmp_path / "alarms.db").write_bytes(bytes(1000))
    (tmp_path / "telemetry.db-wal").write_bytes(bytes(500))
    (tmp_path / "alarms.db.damaged-1").touch()
    found = look_at(tmp_path)
    assert (found.outbox_bytes, found.damaged, found.read_only) == (1500, ("alarms.db.damaged-1",), False)
    assert found.free_bytes > 0


def test_a_directory_that_is_not_there_yet_lies_where_the_nearest_one_does(tmp_path: Path) -> None:
    assert nearest(tmp_path / "a" / "b") == tmp_path
    (tmp_path / "file").touch()
    assert nearest(tmp_path / "file" / "b") == tmp_path / "file"


def test_a_trial_leaves_nothing_behind(tmp_path: Path) -> None:
    assert write_and_read(tmp_path) > 0
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_nothing_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_and_read(tmp_path)
    assert list(tmp_path.iterdir()) == []
