"""The heads of chains are kept by the centre: a camera whose chain was written anew is found by them."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from agent.trust.evidence.chain import read_heads
from edge_centre.library import Consumer, Heads, HeadsError, NewMessage, Notice, Refused
from edge_centre.library import heads as module
from edge_centre.library.heads import Kept
from tests.support.made_up import TREE, envelope

A, B, C = "a" * 64, "b" * 64, "c" * 64


class Device:
    """A device that publishes heads."""

    def __init__(self) -> None:
        self.consumer, self.number = Consumer(), 0

    def says(self, seq: int, head: str, camera: str = "front", **fields: Any) -> Notice:
        self.number += 1
        data = {"historical": False, "camera": camera, "reason": "", "chain": {"seq": seq, "head": head}}
        payload = envelope("evidence.head.v1", data, fields.pop("number", self.number), **fields)
        [notice] = self.consumer.hear("a", f"{TREE}/up/evidence", payload, False, 0.0)
        assert isinstance(notice, NewMessage)
        return notice


@pytest.fixture
def device() -> Device:
    return Device()


def _lines(path: Path) -> list[tuple[int, str]]:
    return [(each.head.seq, each.head.digest) for each in read_heads(path.read_text())] if path.exists() else []


def test_a_head_is_kept_once_and_a_new_start_knows_it(tmp_path: Path, device: Device) -> None:
    path = tmp_path / "heads.jsonl"
    with Heads(path) as heads:
        assert heads.hear(device.says(1, A)) == Kept("gp/park-station/kiosk-1", "front", 1)
        assert heads.hear(device.says(1, A)) is None, "the same, an hour later"
        heads.hear(device.says(2, B))
    path.write_bytes(path.read_bytes() + b'{"camera":"fro')  # cut off by the power
    with Heads(path) as heads:
        assert heads.hear(device.says(2, B)) is None
        heads.hear(device.says(3, C))
    assert _lines(path) == [(1, A), (2, B), (3, C)]


def test_a_chain_that_was_written_anew_is_refused_from_there_on_and_after_a_restart(
    tmp_path: Path, device: Device
) -> None:
    path = tmp_path / "heads.jsonl"
    with Heads(path) as heads:
        heads.hear(device.says(5, A))
        refused = heads.hear(device.says(5, B))
        assert isinstance(refused, Refused)
        assert "entry 5 is bbbbbbbbbbbb, and heads.jsonl has aaaaaaaaaaaa: the chain was written anew" in refused.why
    with Heads(path) as heads:
        assert isinstance(heads.hear(device.says(6, C)), Refused), "it follows the one that was refused"
        assert isinstance(heads.hear(device.says(6, C)), Refused), "told again, and not written again"
        assert isinstance(heads.hear(device.says(6, C, camera="back")), Kept), "another chain"
    assert _lines(path) == [(5, A), (6, C)]
    assert _lines(tmp_path / "heads.jsonl.refused") == [(5, B), (6, C)]


def test_a_chain_whose_end_was_cut_off_is_refused_and_one_that_is_heard_late_is_not(
    tmp_path: Path, device: Device
) -> None:
    with Heads(tmp_path / "heads.jsonl") as heads:
        heads.hear(device.says(9, A, number=50))
        assert isinstance(heads.hear(device.says(7, B, number=40)), Kept), "it was said before"
        refused = heads.hear(device.says(8, C, number=60))
        assert isinstance(refused, Refused)
        assert "had 9 entries before, and now says that it has 8" in refused.why


@pytest.mark.parametrize(
    ("seq", "head", "camera"), [(1, "x", "front"), (-1, A, "front"), (2**64, A, "front"), (1, A, "a\u2028")]
)
def test_what_is_no_head_is_not_written(tmp_path: Path, device: Device, seq: int, head: str, camera: str) -> None:
    path = tmp_path / "heads.jsonl"
    with Heads(path) as heads:
        assert isinstance(heads.hear(device.says(seq, head, camera)), Refused)
        assert isinstance(heads.hear(device.says(3, A)), Kept), "and the camera is not in dispute for it"
    assert _lines(path) == [(3, A)]


def test_a_device_that_says_more_heads_than_any_has_does_not_fill_the_disk(
    tmp_path: Path, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    with Heads(tmp_path / "heads.jsonl") as heads:
        told = [heads.hear(device.says(seq, A)) for seq in range(1, 9)]
    assert [type(each) for each in told] == [Kept] * 3 + [Refused] * 5
    assert len(_lines(tmp_path / "heads.jsonl") + _lines(tmp_path / "heads.jsonl.refused")) == 3


def test_what_the_disk_does_not_take_can_be_given_again(
    tmp_path: Path, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path, said = tmp_path / "heads.jsonl", device.says(1, A)
    with Heads(path) as heads:
        with monkeypatch.context() as patched:
            patched.setattr(module, "append", full)
            with pytest.raises(HeadsError, match=r"heads\.jsonl: no space left on device"):
                heads.hear(said)
        assert isinstance(heads.hear(said), Kept)


def test_a_file_is_not_kept_by_two_and_not_taken_for_heads_when_it_is_something_else(tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    with Heads(path), pytest.raises(HeadsError, match="another program keeps heads in it"):
        Heads(path)
    path.write_text(json.dumps({"device": "gp/x/y"}) + "\n")
    with pytest.raises(HeadsError, match="line 1 is no head"):
        Heads(path)
