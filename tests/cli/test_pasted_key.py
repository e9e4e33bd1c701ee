"""A technician pastes their key into the device's terminal."""

import json
import os
import pty
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import pasted_key
from agent.cli.pasted_key import load_or_ask
from agent.core.errors import SettingsError, UsageError
from agent.trust.jose_keys import PrivateKey
from tests.support.wait import wait_for

KEY = PrivateKey.generate("technician")
WHOLE = json.dumps(KEY.as_jwk()).encode() + b"\n"


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


@pytest.mark.parametrize("text", [b"y\n", b'{"kid": "technician-1"}\n', b"}{\n"])
def test_what_is_no_key_is_refused_without_being_repeated(master: int, text: bytes) -> None:
    os.write(master, text)

    with pytest.raises(SettingsError, match="what was pasted is no private key") as refused:
        load_or_ask(None, "the technician's")

    assert "technician-1" not in str(refused.value)


@pytest.mark.parametrize("begun", [b"\n", WHOLE[:-20] + b"\n"], ids=["Enter alone", "cut off"])
def test_a_technician_whose_paste_has_not_ended_is_told_so_and_may_go_on(
    master: int, begun: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = WHOLE[len(begun) - 1 :]
    monkeypatch.setattr(pasted_key, "_QUIET_S", 0.05)
    os.write(master, begun)

    def go_on() -> None:
        wait_for(lambda: pasted_key._GO_ON in said(), what="a word")
        os.write(master, rest)

    heard = ""

    def said() -> str:
        nonlocal heard
        heard += capsys.readouterr().out
        return heard

    hand = threading.Thread(target=go_on)
    hand.start()
    assert load_or_ask(None, "the technician's").as_jwk() == KEY.as_jwk()
    hand.join()
    assert said().count(pasted_key._GO_ON) == 1


def test_without_a_terminal_a_file_is_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "nothing").open("w+") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(UsageError, match="--key FILE"):
            load_or_ask(None, "the technician's")
