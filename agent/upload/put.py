"""One HTTPS PUT of a file: in small pieces, with a limit for everything that a server may do, and no redirect."""

import hashlib
import re
import ssl
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from agent.adapters.paced_socket import LOOK_S, PIECE, STALL_S, Room, give_way_on
from agent.core.delivery.upload_link import Done, Put

CONNECT_S = 5.0
_ANSWER = 4096
_LONGEST_WAIT_S = 300.0
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_MD5 = re.compile(r'"?([0-9a-f]{32})"?', re.IGNORECASE)


class Paced(Protocol):
    """Whoever says when something may leave."""

    def pause(self, seconds: float) -> None:
        """Return when the next piece may leave, `seconds` from now or later. Raises when nothing may any more."""
        ...

    def moves(self, number: int, sent: int) -> None:
        """Note that so many bytes have left, and that more is about to."""
        ...


def put(order: Put, pace: Paced) -> Done:
    """Put a file to a URL, and return how that has ended. Raises what `pace` raises."""
    sent = 0
    connection = None
    try:
        with Path(order.file).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            pace.pause(0)
            connection = _connected(order.url, order.ca_file)
            digest = hashlib.md5(usedforsecurity=False)
            begun_s, room = time.monotonic(), Room(connection.sock)
            try:
                _head(connection, order.url, size)
                while piece := file.read(PIECE):
                    behind_s = begun_s + sent / order.bytes_s - time.monotonic() if order.bytes_s else 0.0
                    while not room.is_free():
                        time.sleep(LOOK_S)
                    pace.pause(max(0.0, behind_s))
                    pace.moves(order.number, sent)
                    connection.send(piece)
                    digest.update(piece)
                    sent = room.sent = sent + len(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it has refused before it has read all, and may have said why
            done = _answered(order, connection.getresponse(), digest.hexdigest(), sent)
            if sent < size and 200 <= done.status < 300:  # whoever said so, the recording is not there
                return Done(order.number, 0, sent, f"{done.detail} before all was sent")
            return done
    except (OSError, HTTPException, ValueError) as error:
        return Done(order.number, 0, sent, _said(error))
    finally:
        if connection is not None:
            connection.close()


def why_unreachable(url: str, ca_file: str | None) -> str:
    """Connect as a PUT would, and send nothing; return why that fails, empty if it does not. Only the name server may
    take longer than a few `CONNECT_S`."""
    try:
        _connected(url, ca_file).close()
    except (OSError, ValueError) as error:
        return _said(error)
    return ""


def _connected(url: str, ca_file: str | None) -> HTTPConnection:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        connection = HTTPSConnection(host, port, timeout=CONNECT_S, context=context)
    else:
        connection = HTTPConnection(host, port, timeout=CONNECT_S)
    connection.connect()
    connection.sock.settimeout(STALL_S)
    give_way_on(connection.sock)
    return connection


def _head(connection: HTTPConnection, url: str, size: int) -> None:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.putrequest("PUT", target, skip_accept_encoding=True)
    connection.putheader("Content-Length", str(size))
    connection.putheader("Content-Type", "video/mp4")
    # Whoever has signed the URL wants nothing to be overwritten, and the store must be told so; another store need not
    # know this header.
    if "if-none-match" in parse_qs(parts.query).get("X-Amz-SignedHeaders", [""])[0].split(";"):
        connection.putheader("If-None-Match", "*")
    connection.endheaders()


def _answered(order: Put, response: HTTPResponse, digest: str, sent: int) -> Done:
    body = response.read(_ANSWER) if response.status >= 300 else b""
    found = _CODE.search(body)
    code = found[1].decode() if found else ""
    detail = f"HTTP {response.status} {code}".rstrip()
    if 300 <= response.status < 400:
        detail += ": a redirect, which is never followed"
    return Done(order.number, response.status, sent, detail, _retry_after(response), _is_ours(response, digest), code)


def _is_ours(response: HTTPResponse, digest: str) -> bool:
    """Whether a store that gives the object's MD5 gives ours. One that encrypts by keys of its own gives another."""
    tag = _MD5.fullmatch(response.getheader("ETag", ""))
    own_keys = response.getheader("x-amz-server-side-encryption", "").startswith("aws:")
    customer = response.getheader("x-amz-server-side-encryption-customer-algorithm") is not None
    return tag is None or own_keys or customer or tag[1].lower() == digest


def _retry_after(response: HTTPResponse) -> float | None:
    text = response.getheader("Retry-After", "")
    return min(float(text), _LONGEST_WAIT_S) if text.isdecimal() else None


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the store does not answer, or takes nothing more"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the store's certificate does not hold: {error.verify_message}"
    if isinstance(error, OSError):
        return (error.strerror or str(error) or type(error).__name__).lower()
    return f"the store's answer is none ({type(error).__name__})"
