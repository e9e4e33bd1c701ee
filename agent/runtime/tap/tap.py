"""The thread `tap`: tells local readers what the agent publishes and shows, and takes signed commands from them.

Out, a line of JSON each:

- every message but a picture, as it was sealed;
- one when it has changed, and the first time: `{"lamps": ..., "lit": ...}`, `{"siren": true}`, `{"path": {"broker":
  "mqtts://...", "up": true}}` or `{"path": {"up": false, "why": "..."}}`, `{"nonce": "..."}`, `{"waiting": 3}`: how
  many states, results and reports no broker has yet; `{"config": {"revision": 7, "state": "failed", "reason": "..."}}`:
  what has become of the newest settings that were ordered, in the words of `up/meta`; and `{"started": {"boot": "UUID",
  "cut": true}}`: whether this boot of the machine came after a power cut;
- the answers to `draft`, `report`, `view`, `cameras`, `settings` and `check`.

In, a line each of at most 64 KiB:

- `ack/ALARM-ID TOKEN`, `command/NAME TOKEN`: the last two levels of the topic under `down/`, and what a broker would
  bring there.
- `page JSON`: what the service page's process tells.
- `draft {"kept": {...}, "kid": "technician-5c01d2ee", "name": "", "note": ""}`: the walk as `Kept` has it, every step
  with its verdict, the id of the key that will sign, what the technician calls themselves, and a note for the office.
  Answered by `{"draft": {"report": {...}, "payload": "..."}}`, or by `{"sealed": ...}` if the walk has its report.
- `report {"report": "ID OF THE DRAFT", "protected": "...", "signature": "..."}`: the technician's half of the JWS over
  `PROTECTED.PAYLOAD`, with the header `{"alg": "EdDSA", "kid": ...}`. Answered by `{"sealed": {"report": "ID",
  "verdict": "passed", "file": "/var/lib/..."}}`, once it is on the disk and among what waits for a broker.

- `view CAMERA`: a picture, with its masks, as a file beside the tap's socket. Answered by `{"view": "front", "file":
  "view-front.jpg", "number": 7, "focus": 812.5, "light": 104.2}`, or with `refused`; two in a second at most.
- `cameras -`: `{"cameras": {...}}`, the zones, lines and masks that are in force.
- `settings -`: `{"settings": {"revision": 7, "settings": [...]}}`, each other setting that an order may change, in the
  form of `agent/settings/form.py`; no login and no password among them.
- `check JSON`: the changes of a `config-set`: `{"checked": {"mistakes": [{"path", "sentence"}], "two": null}}`, `two`
  with a sentence where it takes two signers.

A report is refused with `{"refused": "why, in words"}`. Answers go to every reader. One request at a time; a draft is
forgotten when the agent ends, and the same walk may be drafted again.

Nothing waits for a reader: one that is too slow is dropped, and so is one that says more than a walk has to say, as it
would take the place of what brokers bring.
"""

import json
import logging
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from agent.contract.identity import Identity
from agent.outbox.outbox import Outbox
from agent.ports import MAX_RECEIVED_BYTES, Received
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.tap.service_page import ServicePage
from agent.runtime.tap.shown import Shown

if TYPE_CHECKING:  # loaded when somebody reads the tap
    from agent.core.commissioning.witness import Witness

_MOST_READERS = 4
_MOST_WAITING = 1024
"""How many messages may wait for this thread."""
_MOST_BEHIND = 256 * 1024
"""How many bytes may wait for one reader."""
_LONGEST_LINE = 64 * 1024
"""The record of a walk is the longest."""
_TURN_S = 0.05
"""How often lamps, siren and path are looked at while there is a reader."""
_BREATH_S = 0.01
"""The rest after a pass that a reader has caused: no reader can keep this thread, and with it the others, busy."""
_MOST_LINES = 32
"""How many lines readers may say at once. The queue of commands, which brokers fill too, holds twice as many."""
_LINES_PER_S = 4.0
_QUESTIONS = {b"draft", b"report", b"view", b"cameras", b"settings", b"check"}
_TOPIC = re.compile(r"(ack|command)/[a-z0-9-]{1,64}\Z")

log = logging.getLogger(__name__)


class Asked(Protocol):
    """Whoever answers some of the lines."""

    def ask(self, word: str, body: bytes, tell: Callable[[Mapping[str, Any]], None]) -> None:
        """Begin to answer a line that begins with `word`; `tell` may be called from any thread. Must not block."""
        ...


