"""One HTTPS PUT of a file: in small pieces, with a limit for everything that a server may do, and no redirect."""

import fcntl
import hashlib
import re
import socket
import ssl
import sys
import termios
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from agent.core.delivery.upload_link import Done, Put

_CONNECT_S, _PROGRESS_S = 5.0, 10.0
_PIECE = 16 * 1024
_ANSWER = 4096
_LONGEST_WAIT_S = 300.0
_NOTSENT_LOWAT = 16 * 1024
_QUEUE_S = 0.05
"""An alarm may stand behind so many seconds of this upload, in a modem that sends one thing after the other."""
_LOOK_S = 0.005
_MIN_RTT = slice(148, 152)
"""Where `tcpi_min_rtt`, in microseconds, stands in Linux's `struct tcp_info`."""
_LOW_PRIORITY = 0x20
"""Class selector 1 of Differentiated Services: what gives way where a queue is kept by class."""
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
            connection = _connected(order)
            digest = hashlib.md5(usedforsecurity=False)
            begun_s = time.monotonic()
            try:
                _head(connection, order.url, size)
                while piece := file.read(_PIECE):
                    behind_s = begun_s + sent / order.bytes_s - time.monotonic() if order.bytes_s else 0.0
                    _wait_for_room(connection.sock, sent, begun_s)
                    pace.pause(max(0.0, behind_s))
                    pace.moves(order.number, sent)
                    connection.send(piece)
                    digest.update(piece)
                    sent += len(piece)
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


def _connected(order: Put) -> HTTPConnection:
    parts = urlsplit(order.url)
    host, port = parts.hostname or "", parts.port
    connection: HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=order.ca_file)
        connection = HTTPSConnection(host, port, timeout=_CONNECT_S, context=context)
    else:
        connection = HTTPConnection(host, port, timeout=_CONNECT_S)
    connection.connect()
    connection.sock.settimeout(_PROGRESS_S)
    # What waits in the kernel can't be held back, so little does.
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _NOTSENT_LOWAT)
    if connection.sock.family == socket.AF_INET:
        connection.sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _LOW_PRIORITY)
    return connection


def _head(connection: HTTPConnection, url: str, size: int) -> None:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.putrequest("PUT", target, skip_accept_encoding=True)
    connection.putheader("Content-Length", str(size))
    connection.putheader("Content-Type", "video/mp4")
    connection.endheaders()


def _wait_for_room(connection: socket.socket, sent: int, begun_s: float) -> None:
    """Wait until no more is under way than the line takes in a moment: what has left can't be called back when an alarm
    is to go first. Raises TimeoutError when the store takes nothing more."""
    least, since_s = sys.maxsize, time.monotonic()
    while True:
        waits = int.from_bytes(fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT.stop)
        rtt_s = int.from_bytes(info[_MIN_RTT], sys.byteorder) / 1e6
        now_s = time.monotonic()
        if waits <= max(_PIECE, (sent - waits) / max(now_s - begun_s, _QUEUE_S) * (rtt_s + _QUEUE_S)):
            return
        if waits < least:
            least, since_s = waits, now_s
        elif now_s - since_s > _PROGRESS_S:
            raise TimeoutError
        time.sleep(_LOOK_S)


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
