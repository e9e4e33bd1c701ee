"""What the device's program answers to a command that it no longer has, where the office's is not installed."""

import os
from pathlib import Path

import pytest

from agent.__main__ import main


@pytest.mark.parametrize(
    ("typed", "instead"),
    [
        (["ack", "--device", "kzn/durban/k1"], "edge-centre ack"),
        (["evidence", "verify", "front.clip"], "edge-centre evidence"),
        (["bench", "vision"], "python -m deploy.lab bench"),
        (["model", "build", "--int8"], "make model"),
        (["model", "demo-video"], "make demo-video"),
    ],
)
def test_a_moved_command_names_its_replacement(
    typed: list[str], instead: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nowhere(path: Path, mode: int) -> bool:
        return False

    monkeypatch.setattr(os, "access", nowhere)
    assert main(typed) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert instead in said.err
