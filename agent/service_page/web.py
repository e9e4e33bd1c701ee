"""HTTP and HTTPS for one phone: what a request must have before anything acts on it, and the headers of answers."""

import json
import logging
import re
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

from agent.service_page.interfaces import Place

LONGEST_BODY = 64 * 1024
_MOST_CONNECTIONS = 16
_MOST_OF_ONE = 8
"""Of one address. A browser opens six."""
_PATIENCE_S = 30.0
"""How long a connection may be silent."""
_COOKIE = "edge-agent-page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*\Z")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

log = logging.getLogger(__name__)


class Reply(NamedTuple):
    """An answer. `content` is JSON unless `type` says otherwise."""

    status: int
    content: bytes = b""
    type: str = "application/json"
    headers: Mapping[str, str] = {}


class Request(NamedTuple):
    """What the pages' functions see of a request that has passed all checks."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    session: str
    """The token of the cookie."""
    peer: str
    """The phone's address."""


class Answers(Protocol):
    """The API."""

    def answer(self, request: Request) -> Reply:
        """Answer a request under `/api/`; may wait. Any thread."""
        ...


def refusal(status: int, sentence: str, **more: Any) -> Reply:
    """Return an answer that says to the technician why not."""
    return Reply(status, json.dumps({"sentence": sentence, **more}).encode())


def found(content: Any) -> Reply:
    """Return an answer that has something."""
    return Reply(200, json.dumps(content).encode())


def session_cookie(token: str) -> Mapping[str, str]:
    """Return the header that gives a phone its session."""
    return {"Set-Cookie": f"{_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict"}


@dataclass(eq=False, slots=True)
class _Connection:
    """An open one: `busy` while its request is answered, otherwise silent since it opened or since the last answer."""

    sock: Any
    peer: str
    silent_since: float
    busy: bool = False

    def hang_up(self) -> None:
        with suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # its thread, which reads, ends


class Server(ThreadingHTTPServer):
    """Listens on one address of one interface. `serve_forever` on a thread of its own."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, place: Place, port: int, device_id: str, files: Path, api: Answers, tls: ssl.SSLContext | None
    ) -> None:
        """Raises OSError when the address can't be had."""
        self.api = api
        self.scheme = place.scheme
        self._tls = tls
        self._lock = threading.Lock()
        self._open: list[_Connection] = []
        self.files = {file.name: file for file in files.iterdir() if _NAME.match(file.name)} if files.is_dir() else {}
        super().__init__((place.address, port), _Handler, bind_and_activate=False)
        try:
            # Else the kernel would take what comes for this address by another interface, such as a modem.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, place.interface.encode())
            self.server_bind()
            self.server_activate()
        except BaseException:
            self.server_close()
            raise
        self.port = self.server_address[1]
        names = {place.address, f"{device_id}.local".lower()}
        self.hosts = {f"{name}:{self.port}" for name in names}

    def server_bind(self) -> None:
        """Bind, and ask no name service who we are."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[Any, Any]:
        """Take a connection; the handshake is the matter of its own thread."""
        sock, peer = self.socket.accept()
        sock.settimeout(_PATIENCE_S)
        if self._tls is not None:
            sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, peer

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection. If there are too many, or too many from its address, close the one that has
        been silent longest: idle connections must not shut a technician out."""
        with self._lock:
            found = self._make_room(client_address[0])
            if found:
                self._open.append(_Connection(request, client_address[0], time.monotonic()))
        if found:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open = [each for each in self._open if each.sock is not request]

    @contextmanager
    def answering(self, request: Any) -> Iterator[None]:
        """Keep this connection open while its whole request is answered."""
        self._note(request, busy=True)
        try:
            yield
        finally:
            self._note(request, busy=False)

    def _note(self, request: Any, *, busy: bool) -> None:
        with self._lock:
            for each in self._open:
                if each.sock is request:
                    each.busy, each.silent_since = busy, time.monotonic()

    def _make_room(self, peer: str) -> bool:
        """Return whether another connection from this address fits, perhaps after closing one."""
        counts = Counter(each.peer for each in self._open)
        if counts[peer] >= _MOST_OF_ONE:
            crowd = peer
        elif len(self._open) >= _MOST_CONNECTIONS:
            crowd = counts.most_common(1)[0][0]
        else:
            return True
        silent = [each for each in self._open if not each.busy and (each.peer == crowd or counts[crowd] == 1)]
        if not silent:
            return False
        oldest = min(silent, key=lambda each: each.silent_since)
        self._open.remove(oldest)
        oldest.hang_up()
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the signature is socketserver's
        """Log what went wrong with a connection; a phone that goes away is no fault."""
        log.info("a connection from %s has ended: %s", client_address[0], sys.exc_info()[1])


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE_S

    def version_string(self) -> str:
        return "edge-agent"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is http.server's
        log.debug("%s: %s", self.client_address[0], format % args)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        self.close_connection = True
        self._send(refusal(code, message or HTTPStatus(code).phrase))

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        if self.headers.get("Origin") != f"{self.server.scheme}://{self.headers.get('Host', '')}":
            self.send_error(403, "This did not come from the page itself.")
            return
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or not length.isdecimal():
            self.send_error(411, "A length is needed.")
            return
        if int(length) > LONGEST_BODY:
            self.send_error(413, "That is too long.")
            return
        if self.headers.get_content_type() != "application/json":
            self.send_error(415, "JSON is needed.")
            return
        self._answer(self.rfile.read(int(length)))

    def _answer(self, body: bytes | None) -> None:
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            self.send_error(421, "This page has another address.")
            return
        url = urlsplit(self.path)
        if not url.path.startswith("/api/"):
            self._send(self._file(url.path) if body is None else refusal(405, "Nothing is taken there."))
            return
        try:
            said = {} if body is None else json.loads(body)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            self._send(refusal(400, "That is no JSON object."))
            return
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        request = Request(
            self.command, url.path.removeprefix("/api/"), query, said, self._session(), self.client_address[0]
        )
        try:
            with self.server.answering(self.connection):
                reply = self.server.api.answer(request)
        except Exception:
            log.exception("%s %s", self.command, url.path)
            reply = refusal(500, "The page has failed. Try again.")
        self._send(reply)

    def _session(self) -> str:
        for part in self.headers.get("Cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == _COOKIE:
                return value
        return ""

    def _file(self, path: str) -> Reply:
        file = self.server.files.get("index.html" if path == "/" else path.removeprefix("/"))
        if file is None or file.suffix not in _TYPES:
            return refusal(404, "There is no such page.")
        return Reply(200, file.read_bytes(), _TYPES[file.suffix])

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {**_HEADERS, **reply.headers}.items():
            secure = "; Secure" if name == "Set-Cookie" and self.server.scheme == "https" else ""
            self.send_header(name, value + secure)
        if reply.content:
            self.send_header("Content-Type", reply.type)
        if reply.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content)
