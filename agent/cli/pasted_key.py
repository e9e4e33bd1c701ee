"""A private key that its holder pastes: it never lies on the machine where it is used."""

import json
import os
import select
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.core.errors import SettingsError, UsageError
from agent.trust.jose_keys import PrivateKey

_GO_ON = "The key is not complete: it begins with { and ends with }. Paste the rest, or press Ctrl-C and start again."
_MOST = 4096
_QUIET_S = 1.0
"""A paste pauses for less than this, even through a phone's network."""


def load_or_ask(path: Path | None, whose: str) -> PrivateKey:
    """Return the key in this file or, without one, ask the terminal for `whose` key, and show nothing of it.

    The text of a KID.key.json is pasted, in one line or several. After Enter, it says when the text is incomplete, and
    waits for the rest. Raises UsageError without file and terminal, SettingsError.
    """
    if path is not None:
        return PrivateKey.load(path)
    if not sys.stdin.isatty():
        raise UsageError(f"give {whose} key: --key FILE; at a terminal it can be pasted")
    print(f"Paste {whose} key, the text of its .key.json (it is not shown), then Enter: ", end="", flush=True)
    with _hidden(sys.stdin.fileno()):
        text = _read_key(sys.stdin.fileno())
    print(flush=True)
    try:
        return PrivateKey.from_jwk(json.loads(text.replace(b"\n", b"")))  # a paste may be broken anywhere
    except ValueError as error:
        detail = "it is cut off or mistyped" if isinstance(error, json.JSONDecodeError) else error
        raise SettingsError(f"what was pasted is no private key: {detail}") from None


def _read_key(descriptor: int) -> bytes:
    """Read until the end of a key, or until what was typed can't be the beginning of one."""
    text, told = b"", 0
    while b"}" not in text and len(text) < _MOST:
        if len(text) > told and not select.select([descriptor], [], [], _QUIET_S)[0]:
            print(f"\n{_GO_ON}", flush=True)
            told = len(text)
        if not (more := os.read(descriptor, _MOST)).strip(b"\x04"):
            break
        text += more
        if (begun := text.lstrip()) and not begun.startswith(b"{"):
            break
    return text


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
