"""Sends a signed command to a device by every broker, again and again, until its result comes."""

import json
import queue
import secrets
import sys
import threading
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import chain, count, repeat
from types import TracebackType
from typing import Any

from agent.adapters.jose_keys import PrivateKey
from agent.adapters.paho_centre import Centre, Heard
from agent.adapters.tls_context import TlsFiles
from agent.cli.centre import Order, signed
from agent.cli.readable import printable
from agent.contract.identity import Identity
from agent.core.errors import BrokerError

PATIENCE_S = 60.0
"""How long to try by default: by then a device that has lost its path is back on another one."""
_PAUSES_S = (1.0, 2.0, 4.0)
_LONGEST_PAUSE_S = 10.0
_STATE_S = 1.0
"""How long to wait for the retained state: its nonce saves a refusal if the device's clock is not set."""
_FINAL = {"succeeded", "failed", "timed-out"}
_SIGN_AGAIN = {"clock-unsynced", "nonce-expired", "wrong-boot-nonce", "counters-unknown", "replayed"}
"""Refusals that signing again with the newest nonce puts right."""
_LAST_WORDS = {
    None: "no broker knows it: are its name, site and province the same as in its own settings?",
    "online": "it is online, so perhaps the broker does not let your messages through to it",
    "offline": "it was shut down; it receives nothing until it is started",
    "lost": "it has lost its connection: check its power and its network",
}


def say(line: str) -> None:
    """Print a line for a person on stderr, apart from the result."""
    print(f"edge-agent: {printable(line)}", file=sys.stderr, flush=True)


class _Line:
    """The connection to one broker: opened on first use, and tried again after a failure."""

    def __init__(self, make: Callable[[], Centre], filters: Sequence[str], done: Callable[[], None]) -> None:
        """`done` is called after each try, on a thread of its own."""
        self._make = make
        self._filters = [*filters]
        self._done = done
        self.centre: Centre | None = None
        self.is_trying = False
        self.trouble = ""
        """Why the last try failed; empty if it did not."""

    def begin(self, topic: str = "", order: Order | None = None) -> None:
        """Connect if necessary, and send. Never blocks; does nothing while a try is under way."""
        if not self.is_trying:
            self.is_trying = True
            threading.Thread(target=self._try, args=(topic, order), daemon=True).start()

    def _try(self, topic: str, order: Order | None) -> None:
        try:
            if self.centre is None:
                centre = self._make()
                centre.open(self._filters)
                self.centre = centre
            if order is not None:
                self.centre.publish(topic, order.token, expiry_s=order.expiry_s)
            self.trouble = ""
        except BrokerError as error:
            self.trouble = str(error)
        self.is_trying = False
        self._done()


