"""A client of RTSP over TLS that records: it announces one stream of video to a media server, and sends it (RFC 2326).

The connection is the only one: RTP is interleaved in it. The server's certificate and name are verified, no redirect is
followed, and a login leaves only after both. No library: FFmpeg before 8 takes any certificate here, whatever its
options say, and holds no packet back for an alarm.
"""

import re
import select
import socket
import ssl
import stat
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from agent.adapters.paced_socket import LOOK_S, PIECE, Room, give_way_on
from agent.core.errors import EdgeAgentError
from agent.live.rtp import CHANNEL_SIZE

PORT = 322
"""Of `rtsps`, as IANA has it."""
CONTROL = "streamid=0"
_SETUP_S, _TEARDOWN_S = 8.0, 0.1
_ALIVE_S = 5.0
"""How often to ask for a sign of life, at least: while an alarm waits nothing else leaves, and MediaMTX hangs up after
10 s of nothing."""
_CHUNK = 16 * 1024
_LONGEST = 64 * 1024
_STATUS = re.compile(r"RTSP/[12]\.[0-9] ([0-9]{3})")
_IS_OVER = {401, 403, 454}
"""What says of a stream that is recorded that it is no longer."""
_TEXT = {
    401: "it wants another login (401)",
    403: "it forbids the stream (403)",
    404: "it has no such place (404)",
    454: "it has forgotten the session (454)",
}

_TROUBLES: tuple[tuple[tuple[type[OSError], ...], str], ...] = (
    ((TimeoutError,), "the media server does not answer, or takes nothing more"),
    (
        (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError, BrokenPipeError),
        "the media server has ended the connection",
    ),
    ((ssl.SSLError,), "the media server speaks no TLS that can be used"),
)


class PushError(EdgeAgentError):
    """A stream can't be pushed, or no longer. The text is for a person, and has neither login nor path."""


class Response(NamedTuple):
    """What the server has answered."""

    status: int
    headers: dict[str, str]
    """By their names in small letters."""


class RecordSession:
    """One stream to one server. One thread. Use it in a `with` statement, which closes the connection."""

    def __init__(self, url: str, ca_file: str | None, login: str | None) -> None:
        """Connect. `login` is `name:password`. Raises PushError and OSError (ssl.SSLError too)."""
        self._url = url
        self._until_s = time.monotonic() + _SETUP_S
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise PushError("the file of the media server's authorities can't be read, or holds none (PEM)") from error
        plain = socket.create_connection((host, parts.port or PORT), timeout=_SETUP_S)
        try:
            give_way_on(plain)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(self._left_s())
            self.socket = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        self._authorization = None if login is None else f"Basic {b64encode(login.encode()).decode()}"
        self._room = Room(self.socket)
        self.sent = 0
        """Bytes of packets that have left."""
        self._buffer = bytearray()
        self._sequence = 0
        self._session: str | None = None
        self._alive_s, self._alive_every_s = 0.0, _ALIVE_S

    def begin(self, description: bytes) -> None:
        """Announce the stream and have the server record it, all within 8 s. Raises PushError and OSError."""
        self._ask("ANNOUNCE", self._url, description, content_type="application/sdp")
        transport = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"
        answer = self._ask("SETUP", f"{self._url}/{CONTROL}", transport=transport)
        if self._session is None:
            raise PushError("the media server names no session")
        if "interleaved=0-1" not in answer.headers.get("transport", ""):
            raise PushError("the media server takes no stream in the connection itself")
        self._ask("RECORD", self._url, range="npt=0.000-")
        self._alive_s = time.monotonic() + self._alive_every_s
        self.socket.setblocking(False)

    def send(self, content: bytes, wait: Callable[[float], object]) -> None:
        """Send packets, in small pieces; `wait(seconds)` comes before each, lets time pass, may call `tick` and may
        raise. Raises PushError and OSError."""
        for piece in _pieces(content):
            wait(0.0)
            while not self._room.is_free():
                wait(LOOK_S)
            self._write(piece)
            self.sent += len(piece)

    def tick(self) -> None:
        """Take what the server says, and keep the session alive. Raises PushError and OSError."""
        with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            while True:
                self._receive()
                while (answer := self._take()) is not None:
                    if answer.status in _IS_OVER:
                        _check(answer)
        if (now_s := time.monotonic()) >= self._alive_s:
            self._alive_s = now_s + self._alive_every_s
            self._write(self._request("OPTIONS", self._url))

    def end(self) -> None:
        """Say that nothing more comes, as far as that goes at once."""
        with suppress(OSError):
            self.socket.settimeout(_TEARDOWN_S)
            self.socket.sendall(self._request("TEARDOWN", self._url))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _write(self, piece: bytes | memoryview) -> None:
        """Write all of it: what is half in TLS can be followed by nothing else. Raises OSError."""
        while piece:
            try:
                count = self.socket.send(piece)
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                self._room.is_free()  # raises when nothing moves for long
                select.select([], [self.socket], [], LOOK_S)
            else:
                self._room.sent += count
                piece = piece[count:]

    def _left_s(self) -> float:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def _request(self, method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
        self._sequence += 1
        lines = [f"{method} {target} RTSP/1.0", f"CSeq: {self._sequence}", "User-Agent: edge-agent"]
        lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
        lines += [] if self._session is None else [f"Session: {self._session}"]
        lines += [] if self._authorization is None else [f"Authorization: {self._authorization}"]
        lines += [f"Content-Length: {len(body)}"] if body else []
        return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body

    def _ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Response:
        self.socket.settimeout(self._left_s())
        self.socket.sendall(self._request(method, target, body, **headers))
        while (answer := self._take()) is None:
            self.socket.settimeout(self._left_s())
            self._receive()
        session, _, more = _check(answer).headers.get("session", "").partition(";")
        if self._session is None and session:
            self._session = session
            if timeout := re.search(r"timeout=([1-9][0-9]{0,4})\b", more):
                self._alive_every_s = min(_ALIVE_S, int(timeout[1]) / 3)
        return answer

    def _receive(self) -> None:
        got = self.socket.recv(_CHUNK)
        if not got:
            raise PushError("the media server has ended the connection")
        self._buffer += got

    def _take(self) -> Response | None:
        """Take one response out of what has come; the server's own packets and requests are left out."""
        buffer = self._buffer
        while _has_begun(buffer):
            begin = buffer.find(b"\r\n\r\n")
            if begin < 0:
                if len(buffer) > _LONGEST:
                    raise PushError("the media server speaks no RTSP")
                return None
            first, *lines = buffer[:begin].decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in lines)
            headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
            length = headers.get("content-length", "0")
            if not length.isascii() or not length.isdigit() or int(length) > _LONGEST:
                raise PushError("the media server speaks no RTSP")
            if len(buffer) < begin + 4 + int(length):
                return None
            del buffer[: begin + 4 + int(length)]
            status = _STATUS.match(first)
            if status is not None and status[1] >= "200":
                return Response(int(status[1]), headers)
            if status is None and " RTSP/" not in first:
                raise PushError("the media server speaks no RTSP")
        return None


