"""The terminal of `edge-agent commission`, without an agent; tests/system has one."""

import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agent.bootstrap.commissioning import equipment
from agent.cli.commission import _Terminal
from agent.cli.sealing import Desk
from agent.core.commissioning.plan import plan
from agent.core.errors import EdgeAgentError
from agent.service_page.walk_driver import WalkDriver
from agent.settings import load
from agent.trust.jose_keys import PrivateKey

KIOSK = Path(__file__).parents[2] / "firmware_configs" / "kiosk-pi4" / "edge-agent.toml"
KEY = PrivateKey.generate("technician", "sipho")


@contextmanager
def open_keyboard() -> Iterator[socket.socket]:
    """One on which nobody types."""
    keyboard, hands = socket.socketpair()
    with keyboard, hands:
        yield keyboard


def test_an_agent_that_ends_while_an_order_goes_out_ends_no_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken pipe to the agent is none of the terminal: the program would end, say nothing and return 0."""
    settings = load(KIOSK, environ={})
    with closing(WalkDriver(plan(equipment(settings)), tmp_path)) as driver, open_keyboard() as keyboard:
        terminal = _Terminal(settings, driver, KEY)
        near, far = socket.socketpair()
        far.sendall(b'{"nonce": "1-aaaaaaaaaaaaaaaa"}\n')
        far.close()
        monkeypatch.setattr(terminal, "connect", lambda: near)
        monkeypatch.setattr(sys, "stdin", keyboard)
        assert terminal.talk()
        assert driver.walk.view().state == "preparing"
    assert "The agent has ended." in capsys.readouterr().out


def test_a_walk_without_a_keyboard_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(KIOSK, environ={})
    with closing(WalkDriver(plan(equipment(settings)), tmp_path)) as driver, Path("/dev/null").open() as nothing:
        terminal = _Terminal(settings, driver, KEY)
        near, far = socket.socketpair()
        monkeypatch.setattr(terminal, "connect", lambda: near)
        monkeypatch.setattr(sys, "stdin", nothing)
        with far:
            assert not terminal.talk()


def test_an_agent_that_ends_before_the_report_is_told_in_words(tmp_path: Path) -> None:
    with closing(WalkDriver(plan(equipment(load(KIOSK, environ={}))), tmp_path)) as driver:
        near, far = socket.socketpair()
        far.close()
        with near, pytest.raises(EdgeAgentError, match="the same command makes the report"):
            Desk(near).seal(driver.walk.kept, KEY)
