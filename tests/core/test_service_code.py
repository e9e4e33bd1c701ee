"""What a device keeps of the code that opens its service page."""

import pytest

from agent.core.service_code import hashed, matches, parse, written


def test_a_hash_is_written_and_read_again_and_is_another_one_each_time() -> None:
    first, second = hashed("00000007"), hashed("00000007")

    assert first != second
    assert parse(written(first)) == first
    assert matches("00000007", second)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"hash": 7}', b'{"hash": "scrypt-1-1-1$AA$AA"}', b'{"hash": ""}'])
def test_a_file_that_holds_no_hash_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        parse(content)


def test_what_is_no_hash_lets_nobody_in() -> None:
    with pytest.raises(ValueError, match="no hash"):
        matches("00000007", "00000007")
