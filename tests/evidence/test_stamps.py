"""Time stamps of an authority over the heads that a centre has kept (RFC 3161)."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_centre.adapters.time_stamps import StampError
from edge_centre.evidence.case import heads_of, stamped
from tests.support.certificates import Authority
from tests.support.made_up_clips import Recording
from tests.support.stamping import Stamping


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Stamping]:
    with Stamping(tmp_path / "tsa") as running:
        yield running


@pytest.fixture
def heads(recording: Recording, tmp_path: Path) -> Path:
    """What the centre says of a clip: that it heard of it years ago."""
    recording.record()
    path = tmp_path / "heads.jsonl"
    said = ((each.device, each.camera, each.head) for each in recording.heads)
    lines = (
        {"device": device, "camera": camera, "seq": head.seq, "head": head.digest, "at": "2020-01-01"}
        for device, camera, head in said
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_stamp_says_when_and_nobody_needs_to_believe_the_centre(
    recording: Recording, authority: Stamping, heads: Path
) -> None:
    [new] = stamped(heads, authority.url, authority.root)
    assert new.head == recording.clips.head
    assert abs(new.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert stamped(heads, authority.url, authority.root) == [], "nothing is new"

    recording.heads = [*heads_of(heads, authority.root)]
    [clip] = [path.stem for path in recording.directory.glob("*.clip")]
    verdict = recording.verdict(clip)
    assert verdict.is_authentic
    assert "an authority for time stamps had seen this clip's end by" in verdict.findings[0].text
    recording.heads = [*heads_of(heads)]
    assert recording.verdict(clip).findings == [], "a stamp that nobody has checked says nothing"


def der(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x82]) + len(content).to_bytes(2) + content


def test_what_anybody_can_write_before_a_stamp_does_not_change_its_time(authority: Stamping, heads: Path) -> None:
    stamped(heads, authority.url, authority.root)
    *_, line = heads.read_text().splitlines()
    said = json.loads(line)
    stamp = base64.b64decode(said["stamp"])
    token = stamp[4 + 5 :] if stamp[1] == 0x82 else b""
    assert token, "the status is 30 03 02 01 00"
    late = datetime.now(UTC) + timedelta(hours=6)
    text = f"x\nTime stamp: {late:%b %d %H:%M:%S %Y} GMT\n".encode()
    status = der(0x30, b"\x02\x01\x00" + der(0x30, der(0x0C, text)))
    said["stamp"] = base64.b64encode(der(0x30, status + token)).decode()
    heads.write_text(json.dumps(said) + "\n")
    [heard] = heads_of(heads, authority.root)
    assert abs(heard.at - datetime.now(UTC)) < timedelta(minutes=1)


def test_stamps_of_other_cameras_cost_nothing_and_stop_nothing(authority: Stamping, heads: Path) -> None:
    said = json.loads(heads.read_text().splitlines()[0]) | {"camera": "back", "stamp": "AAAA"}
    heads.write_text(heads.read_text() + json.dumps(said) + "\n")
    assert len(heads_of(heads, authority.root, {(said["device"], "front")})) == 2


def test_a_stamp_of_another_authority_or_over_another_head_is_refused(
    authority: Stamping, heads: Path, tmp_path: Path
) -> None:
    stamped(heads, authority.url, authority.root)
    with pytest.raises(StampError, match=r"head 2 of the camera front of .*: the time stamp does not hold"):
        heads_of(heads, Authority(tmp_path / "other").ca)
    *before, last = heads.read_text().splitlines()
    moved = {**json.loads(last), "seq": 1, "head": json.loads(before[0])["head"]}
    heads.write_text("\n".join([*before, json.dumps(moved)]) + "\n")
    with pytest.raises(StampError, match="message imprint mismatch"):
        heads_of(heads, authority.root)


def test_an_authority_that_gives_no_stamp_changes_nothing(authority: Stamping, heads: Path) -> None:
    before = heads.read_bytes()
    authority.is_lying = True
    for url in (authority.url, "http://127.0.0.1:9/", "ftp://127.0.0.1/"):
        with pytest.raises(StampError):
            stamped(heads, url, authority.root)
    assert heads.read_bytes() == before