def _has_begun(buffer: bytearray) -> bool:
    """Leave out empty lines and whole packets; return whether something else begins then."""
    while buffer:
        if buffer[0] in b"\r\n":
            del buffer[:1]
        elif buffer[0] == ord("$"):
            end = CHANNEL_SIZE + int.from_bytes(buffer[2:4], "big")
            if len(buffer) < max(end, CHANNEL_SIZE):
                return False
            del buffer[:end]
        else:
            return True
    return False


def _pieces(packets: bytes) -> Iterator[memoryview]:
    """Cut interleaved packets into pieces of whole ones: between them a request may leave."""
    rest, end = memoryview(packets), 0
    while end < len(rest):
        size = CHANNEL_SIZE + int.from_bytes(rest[end + 2 : end + 4], "big")
        if end > 0 and end + size > PIECE:
            yield rest[:end]
            rest, end = rest[end:], 0
        end += size
    if rest:
        yield rest


def _check(answer: Response) -> Response:
    if 200 <= answer.status < 300:
        return answer
    if 300 <= answer.status < 400:
        raise PushError(f"the media server answers with a redirect ({answer.status}), which is never followed")
    said = _TEXT.get(answer.status, f"it answers {answer.status}")
    raise PushError(f"the media server takes no stream: {said}")


def read_login(file: Path) -> str:
    """Return `NAME:PASSWORD` from a file that nobody else may read. Raises PushError."""
    try:
        mode = file.stat().st_mode
        login = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise PushError("the file of the login to the media server can't be read") from error
    if stat.S_IMODE(mode) & 0o077:
        raise PushError("others may read the file of the login to the media server: chmod 600")
    if ":" not in login or "\n" in login:
        raise PushError("the file of the login to the media server is no line NAME:PASSWORD")
    return login


def trouble_of(error: Exception) -> str:
    """Return for a person what went wrong, without login and path."""
    if isinstance(error, EdgeAgentError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the media server's certificate does not hold: {error.verify_message}"
    for kinds, said in _TROUBLES:
        if isinstance(error, kinds):
            return said
    if isinstance(error, OSError):
        return f"the media server can't be reached: {(error.strerror or type(error).__name__).lower()}"
    return "the media server's address is none"
