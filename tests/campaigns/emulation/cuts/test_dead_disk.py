"""A dead disk's damage is told apart from what any power cut leaves."""

import subprocess
from pathlib import Path

import pytest

from tests.campaigns.emulation.cuts.dead_disk import copy, examine, mend


def debugfs(image: Path, *requests: str) -> str:
    """Look at the file system, or spoil it."""
    command = ["/sbin/debugfs", "-w", "-f", "-", str(image)]
    return subprocess.run(command, input="\n".join(requests), text=True, capture_output=True, check=True).stdout


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A small file system with a damaged database of alarms."""
    tree = tmp_path / "tree/var/lib/edge-agent"
    tree.mkdir(parents=True)
    (tree / "alarms.db").write_bytes(b"no database")
    (tree.parent / "emulation-flushed").write_text("flushed\n")
    found = tmp_path / "disk.img"
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-d", tmp_path / "tree", found, "16M"], check=True)
    return found


def test_a_journal_that_is_replayed_is_no_damage(image: Path) -> None:
    debugfs(image, "jo", "jw -b 3000 /dev/zero", "jc")

    assert mend(image) == []


def test_an_open_file_without_a_name_is_no_damage(image: Path) -> None:
    path = "/var/lib/emulation-flushed"
    number = debugfs(image, f"stat {path}").partition("Inode: ")[2].split()[0]
    debugfs(image, f"sif {path} links_count 0", f"ssv last_orphan {number}", f"unlink {path}")

    assert mend(image) == []


def test_a_file_that_has_lost_its_inode_is_damage_though_it_can_be_mended(image: Path) -> None:
    debugfs(image, "clri /var/lib/emulation-flushed")

    (fault,) = mend(image)
    assert "code 1" in fault
    assert "deleted/unused inode" in fault


def test_alarms_that_can_not_be_read_are_a_fault_and_no_presses(image: Path) -> None:
    remains = examine(copy(image, image.with_name("copy.img")))

    assert remains.presses == {}
    assert [fault.partition(":")[0] for fault in remains.faults] == ["alarms.db", "the alarms can't be read"]
    assert (remains.flushed, remains.unflushed) == ("flushed\n", "")
