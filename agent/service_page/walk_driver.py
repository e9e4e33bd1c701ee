"""What a terminal and a page share of a walk: its file, its lock, and the orders that are under way."""

import fcntl
import json
import os
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from agent.adapters.disk import write_file
from agent.contract.kinds import KINDS
from agent.contract.uuid7 import Uuid7Source
from agent.core.commissioning.plan import Order, Step
from agent.core.commissioning.record import Kept
from agent.core.commissioning.walk import Walk
from agent.core.errors import EdgeAgentError, SettingsError

_FILE = "walk.json"
_LONGEST_LINE = 4 << 20
_RESULT = KINDS["result"].type


def lines_of(received: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole lines of what the tap has sent, each a JSON object, and the begun one. Raises EdgeAgentError for
    anything else: another program may answer in the agent's place."""
    *lines, rest = received.split(b"\n")
    try:
        if len(rest) <= _LONGEST_LINE and all(isinstance(json.loads(line), dict) for line in lines):
            return lines, rest
    except ValueError:
        pass
    raise EdgeAgentError("what answers at the tap is not the agent: sudo systemctl restart edge-agent")


class WalkDriver:
    """One walk that is driven, by one program at a time. One thread."""

    def __init__(self, steps: Sequence[Step], directory: Path, *, new: bool = False) -> None:
        """Take up the walk that is kept in `directory`, or begin one. Raises EdgeAgentError when another program drives
        it, or it can't be read."""
        self._file = directory / _FILE
        directory.mkdir(mode=0o750, exist_ok=True)
        self._lock = _locked(directory / "walk.lock")
        try:
            if new:
                self._file.unlink(missing_ok=True)
            self._steps = steps
            self._unsent: list[Order] = []
            self.unanswered: set[str] = set()
            """The orders that were sent and have no result yet."""
            self._digests: dict[str, str] = {}
            """The orders by the SHA-256 of their token."""
            self.nonce: str | None = None
            """The newest of the device's; None until its first line has come."""
            kept = _read(self._file)
            if kept is None:
                self.walk = Walk.begin(steps, Uuid7Source().next(time.time_ns() // 1_000_000), time.monotonic())
            else:
                self.walk = Walk.resume(steps, kept, time.monotonic())
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Let another program drive it."""
        os.close(self._lock)

    def resume(self, steps: Sequence[Step] | None = None) -> None:
        """Take the walk up again, after the agent has ended: a power cut is one of the steps. Or with other steps, as
        the settings have changed."""
        self._steps = steps or self._steps
        self.nonce = None  # the agent's first line says it
        self.unanswered.clear()
        self._unsent.clear()
        self.walk = Walk.resume(self._steps, self.walk.kept, time.monotonic())

    def take(self, text: bytes) -> None:
        """Take a line of the tap."""
        line = json.loads(text)
        self.nonce = line.get("nonce", self.nonce)
        if line.get("type") == _RESULT:
            data = line["data"]  # a device that does not know the key answers by the digest
            data["command_id"] = self._digests.get(data.get("output", {}).get("sha256"), data["command_id"])
            self.unanswered.discard(data["command_id"])
        self.walk.take(line, time.monotonic())

    def orders(self) -> list[Order]:
        """Save the walk, and return the orders that are to be signed; each until `sent`."""
        _write(self._file, self.walk.kept)
        self._unsent += self.walk.orders()
        return [*self._unsent] if self.nonce else []

    def sent(self, order: Order, token: bytes) -> bytes:
        """Note that an order goes out as this token; return the line for the tap."""
        self._unsent.remove(order)
        self.unanswered.add(order.id)
        self._digests[sha256(token).hexdigest()] = order.id
        return topic_of(order).encode() + b" " + token + b"\n"


def topic_of(order: Order) -> str:
    """Return the last two levels of an order's topic."""
    return f"ack/{order.args['alarm_id']}" if order.name == "ack" else f"command/{order.name}"


def _locked(file: Path) -> int:
    # The directory is two users': neither may have the other open what it can't open itself, so no link is followed.
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o660)
    except OSError as error:
        raise EdgeAgentError(f"{file} can't be used ({(error.strerror or str(error)).lower()}): use sudo") from error
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            os.fchmod(descriptor, 0o660)  # the mask of the process may have taken from it
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise EdgeAgentError("somebody walks this device already, in a terminal or on its service page") from error
    return descriptor


def _read(file: Path) -> Kept | None:
    try:
        return Kept.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise EdgeAgentError(f"{file} can't be read: use sudo") from error
    except ValueError as error:
        raise SettingsError(f"{file} is no walk that this version can take up: begin another one with --new") from error


def _write(file: Path, kept: Kept) -> None:
    text = kept.model_dump_json().encode()
    try:
        if file.read_bytes() == text:
            return
    except FileNotFoundError:
        pass
    write_file(file, text, 0o640)  # for the group of the directory, whichever of the two writes
