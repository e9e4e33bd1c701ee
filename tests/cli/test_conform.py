"""What `edge-centre conform` prints at its end."""

import io
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from agent.trust.jose_keys import PrivateKey
from edge_centre.cli import conform
from edge_centre.conform.report import Report
from edge_centre.conform.verdict import Finding

FINDINGS = (
    Finding("disorder", "a late message", "passed"),
    Finding("duplicates", "each twice", "failed", ["counts a duplicate as another alarm", "rings \x1b[2J again"]),
    Finding("two-brokers", "by both", "not-tried", ["takes two brokers"]),
)
REPORT = Report("centre", "x", ["mqtt://127.0.0.1:1883"], FINDINGS)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_colour_is_for_terminals_only_and_what_was_heard_controls_none(
    is_terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = io.StringIO()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(conform, "Console", partial(Console, file=drawn, force_terminal=is_terminal, width=100))
    assert conform._end(REPORT, tmp_path / "out.json", PrivateKey.generate("operator")) == 1
    said = drawn.getvalue() + capsys.readouterr().out
    assert ("\x1b[" in said) is is_terminal
    assert "\x1b[2J" not in said
    assert "counts a duplicate as another alarm" in said
    assert "alarm\\n" not in said
    assert "1 of 3 passed; failed: duplicates; not tried: two-brokers" in said
    assert (tmp_path / "out.json").exists()
