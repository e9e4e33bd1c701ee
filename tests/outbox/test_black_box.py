import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.contract.messages import Rank
from agent.core.errors import StorageError
from agent.outbox.black_box import BlackBox, Entry
from agent.outbox.database import Row

BOOT = "00000000-0000-4000-8000-000000000001"


def row(place: int, payload: bytes = b"{}") -> Row:
    return Row(place, Rank.ALARM, "up/alarm/police", payload, 1, False, None, "a1", None, BOOT, place, place)


def opened(path: Path, boot_id: str = BOOT) -> BlackBox:
    box = BlackBox(path, boot_id)
    box.open()
    return box


def left_behind(path: Path, boot_id: str = BOOT) -> list[Entry]:
    box = opened(path, boot_id)
    found = box.entries()
    box.close(empty=False)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "black-box"


@pytest.fixture
def box(path: Path) -> Iterator[BlackBox]:
    box = opened(path)
    yield box
    box.close(empty=False)


def test_what_is_in_it_outlives_the_process(path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from tests.outbox.test_black_box import opened, row
box = opened(Path({str(path)!r}))
box.append(row(1, b"payload"), {{"alarm/a1": "open", "old": None}}, (7, 1, 5), list)
box.append(None, {{"ctr/k": "5"}}, (7, 1, 5), list)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL

    again = opened(path)
    assert again.numbers == (7, 1, 5)
    assert again.entries() == [
        Entry(row(1, b"payload"), {"alarm/a1": "open", "old": None}),
        Entry(None, {"ctr/k": "5"}),
    ]
    again.close(empty=False)


def test_an_orderly_end_with_everything_on_disk_leaves_no_file(path: Path) -> None:
    opened(path).close(empty=True)
    assert not path.exists()

    opened(path).close(empty=False)
    assert path.exists()


def test_another_boot_finds_nothing_and_begins_anew(path: Path) -> None:
    box = opened(path)
    box.append(row(1), {}, (1, 1, 0), list)
    box.close(empty=False)

    assert left_behind(path, "another") == []
    assert left_behind(path) == []


def test_what_came_after_the_turn_stays_when_the_disk_has_the_rest(box: BlackBox) -> None:
    box.append(row(1), {}, (1, 1, 0), list)
    box.turn()
    box.append(row(2), {}, (2, 2, 0), list)
    box.clear_written(list)

    assert [entry.row for entry in box.entries()] == [row(2)]


def test_what_the_disk_did_not_take_stays_in_the_order_of_acceptance(box: BlackBox, path: Path) -> None:
    box.append(row(1), {}, (1, 1, 0), list)
    box.turn()
    box.append(row(2), {}, (2, 2, 0), list)
    box.turn()
    box.append(row(3), {}, (3, 3, 0), list)

    assert [entry.row for entry in box.entries()] == [row(1), row(2), row(3)]
    box.clear_written(lambda: [Entry(row(3), {})])
    box.turn()
    box.append(row(4), {}, (4, 4, 0), list)
    assert [entry.row for entry in box.entries()] == [row(3), row(4)]
    box.close(empty=False)
    assert [entry.row for entry in left_behind(path)] == [row(3), row(4)]


def fill(box: BlackBox, payload: bytes, unwritten: Callable[[], list[Entry]]) -> int:
    """Entries of this size until there is no room; returns how many were taken."""
    taken = 0
    while box.append(row(taken + 1, payload), {}, (taken + 1, taken + 1, 0), unwritten):
        taken += 1
    return taken


def test_after_a_write_that_failed_only_what_came_since_the_next_one_stays(box: BlackBox) -> None:
    """Values are taken up whatever their age: an alarm that was closed meanwhile must not be open again."""
    box.append(None, {"alarm/a1": "open"}, (1, 1, 0), list)
    box.turn()
    box.append(None, {"alarm/a1": None}, (1, 1, 0), list)
    box.turn()
    since = Entry(None, {"ctr/k": "5"})
    box.append(*since, (1, 1, 0), list)
    box.clear_written(lambda: [since])

    assert box.entries() == [since]


def test_a_box_that_is_full_of_what_still_waits_keeps_the_numbers(box: BlackBox) -> None:
    taken = fill(box, bytes(10_000), lambda: [Entry(row(place, bytes(10_000)), {}) for place in range(1, 100)])

    assert len(box.entries()) == taken > 40
    assert box.numbers == (taken + 1, taken + 1, 0)
    box.turn()
    assert box.append(row(taken + 2), {}, (taken + 2, taken + 2, 0), list)


def test_a_box_that_is_full_is_rewritten_with_what_still_matters(box: BlackBox, path: Path) -> None:
    still = [Entry(None, {"alarm/a9": "open"}), Entry(row(7), {})]
    for place in range(1, 1_001):
        assert box.append(row(place, bytes(10_000)), {}, (place, place, 0), lambda: still)
    entries = box.entries()

    assert entries[:2] == still
    assert entries[-1].row == row(1_000, bytes(10_000))
    box.close(empty=False)
    assert left_behind(path) == entries


def test_what_the_disk_is_just_being_given_stays_in_a_rewritten_box_whatever_comes_of_it(box: BlackBox) -> None:
    still = [Entry(row(1), {})]
    box.append(row(1), {}, (1, 1, 0), list)
    box.turn()
    for place in range(2, 100):
        box.append(row(place, bytes(10_000)), {}, (place, place, 0), lambda: still)
    box.clear_written(list)

    assert box.entries()[0] == still[0]


def test_a_write_that_was_cut_off_hides_nothing_before_it(box: BlackBox, path: Path) -> None:
    box.append(row(1), {}, (1, 1, 0), list)
    box.append(row(2), {}, (2, 2, 0), list)
    box.close(empty=False)
    content = bytearray(path.read_bytes())
    place = content.rindex(b"up/alarm/police")
    content[place] ^= 0xFF
    path.write_bytes(content)

    assert [entry.row for entry in left_behind(path)] == [row(1)]


@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(2_000_000), b"\xff" * 2_000_000])
def test_a_file_of_nonsense_is_an_empty_box(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    box = opened(path)
    assert box.entries() == []
    box.append(row(1), {}, (1, 1, 0), list)
    assert [entry.row for entry in box.entries()] == [row(1)]
    box.close(empty=True)


def test_without_a_file_it_works_in_memory_and_says_so(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    link = tmp_path / "link"
    link.symlink_to(elsewhere)
    for path in (tmp_path / "elsewhere" / "box", link):
        box = BlackBox(path, BOOT)
        with pytest.raises(StorageError, match=str(path)):
            box.open()
        box.append(row(1), {}, (1, 1, 0), list)
        assert [entry.row for entry in box.entries()] == [row(1)]
        box.close(empty=True)
    assert elsewhere.read_bytes() == b""


def test_a_box_that_another_agent_uses_is_left_alone(box: BlackBox, path: Path) -> None:
    box.append(row(1), {}, (1, 1, 0), list)
    other = BlackBox(path, BOOT)
    with pytest.raises(StorageError, match=r"another edge-agent is using it$"):
        other.open()
    other.append(row(9), {}, (9, 9, 0), list)
    other.close(empty=True)

    assert [entry.row for entry in box.entries()] == [row(1)]
    assert path.exists()


def test_only_its_owner_may_read_it(box: BlackBox, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_uid == os.geteuid()
