"""A private key that its holder pastes: it never lies on the machine where it is used."""

import json
import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.adapters.jose_keys import PrivateKey
from agent.core.errors import SettingsError, UsageError

_MOST = 4096


def load_or_ask(path: Path | None, whose: str) -> PrivateKey:
    """Return the key in this file or, without one, ask the terminal for `whose` key, and show nothing of it.

    What is pasted is the text of a KID.key.json, in one line or several. Raises UsageError without file and terminal,
    SettingsError.
    """
    if path is not None:
        return PrivateKey.load(path)
    if not sys.stdin.isatty():
        raise UsageError(f"give {whose} key: --key FILE; at a terminal it can be pasted")
    print(f"Paste {whose} key, the text of its .key.json (it is not shown), then Enter: ", end="", flush=True)
    descriptor, text = sys.stdin.fileno(), b""
    with _hidden(descriptor):
        while b"}" not in text and len(text) < _MOST and (more := os.read(descriptor, _MOST)).strip(b"\x04"):
            text += more
    print(flush=True)
    try:
        return PrivateKey.from_jwk(json.loads(text))
    except ValueError as error:
        detail = "it is cut off or mistyped" if isinstance(error, json.JSONDecodeError) else error
        raise SettingsError(f"what was pasted is no private key: {detail}") from None


@contextmanager
def _hidden(descriptor: int) -> Iterator[None]:
    """What is typed is not shown. What was typed before stays: a paste may be quicker than its question."""
    before = termios.tcgetattr(descriptor)
    hidden = list(before)
    hidden[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, hidden)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
