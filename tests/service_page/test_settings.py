"""What a phone hears of new settings when the agent starts again over them."""

import base64
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.service_page import Answer, Page
from tests.support.wait import PATIENCE_S

NONCE = {"nonce": "0-1"}


class Agent:
    """The agent's side of the tap."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.settimeout(PATIENCE_S)
        self._listener.bind(str(path))
        self._listener.listen()
        self.close = self._listener.close

    def accept(self, *says: dict[str, Any]) -> socket.socket:
        """Take a reader, and tell it how things are."""
        reader, _ = self._listener.accept()
        reader.settimeout(PATIENCE_S)
        self.say(reader, *says)
        return reader

    def say(self, reader: socket.socket, *lines: dict[str, Any]) -> None:
        reader.sendall(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def token_of(claims: bytes) -> str:
    return f"x.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.x"


def config(revision: int, state: str, reason: str = "") -> dict[str, Any]:
    return {"config": {"revision": revision, "state": state, "reason": reason}}


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        (config(3, "failed", "no broker"), {"status": "failed", "code": "rolled-back", "text": "no broker"}),
        (config(3, "in-force"), {"status": "succeeded", "code": "ok", "text": ""}),
    ],
)
def test_the_end_of_a_trial_is_heard_though_it_was_told_while_the_page_was_not_connected(
    tmp_path: Path, told: dict[str, Any], heard: dict[str, str]
) -> None:
    token = token_of(b'{"cmd_id": "set-1", "args": {"revision": 3, "changes": {}}}')
    agent = Agent(tmp_path / "tap.sock")
    with Page(tmp_path) as page:
        reader = agent.accept(NONCE, config(2, "in-force"))
        phone = page.phone()
        assert phone.enter().status == 204
        for claims in (b"", b"[" * 9000, b'{"cmd_id": "set-1", "args": {"revision": Infinity}}', b'{"cmd_id": "x"}'):
            assert phone.post("/api/settings", {"token": token_of(claims)}).status == 400
        answers: list[Answer] = []
        asking = threading.Thread(target=lambda: answers.append(phone.post("/api/settings", {"token": token})))
        asking.start()
        received = b""
        while b"command/config-set" not in received:
            received += reader.recv(65536)
        agent.say(reader, config(3, "trying"))
        reader.close()
        reader = agent.accept(NONCE, config(3, "trying"))
        reader.close()
        reader = agent.accept(NONCE, told)
        asking.join(PATIENCE_S)
        [answer] = answers
        assert (answer.status, answer.body) == (200, heard)
        reader.close()
        agent.close()
