"""Reads objects of the office's store, within limits of bytes and of time."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from edge_centre.viewing.presign import StoreKey, presigned
from edge_centre.viewing.refusal import RefusalError

LARGEST = 64 << 20
"""Bytes of one segment."""
_PATIENCE_S = 18.0
_WHOLE_S = 35.0
"""For all objects of one question: with the wait for its turn and the check, within the 60 s of the page's nginx."""
_CONNECT_S = 5.0
_LIFE_S = 60
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")


class Store:
    """Whose URL is https://HOST/BUCKET/PREFIX. Any thread."""

    def __init__(self, url: str, key: StoreKey, ca_file: Path | None = None, patience_s: float = _PATIENCE_S) -> None:
        """Raises OSError when `ca_file` can't be read. Whoever reads waits at most `patience_s` for each object,
        and 35 s for all of them."""
        self._url, self._key, self._patience_s = url, key, patience_s
        self._tls = ssl.create_default_context(cafile=ca_file) if url.startswith("https:") else None

    @contextmanager
    def opened(self) -> Iterator["Reading"]:
        """Give what reads, until the time is up. Raises RefusalError, as the reading does."""
        reading = Reading(self._url, self._key, self._tls, self._patience_s)
        try:
            yield reading
        except (OSError, HTTPException, ValueError) as error:
            if reading.is_late or isinstance(error, TimeoutError):
                raise RefusalError(504, "the store does not answer in time") from error
            raise RefusalError(502, f"the store can't be read: {_said(error)}") from error
        finally:
            reading.end()


class Reading:
    """One connection, made anew where the store has closed it. One thread, and that of the watch."""

    def __init__(self, url: str, key: StoreKey, tls: ssl.SSLContext | None, patience_s: float) -> None:
        self._url, self._key, self._tls, self._patience_s = url, key, tls, patience_s
        self._end_s = time.monotonic() + _WHOLE_S
        self._watch: threading.Timer | None = None
        self._connection: HTTPConnection | None = None
        self.is_late = False

    def get(self, place: str) -> bytes:
        """Return an object's bytes. Raises RefusalError (404 if there is none), OSError, HTTPException."""
        self._watch_anew()
        is_old = self._connection is not None and self._connection.sock is not None
        try:
            return self._got(place)
        except ConnectionError:
            if not is_old or self.is_late:
                raise
            self.close()  # a store may end a connection after each answer
            return self._got(place)

    def _watch_anew(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        left_s = max(0.0, min(self._patience_s, self._end_s - time.monotonic()))
        self._watch = threading.Timer(left_s, self.give_up)
        self._watch.daemon = True
        self._watch.start()

    def _got(self, place: str) -> bytes:
        target = urlsplit(presigned("GET", f"{self._url}/{place}", self._key, _LIFE_S, datetime.now(UTC)))
        connection = self._connected()
        connection.request("GET", f"{target.path}?{target.query}", headers={"Host": target.netloc})
        with connection.getresponse() as answer:
            if answer.length is None and not answer.chunked:
                raise HTTPException("no length")  # so it would be whole wherever it breaks off
            body = answer.read(LARGEST + 1 if answer.status == HTTPStatus.OK else 4096)
            if answer.status == HTTPStatus.OK and len(body) <= LARGEST:
                if answer.length:  # what was not read
                    raise HTTPException("cut off")
                return body
        self.close()
        if answer.status == HTTPStatus.OK:
            raise RefusalError(502, f"the store gives more than {LARGEST >> 20} MiB, which is no part of a recording")
        code = _CODE.search(body)
        detail = f"HTTP {answer.status}" + (f" {code[1].decode()}" if code else "")
        if answer.status == HTTPStatus.NOT_FOUND:
            raise RefusalError(404, f"it is not at the store ({detail})")
        if 300 <= answer.status < 400:
            raise RefusalError(502, f"the store answers with a redirect, which is never followed ({detail})")
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise RefusalError(502, f"the store refuses the office's key ({detail}): may it read there, and list?")
        raise RefusalError(502, f"the store does not give it ({detail})")

    def give_up(self) -> None:
        """End whatever waits for the store. Any thread."""
        self.is_late = True
        sock = None if self._connection is None else self._connection.sock
        if sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not that of TLS, which says goodbye first

    def end(self) -> None:
        """Read nothing more."""
        if self._watch is not None:
            self._watch.cancel()
        self.close()

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()

    def _connected(self) -> HTTPConnection:
        if self._connection is None or self._connection.sock is None:
            parts = urlsplit(self._url)
            host, port = parts.hostname or "", parts.port or (80 if self._tls is None else 443)
            self._connection = HTTPConnection(host, port)
            self._connection.auto_open = False
            sock = socket.create_connection((host, port), timeout=_CONNECT_S)
            if self._tls is not None:
                # The handshake comes after the watch knows the socket: a store may drip.
                sock = self._tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
            self._connection.sock = sock
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            sock.settimeout(None)
        if self.is_late:
            raise TimeoutError
        return self._connection


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    if isinstance(error, OSError):
        return (error.strerror or str(error) or type(error).__name__).lower()
    return f"its answer is none ({type(error).__name__})"
