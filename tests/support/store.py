"""A store that takes PUTs over HTTP or HTTPS, gives what it has, and does worse: it cuts, stalls, lies, redirects and
says nothing."""

import hashlib
import hmac
import socket
import ssl
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple
from urllib.parse import unquote

from tests.support.certificates import CertificateFiles


class Taken(NamedTuple):
    """A PUT that has come in, at least with its head."""

    path: str
    headers: dict[str, str]
    how: str


class Store:
    """Each request is treated as the next word of `script` says, and taken when there is none:

    `take`, `lost` (taken, and the answer is lost), `lie` (taken, and the ETag is of something else), a status such as
    `503`, `429 2` (with Retry-After), `early 403` (answered before it is read), `cut N` (after N bytes), `stall` (reads
    nothing of it), `silent` (reads all and says nothing), `drip` (answers a byte at a time), `garbage`.
    A GET knows `silent`, `drip`, `garbage`, `short` (half of what is promised), and statuses.
    """

    def __init__(
        self, tls: CertificateFiles | None = None, bytes_s: int = 0, key: tuple[str, str] | None = None
    ) -> None:
        """`bytes_s` is how fast it reads; 0: at once. `key`, its secret and region: it takes only what was signed."""
        self._key = key
        self.objects: dict[str, list[bytes]] = {}
        """What was taken, by path; more than one where a path was taken again."""
        self.puts: list[Taken] = []
        self.at_s: dict[str, float] = {}
        """When each path was taken last."""
        self.gets: list[str] = []
        """What was asked for, with its query."""
        self.script: deque[str] = deque()
        self.bytes_s = bytes_s
        self.read = 0
        """Bytes of the newest body that it has read."""
        self._context = None
        if tls is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(tls.cert, tls.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"{'https' if self._context else 'http'}://{self.host}/{path}"

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """End every connection, as a network does that goes away."""
        for each in [*self._open]:
            _reset(each)

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            self._open.append(connection)
            self._put(connection)
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    def _put(self, connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(1)  # so that the body stays in the socket
            if not more:
                return
            data += more
        first, *lines = data.decode("latin-1").strip().split("\r\n")
        method, path, _ = first.split(" ")
        if method == "GET":
            self._get(connection, path)
            return
        assert method == "PUT"
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        how, _, number = (self.script.popleft() if self.script else "take").partition(" ")
        self.puts.append(Taken(path, headers, how))
        size = int(headers["content-length"])
        if self._key is not None and not is_signed(path, headers, *self._key):
            self._refuse(connection, 403, b"SignatureDoesNotMatch", size)
            return
        if headers.get("if-none-match") == "*" and path.partition("?")[0] in self.objects:
            self._refuse(connection, 412, b"PreconditionFailed", size)
            return
        if how == "early":
            connection.sendall(f"HTTP/1.1 {number} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            time.sleep(0.2)
            return
        if how == "stall":
            self._over.wait(60)
            return
        body = self._read(connection, int(number) if how == "cut" else size)
        if how == "cut":
            _reset(connection)
            return
        if how in {"take", "lost", "lie"}:
            assert len(body) == size
            self.objects.setdefault(path.partition("?")[0], []).append(body)
            self.at_s[path.partition("?")[0]] = time.monotonic()
        self._say(connection, how, number, body)

    def _refuse(self, connection: socket.socket, status: int, code: bytes, size: int) -> None:
        self._read(connection, size)
        text = b"<Error><Code>%s</Code></Error>" % code
        connection.sendall(b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n" % (status, len(text)) + text)

    def _get(self, connection: socket.socket, path: str) -> None:
        self.gets.append(path)
        bodies = self.objects.get(path.partition("?")[0])
        how = self.script.popleft() if self.script else ("take" if bodies else "404")
        if bodies is None or how not in {"take", "short"}:
            self._say(connection, how, "", b"")
            return
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(bodies[-1])}\r\n\r\n".encode())
        connection.sendall(bodies[-1][: len(bodies[-1]) // (2 if how == "short" else 1)])

    def _say(self, connection: socket.socket, how: str, number: str, body: bytes) -> None:
        etag = hashlib.md5(b"other" if how == "lie" else body).hexdigest()
        if how in {"take", "lie"}:
            connection.sendall(f'HTTP/1.1 200 OK\r\nETag: "{etag}"\r\nContent-Length: 0\r\n\r\n'.encode())
        elif how == "silent":
            self._over.wait(60)
        elif how == "garbage":
            connection.sendall(b"\x00\x01\x02 nonsense\r\n\r\n")
        elif how == "drip":
            for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
                connection.sendall(bytes([letter]))
                if self._over.wait(0.3):
                    return
        elif how == "lost":
            _reset(connection)
        else:
            more = f"Retry-After: {number}\r\n" if number else ""
            more += "Location: http://127.0.0.1:1/elsewhere\r\n" if how.startswith("3") else ""
            text = b"<Error><Code>%s</Code></Error>" % (b"NoSuchKey" if how == "404" else b"AccessDenied")
            head = f"HTTP/1.1 {how} Because\r\n{more}Content-Length: {len(text)}\r\n\r\n"
            connection.sendall(head.encode() + text)

    def _read(self, connection: socket.socket, size: int) -> bytes:
        body, begun_s = b"", time.monotonic()
        while len(body) < size:
            more = connection.recv(min(16 * 1024, size - len(body)))
            if not more:
                raise ValueError("the sender is gone")
            body += more
            self.read = len(body)
            if self.bytes_s:
                time.sleep(max(0.0, begun_s + len(body) / self.bytes_s - time.monotonic()))
        return body


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()


def is_signed(target: str, headers: dict[str, str], secret: str, region: str) -> bool:
    """Whether a PUT is as its presigned URL has it, with each header that was signed: AWS Signature Version 4."""
    path, _, query = target.partition("?")
    asked, _, signature = query.partition("&X-Amz-Signature=")
    fields = {name: unquote(value) for name, _, value in (each.partition("=") for each in asked.split("&"))}
    names = fields["X-Amz-SignedHeaders"].split(";")
    lines = "".join(f"{name}:{headers.get(name, '')}\n" for name in names)
    request = f"PUT\n{path}\n{asked}\n{lines}\n{';'.join(names)}\nUNSIGNED-PAYLOAD"
    moment = fields["X-Amz-Date"]
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for each in scope.split("/"):
        key = hmac.digest(key, each.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex() == signature
