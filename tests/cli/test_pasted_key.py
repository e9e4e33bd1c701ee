"""A technician pastes their key into the device's terminal."""

import json
import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.adapters.jose_keys import PrivateKey
from agent.cli.pasted_key import load_or_ask
from agent.core.errors import SettingsError, UsageError

KEY = PrivateKey.generate("technician")


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The other end of the terminal."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "r") as stdin, os.fdopen(master, "rb", buffering=0):
        monkeypatch.setattr("sys.stdin", stdin)
        yield master


@pytest.mark.parametrize("indent", [None, 1], ids=["in one line", "as keygen writes it"])
def test_a_key_is_pasted_and_what_is_typed_after_it_stays(master: int, indent: int | None) -> None:
    os.write(master, json.dumps(KEY.as_jwk(), indent=indent).encode() + b"\ny\n")

    assert load_or_ask(None, "the technician's").as_jwk() == KEY.as_jwk()

    assert os.read(sys.stdin.fileno(), 10) == b"y\n"


@pytest.mark.parametrize("text", [b"y\n\x04", b'{"kid": "technician-1"}\n', b"}{\n"])
def test_what_is_no_key_is_refused_without_being_repeated(master: int, text: bytes) -> None:
    os.write(master, text)

    with pytest.raises(SettingsError, match="what was pasted is no private key") as refused:
        load_or_ask(None, "the technician's")

    assert "technician-1" not in str(refused.value)


def test_without_a_terminal_a_file_is_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "nothing").open("w+") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(UsageError, match="--key FILE"):
            load_or_ask(None, "the technician's")
