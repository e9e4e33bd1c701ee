from dataclasses import replace

import pytest

from agent.core.diagnosis.disk import Disk, judge_disk, judge_trial
from agent.core.diagnosis.finding import State

MIB = 1024 * 1024
KEEP = 200 * MIB
WELL = Disk("/var/lib/edge-agent", "/var", "ext4", read_only=False, free_bytes=900 * MIB, free_files=9, outbox_bytes=0)


def test_a_disk_with_room_is_well() -> None:
    [finding] = judge_disk(WELL, KEEP)
    assert finding.state is State.OK
    assert "900 MiB free" in finding.what


@pytest.mark.parametrize(
    ("disk", "state", "says"),
    [
        (replace(WELL, read_only=True), State.FAIL, "/var (ext4) is read-only"),
        (replace(WELL, free_bytes=3 * MIB), State.FAIL, "is full: 3 MiB left"),
        (replace(WELL, free_files=0), State.FAIL, "out of inodes"),
        (replace(WELL, free_bytes=199 * MIB), State.WARN, "no picture is kept"),
        (replace(WELL, file_system="tmpfs"), State.WARN, "lies in memory"),
        (replace(WELL, file_system="overlay"), State.WARN, "lies in memory"),
        (replace(WELL, outbox_bytes=300 * MIB), State.WARN, "no broker has taken"),
        (replace(WELL, damaged=("alarms.db.damaged-1",)), State.WARN, "alarms.db.damaged-1"),
    ],
)
def test_what_is_wrong_with_a_disk_is_named_with_something_to_do(disk: Disk, state: State, says: str) -> None:
    [finding] = judge_disk(disk, KEEP)
    assert finding.state is state
    assert says in finding.what
    assert finding.do


def test_a_read_only_disk_is_mounted_for_writing_and_one_that_is_missing_is_not() -> None:
    [disk], [stand_in] = (
        judge_disk(replace(WELL, read_only=True, file_system=kind), KEEP) for kind in ("ext4", "tmpfs")
    )
    assert "remount,rw /var`" in disk.do
    assert "is not mounted" in stand_in.do


def test_a_file_system_without_a_limit_on_files_is_not_out_of_them() -> None:
    assert judge_disk(replace(WELL, free_files=None), KEEP)[0].state is State.OK


def test_a_slow_disk_is_a_warning() -> None:
    assert [judge_trial("/d", ms).state for ms in (5.0, 2500.0)] == [State.OK, State.WARN]
