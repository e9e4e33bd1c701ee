"""Records on their way to a recorder."""

import pytest

from agent.core.camera.units import HEAD, MOST_BYTES, Kind, RecordHead, StreamHeader, UnitsError, head, trouble

HEADER = StreamHeader(codec="h264", camera="yard", width=64, height=48, masked=True, parameters=b"\0\0\1\x67\xff")


def test_a_record_says_what_it_is_how_long_and_of_when() -> None:
    read = RecordHead.read(head(Kind.UNIT, 1234, 2**63))

    assert read == RecordHead(Kind.UNIT, 2**63, 1234)


def test_a_header_arrives_as_it_was_sent_and_binary_parameter_sets_too() -> None:
    record = HEADER.record()

    assert RecordHead.read(record[: HEAD.size]) == RecordHead(Kind.HEADER, 0, len(record) - HEAD.size)
    assert StreamHeader.read(record[HEAD.size :]) == HEADER


def test_trouble_is_a_line_for_a_person() -> None:
    assert trouble("ein Kabel").endswith(b"ein Kabel")
    assert RecordHead.read(trouble("ein Kabel")[: HEAD.size]).kind is Kind.TROUBLE


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEAD.pack(77, 0, 0, 0), "kind 77"),
        (HEAD.pack(Kind.PICTURE, 0, 0, MOST_BYTES + 1), "bytes"),
    ],
)
def test_a_record_that_nobody_can_take_is_refused_before_it_is_read(content: bytes, words: str) -> None:
    with pytest.raises(UnitsError, match=words):
        RecordHead.read(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"codec": "h264"}',
        *(
            HEADER.record()[HEAD.size :].replace(good, bad)
            for good, bad in (
                (b'"h264"', b'"hevc"'),
                (b'"yard"', b"7"),
                (b": 64", b": 0"),
                (b": 64", b": 1e3"),
                (b": 48", b": 8193"),
                (b": 48", b": true"),
                (b"true", b"1"),
                (b"true", b'"yes"'),
                (b'"000001', b'"xy'),
                (b"{", b'{"more": 1, '),
            )
        ),
    ],
)
def test_a_header_that_can_not_be_read_is_refused(content: bytes) -> None:
    assert content != HEADER.record()[HEAD.size :]
    with pytest.raises(UnitsError):
        StreamHeader.read(content)