class _Reader:
    """One connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received = b""
        self.behind = b""
        """What it has not taken yet."""


class Tap:
    """A worker. `close` after the thread has ended, the rest on it."""

    def __init__(
        self,
        listener: socket.socket,
        outbox: Outbox,
        shown: Shown,
        commands: CommandHandler,
        page: ServicePage,
        make_witness: "Callable[[], Witness]",
        make_asked: Callable[[], Mapping[bytes, Asked]],
        identity: Identity,
    ) -> None:
        """`listener` is a listening socket, and belongs to the tap from now on. `make_witness` is called once, when the
        first reader comes, and `make_asked` when the first question does; it returns who answers the lines with each
        first word."""
        self._page = page
        self._listener = listener
        self._outbox = outbox
        self._shows = shown
        self._commands = commands
        self._make_witness = make_witness
        self._witness: Witness | None = None
        self._make_asked = make_asked
        self._asked: Mapping[bytes, Asked] = {}
        self._identity = identity
        self._waiting: deque[bytes] = deque()
        self._overflowed = False
        self._shown: list[Mapping[str, Any]] = []
        self._readers: list[_Reader] = []
        self._lines_left, self._counted_s = float(_MOST_LINES), time.monotonic()
        listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)

    def run_once(self, timeout_s: float) -> None:
        """Wait for a reader, or for its turn while there is one; then take commands and tell what is new."""
        due = self._selector.select(min(timeout_s, _TURN_S) if self._readers else timeout_s)
        for key, _ in due:
            if key.data is None:
                self._accept()
            else:
                self._read(key.data)
        self._page.tick()
        if self._readers:
            self._tell()
        if due:
            time.sleep(_BREATH_S)

    def close(self) -> None:
        """Let every reader go, and listen no more."""
        for reader in [*self._readers]:
            self._drop(reader)
        self._selector.close()
        self._listener.close()

    def _hear(self, payload: bytes) -> None:
        """Take a sealed message; on the thread of whoever publishes it, which may be a press."""
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(payload)
        else:
            self._overflowed = True

    def _answer(self, line: Mapping[str, Any]) -> None:
        """Take an answer for the readers; any thread."""
        self._hear(json.dumps(line).encode())

    def _accept(self) -> None:
        with suppress(OSError):
            sock, _ = self._listener.accept()
            if len(self._readers) == _MOST_READERS:
                sock.close()
                return
            sock.setblocking(False)
            reader = _Reader(sock)
            if not self._readers:  # what came after the last one had left is no news
                self._waiting.clear()
                self._overflowed = False
            self._readers.append(reader)
            self._selector.register(sock, selectors.EVENT_READ, reader)
            self._shown = []  # so that it hears how things are
            self._outbox.tap = self._hear

    def _drop(self, reader: _Reader) -> None:
        self._readers.remove(reader)
        self._selector.unregister(reader.sock)
        reader.sock.close()
        if not self._readers:
            self._outbox.tap = None

    def _read(self, reader: _Reader) -> None:
        try:
            received = reader.sock.recv(_LONGEST_LINE)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        *lines, reader.received = (reader.received + received).split(b"\n")
        said = lines[: self._count(len(lines))]
        for line in said:
            self._take(line)
        if len(said) < len(lines):
            log.warning("a reader of the tap has said too much at once, and was let go")
        if not received or len(reader.received) > _LONGEST_LINE or len(said) < len(lines):
            self._drop(reader)

    def _count(self, lines: int) -> int:
        """Return how many of so many lines may be taken now."""
        now_s = time.monotonic()
        left = min(_MOST_LINES, self._lines_left + (now_s - self._counted_s) * _LINES_PER_S)
        taken = min(lines, int(left))
        self._lines_left, self._counted_s = left - taken, now_s
        return taken

    def _take(self, line: bytes) -> None:
        topic, _, token = line.partition(b" ")
        level = topic.decode("ascii", "replace")
        if topic == b"page":
            self._page.take(token)
        elif topic in _QUESTIONS:
            self._asked = self._asked or self._make_asked()
            self._asked[topic].ask(level, token, self._answer)
        elif _TOPIC.match(level) is None:
            log.warning("a reader of the tap has sent no command: %.80r", line)
        else:
            full = self._identity.down(level)
            self._commands.receive(Received(full, token[:MAX_RECEIVED_BYTES], len(token), retain=False))

    def _tell(self) -> None:
        if self._overflowed:
            log.warning("the tap has lost messages: its readers must connect again")
            self._overflowed = False
            for reader in [*self._readers]:
                self._drop(reader)
            return
        lines = []
        while self._waiting:
            lines.append(self._waiting.popleft())
        shown = [*self._shows.lines()]
        if not self._shown:
            self._shown = [{}] * len(shown)
        lines += [json.dumps(now).encode() for now, before in zip(shown, self._shown, strict=True) if now != before]
        self._shown = shown
        self._witness = self._witness or self._make_witness()
        for line in lines:
            self._witness.take(json.loads(line), time.monotonic())
        text = b"".join(line + b"\n" for line in lines)
        for reader in [*self._readers]:
            self._send(reader, text)

    def _send(self, reader: _Reader, text: bytes) -> None:
        reader.behind += text
        try:
            reader.behind = reader.behind[reader.sock.send(reader.behind) :] if reader.behind else b""
        except BlockingIOError:
            pass
        except OSError:
            self._drop(reader)
            return
        if len(reader.behind) > _MOST_BEHIND:
            log.warning("a reader of the tap is too slow, and was let go")
            self._drop(reader)
