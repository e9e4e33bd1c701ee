"""HTTP on loopback for nginx, which says who asks: parts of recordings, what they prove, and what goes to others.

Nothing leaves before a line about it is in the journal, on the disk.
"""

import json
import logging
import re
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

from agent.contract.envelope import rfc3339
from agent.contract.leaves import canonical
from agent.trust.synced_file import append
from edge_centre.viewing.asked import Asked, read
from edge_centre.viewing.clip import Authorities, judged, pack, unchecked
from edge_centre.viewing.refusal import RefusalError
from edge_centre.viewing.store import Store

_MOST_AT_ONCE = 8
_MOST_BYTES = 192 << 20
"""Of one clip, in memory twice: as its parts and as their film; and of all that are being checked."""
_MOST_CHECKS = 3
"""At once, each in a process of its own; whoever comes then hears so at once, or they would take the threads of those
who watch."""
_BUSY = "other recordings are being checked: try again in a minute"
_SILENT_S = 30.0
_MOST_VERDICTS = 64
_LOGIN = re.compile(r"[a-z0-9-]{1,64}")

_log = logging.getLogger(__name__)


class Viewing:
    """What is answered, to whom, and the record of it. Any thread."""

    def __init__(self, store: Store, authorities: Authorities, journal: Path) -> None:
        self._store, self._authorities, self._journal = store, authorities, journal
        self._writing, self._room = threading.Lock(), _Room()
        self._verdicts: OrderedDict[bytes, dict[str, Any]] = OrderedDict()

    def part(self, asked: Asked, who: str) -> bytes:
        """Return a part as it was sent. Raises RefusalError."""
        with self._store.opened() as reading:
            content = reading.get(asked.place(asked.parts[0]))
        self._note(asked, who, {asked.parts[0]: content})
        return content

    def verdict(self, asked: Asked) -> dict[str, Any]:
        """Return what the parts prove together. Raises RefusalError."""
        with self._room.place() as take:
            return self._judged(asked, self._fetched(asked, take))

    def export(self, asked: Asked, who: str, file: IO[bytes]) -> None:
        """Write the parts and all that proves them into a file. Raises RefusalError."""
        with self._room.place() as take:
            contents = self._fetched(asked, take)
            verdict = self._judged(asked, contents)
            pack(file, contents, asked, verdict, who, datetime.now(UTC))
        self._note(asked, who, contents)

    def _fetched(self, asked: Asked, take: Callable[[int], None]) -> dict[str, bytes]:
        contents = dict[str, bytes]()
        with self._store.opened() as reading:
            for part in asked.parts:
                try:
                    contents[part] = reading.get(asked.place(part))
                except RefusalError as refusal:
                    if refusal.status != HTTPStatus.NOT_FOUND:
                        raise
                    continue
                take(len(contents[part]))
        if not contents:
            raise RefusalError(404, "none of these parts is at the store")
        return contents

    def _judged(self, asked: Asked, contents: Mapping[str, bytes]) -> dict[str, Any]:
        try:
            trust = self._authorities.trust(asked.device)
        except OSError as error:
            return unchecked(f"{error.filename}: {(error.strerror or str(error)).lower()}")
        except ValueError as error:
            return unchecked(str(error))
        said = sha256(repr((asked.parts, trust)).encode())
        for name in sorted(contents):
            said.update(name.encode() + sha256(contents[name]).digest())
        known = self._verdicts.get(said.digest()) or judged(contents, asked, trust)
        self._verdicts[said.digest()] = known
        if len(self._verdicts) > _MOST_VERDICTS:
            self._verdicts.popitem(last=False)
        return known

    def _note(self, asked: Asked, who: str, contents: Mapping[str, bytes]) -> None:
        """Write down who has seen what. Raises RefusalError where that can't be done: then nobody sees it."""
        objects = {name: sha256(content).hexdigest() for name, content in contents.items()}
        line = {"at": rfc3339(datetime.now(UTC)), "who": who, "what": asked.what, "device": asked.device}
        line |= {"camera": asked.camera, "clip": asked.clip, "alarm": asked.alarm}
        try:
            with self._writing:
                append(self._journal, canonical({**line, "objects": objects}) + b"\n")
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            _log.error("%s can't be written: %s", self._journal, why)
            raise RefusalError(503, f"the record of who looks can't be written ({why}), so nothing is shown") from error


class _Room:
    """For what is being checked: so many at once, and so many bytes."""

    def __init__(self) -> None:
        self._places, self._lock = threading.BoundedSemaphore(_MOST_CHECKS), threading.Lock()
        self._taken = 0

    @contextmanager
    def place(self) -> Iterator[Callable[[int], None]]:
        """Give what takes room for so many bytes more. Raises RefusalError, as that does."""
        own = 0

        def take(size: int) -> None:
            nonlocal own
            if own + size > _MOST_BYTES:
                raise RefusalError(413, f"the recording has more than {_MOST_BYTES >> 20} MiB: name fewer parts")
            with self._lock:
                if self._taken + size > _MOST_BYTES:
                    raise RefusalError(503, _BUSY)
                self._taken, own = self._taken + size, own + size

        if not self._places.acquire(blocking=False):
            raise RefusalError(503, _BUSY)
        try:
            yield take
        finally:
            with self._lock:
                self._taken -= own
            self._places.release()


class Server(ThreadingHTTPServer):
    """Listens on loopback. Whoever comes while all its threads are busy waits."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, viewing: Viewing) -> None:
        """Raises OSError when the port can't be had."""
        self.viewing = viewing
        self._room = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a thread of its own, once there is one."""
        self._room.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _SILENT_S
    server_version, sys_version = "edge-agent", ""

    def do_GET(self) -> None:
        try:
            self._answer()
        except RefusalError as refusal:
            content = json.dumps({"why": str(refusal)}).encode()
            self._head(refusal.status, "application/json", len(content))
            self.wfile.write(content)
        except (ConnectionError, TimeoutError):
            _log.debug("whoever asked has gone")

    def _answer(self) -> None:
        # nginx has asked for the password, and always sets this itself.
        who = self.headers.get("X-Remote-User", "")
        if _LOGIN.fullmatch(who) is None:
            raise RefusalError(403, "nginx does not say who asks")
        asked = read(self.path)
        if asked.what == "part":
            self._give("video/mp4", self.server.viewing.part(asked, who))
        elif asked.what == "verdict":
            self._give("application/json", json.dumps(self.server.viewing.verdict(asked)).encode())
        else:
            with tempfile.TemporaryFile() as file:
                try:
                    self.server.viewing.export(asked, who, file)
                except OSError as error:
                    raise RefusalError(
                        502, f"the file can't be made: {(error.strerror or str(error)).lower()}"
                    ) from error
                self._head(200, "application/zip", file.tell())
                file.seek(0)
                shutil.copyfileobj(file, self.wfile)

    def _give(self, kind: str, content: bytes) -> None:
        self._head(200, kind, len(content))
        self.wfile.write(content)

    def _head(self, status: int, kind: str, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: nginx keeps its own log, and the journal has who has seen what."""