class Sender:
    """Sends commands and hears their results. Use it as a context manager; entering connects. One thread."""

    def __init__(self, brokers: Sequence[str], tls: TlsFiles, identity: Identity, say: Callable[[str], None]) -> None:
        """`say` gets a line for a person when sending takes long."""
        self._identity = identity
        self._say = say
        self._heard: queue.SimpleQueue[Heard | None] = queue.SimpleQueue()
        filters = [identity.up("state"), identity.up("result", "+"), identity.up("snapshot", "+")]

        def line(url: str) -> _Line:
            return _Line(lambda: Centre(url, tls, self._heard.put), filters, lambda: self._heard.put(None))

        self._lines = [line(url) for url in brokers]
        self._pictures: dict[str, Heard] = {}
        self._nonce: str | None = None
        self._is_nonce_live = False
        self._state: str | None = None

    def __enter__(self) -> "Sender":
        """Return as soon as one broker has accepted us. Raises BrokerError when none does."""
        for line in self._lines:
            line.begin()
        while not any(line.centre for line in self._lines):
            if not any(line.is_trying for line in self._lines):
                raise BrokerError(self._troubles())
            self._next(_STATE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._lines:
            if line.centre is not None:
                line.centre.close()

    def send(
        self, *, name: str, arguments: dict[str, Any], topic: str, key: PrivateKey, timeout_s: float
    ) -> dict[str, Any]:
        """Send a command until its final result comes, and return the result's `data`.

        After `timeout_s` seconds it returns the last answer that was not final. Raises BrokerError when there was no
        answer at all.
        """
        deadline, cmd_id = time.monotonic() + timeout_s, f"cmd-{secrets.token_hex(8)}"
        listen_until = min(deadline, time.monotonic() + _STATE_S)
        while self._nonce is None and time.monotonic() < listen_until:
            self._next(listen_until - time.monotonic())
        sent: set[str] = set()
        answer: dict[str, Any] | None = None
        pauses = chain(_PAUSES_S, repeat(_LONGEST_PAUSE_S))
        for number in count(1):
            nonce = self._nonce
            order = signed(
                name=name,
                arguments=arguments,
                audience=self._identity.source,
                key=key,
                boot_nonce=nonce,
                cmd_id=cmd_id,
            )
            sent.add(sha256(order.token).hexdigest())
            for line in self._lines:
                line.begin(topic, order)
            pause_until = min(deadline, time.monotonic() + next(pauses))
            while (left_s := pause_until - time.monotonic()) > 0:
                data, is_birth = self._next(left_s)
                if data is not None and self._is_mine(data, cmd_id, sent):
                    if data["status"] in _FINAL or (data["status"] == "rejected" and data["code"] not in _SIGN_AGAIN):
                        return data
                    answer = data
                if is_birth or (answer is not None and answer["code"] in _SIGN_AGAIN and self._nonce != nonce):
                    break
            if time.monotonic() >= deadline:
                break
            self._say(self._progress(number + 1, answer))
        if answer is not None:
            return answer
        raise BrokerError(self._silence(timeout_s))

    def picture(self, picture_id: str, timeout_s: float) -> bytes | None:
        """Return the picture with that identifier, which may have come before its result; None if it is not in time."""
        topic, deadline = self._identity.up("snapshot", picture_id), time.monotonic() + timeout_s
        while topic not in self._pictures and (left_s := deadline - time.monotonic()) > 0:
            self._next(left_s)
        return self._pictures[topic].payload if topic in self._pictures else None

    def _next(self, timeout_s: float) -> tuple[dict[str, Any] | None, bool]:
        """Take the next message; return the `data` of a result, and whether the device has just come back."""
        try:
            heard = self._heard.get(timeout=timeout_s)
        except queue.Empty:
            return None, False
        if heard is None:
            return None, False
        if heard.topic.startswith(self._identity.up("snapshot")):
            self._pictures[heard.topic] = heard
            return None, False
        try:
            envelope = json.loads(heard.payload)
            data: dict[str, Any] = envelope["data"]
            nonce = envelope.get("nonce")
            is_state = heard.topic == self._identity.up("state")
            state = str(data["state"]) if is_state else None
        except (ValueError, KeyError, TypeError):
            return None, False
        if nonce is not None and (not heard.retain or not self._is_nonce_live):
            self._nonce, self._is_nonce_live = str(nonce), not heard.retain
        if is_state:
            self._state = state
            return None, state == "online" and not heard.retain
        return data, False

    @staticmethod
    def _is_mine(data: dict[str, Any], cmd_id: str, sent: set[str]) -> bool:
        """Whether a result is ours. A device that does not know the key answers by the digest of the message."""
        return data["command_id"] == cmd_id or data.get("output", {}).get("sha256") in sent

    def _progress(self, number: int, answer: dict[str, Any] | None) -> str:
        device = self._identity.device
        if answer is None:
            said = f"{device} has not answered yet; sending again (try {number})"
            return "; ".join(filter(None, (said, self._troubles())))
        if answer["status"] == "in-progress":
            return f"{device}: {answer['text']}; asking again for the outcome"
        return f"{device} asks for a new signature ({answer['code']}); sending again"

    def _troubles(self) -> str:
        return "; ".join(line.trouble for line in self._lines if line.trouble)

    def _silence(self, timeout_s: float) -> str:
        last = _LAST_WORDS.get(self._state, f"it says that it is {self._state}")
        said = f"{self._identity.device} did not answer within {timeout_s:g} s: {last}"
        return "; ".join(filter(None, (said, self._troubles())))
