"""Keeps the heads of the cameras' chains, which devices publish, where no device can reach them."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

from agent.contract.envelope import rfc3339
from agent.contract.errors import EdgeAgentError
from agent.contract.evidence import EvidenceData
from agent.contract.identity import LEVEL
from agent.contract.leaves import DocumentError, canonical, parse
from agent.trust.synced_file import append, sync_names
from edge_centre.library.notices import NewMessage, Notice

MOST = 100_000
"""How many heads of one device are kept: a device that says more must not fill the disk for the others."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_Whose = tuple[str, str]
"""Device and camera."""


class HeadsError(EdgeAgentError):
    """The file can't be used."""


class Kept(NamedTuple):
    """A head that was new, and is on the disk."""

    device: str
    camera: str
    seq: int


class Refused(NamedTuple):
    """A head that can't be of the same chain as those that were kept."""

    device: str
    camera: str
    seq: int
    why: str
    """A sentence for a person."""


class Heads:
    """A file of heads, as `edge-centre evidence verify --heads` reads it. A context manager; one thread.

    A camera with a refused head is in dispute: from then on its new heads go to FILE.refused, across restarts, until a
    person has found out why and has moved its lines out of both files.
    """

    def __init__(self, path: Path) -> None:
        """Read what is kept. Raises HeadsError if it can't be read, or another program keeps heads there."""
        self._path, self._refused_path = path, path.with_name(f"{path.name}.refused")
        self._kept: dict[_Whose, dict[int, str]] = {}
        self._refused: dict[_Whose, dict[int, str]] = {}
        self._count: dict[str, int] = {}
        self._newest: dict[_Whose, tuple[str, int, int]] = {}
        """Epoch and number of the newest message of each camera's heads, and the head's number."""
        with _explained(path):
            self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            with _explained(path):
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                sync_names(path.parent)
            for file, heads in ((path, self._kept), (self._refused_path, self._refused)):
                for body in _lines(file):
                    heads.setdefault((str(body["device"]), str(body["camera"])), {})[int(body["seq"])] = body["head"]
        except BaseException:
            os.close(self._lock)
            raise
        for (device, _), numbers in (*self._kept.items(), *self._refused.items()):
            self._count[device] = self._count.get(device, 0) + len(numbers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    def hear(self, notice: Notice) -> Kept | Refused | None:
        """Keep the head that a message has: on return it is on the disk. None if there is none, or none that is new.

        Waits for the disk. Raises HeadsError when it can't be written; then nothing has changed, and the same notice
        may be given again.
        """
        message = notice.message if isinstance(notice, NewMessage) else None
        data = None if message is None else message.data
        if message is None or not isinstance(data, EvidenceData) or data.chain is None or data.chain["seq"] == 0:
            return None
        device, camera = message.source.removeprefix("/edge/"), data.camera
        whose, seq, head = (device, camera), data.chain["seq"], data.chain["head"]
        if not (LEVEL.match(camera) and _DIGEST.fullmatch(head) and 0 < seq < 2**63):
            return Refused(device, camera, seq, "it is none of the contract")
        why = self._why_not(whose, seq, head)
        last = self._newest.get(whose)
        if last is None or message.envelope.epoch != last[0] or message.envelope.seq > last[1]:
            if why is None and last is not None and message.envelope.epoch == last[0] and seq < last[2]:
                why = f"it had {last[2]} entries before, and now says that it has {seq}: its end was cut off"
            else:
                self._newest[whose] = message.envelope.epoch, message.envelope.seq, seq
        line = {"device": device, "camera": camera, "seq": seq, "head": head, "at": rfc3339(datetime.now(UTC))}
        book, path = (self._kept, self._path) if why is None else (self._refused, self._refused_path)
        if (is_new := book.get(whose, {}).get(seq) != head) and self._count.get(device, 0) < MOST:
            self._write(path, line)
            book.setdefault(whose, {})[seq] = head
            self._count[device] = self._count.get(device, 0) + 1
        if why is not None:
            return Refused(device, camera, seq, why)
        return Kept(device, camera, seq) if is_new else None

    def _why_not(self, whose: _Whose, seq: int, head: str) -> str | None:
        kept = self._kept.get(whose, {}).get(seq)
        if kept == head:
            return None
        if kept is not None:
            return f"its entry {seq} is {head[:12]}, and {self._path.name} has {kept[:12]}: the chain was written anew"
        if whose in self._refused:
            return "an earlier head of this camera was refused"
        return f"{MOST} of this device are kept already" if self._count.get(whose[0], 0) >= MOST else None

    def _write(self, path: Path, line: dict[str, Any]) -> None:
        with _explained(path):
            is_new = not path.exists()
            append(path, canonical(line) + b"\n")
            if is_new:
                sync_names(path.parent)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file; cut off what a power cut has left of a last one."""
    with _explained(path):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)
    for number, line in enumerate(content[:whole].splitlines(), 1):
        try:
            body = parse(line)
            body["device"], body["camera"], int(body["seq"]), body["head"]
        except (DocumentError, ValueError, KeyError, TypeError) as error:
            raise HeadsError(f"{path}: line {number} is no head: take another file, or mend that line") from error
        yield body


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except BlockingIOError as error:
        raise HeadsError(f"{path}: another program keeps heads in it: end that one, or take another file") from error
    except OSError as error:
        raise HeadsError(f"{path}: {(error.strerror or str(error)).lower()}") from error
