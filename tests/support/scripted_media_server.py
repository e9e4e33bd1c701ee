"""A media server over TLS that says and does what a test wants, and remembers what it was asked."""

import re
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Self

from tests.support.certificates import LOOPBACK, Authority

GOOD = {
    "SETUP": "RTSP/1.0 200 OK\r\nSession: 7;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
}
OK = "RTSP/1.0 200 OK\r\n"


class ScriptedMediaServer(AbstractContextManager["ScriptedMediaServer"]):
    """Answers each method by `answers`: headers, `cut` (ends the connection) or `silence`."""

    def __init__(
        self, directory: Path, answers: Mapping[str, str] | None = None, hosts: tuple[str, ...] = LOOPBACK
    ) -> None:
        self.authority = Authority(directory / "scripted-ca")
        files = self.authority.server(hosts)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(files.cert, files.key)
        self._answers = {**GOOD, **(answers or {})}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self.asked: list[str] = []
        """Each request as it came, without its body."""
        self.packets: list[bytes] = []
        """What came interleaved, without its frame, in its order."""
        self.url = f"rtsps://127.0.0.1:{self._listener.getsockname()[1]}/a/front"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve, name="scripted-media-server")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    @property
    def methods(self) -> list[str]:
        return [request.split(" ")[0] for request in self.asked]

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                with plain, suppress(OSError):
                    plain.settimeout(30)
                    self._talk(plain)

    def _talk(self, plain: socket.socket) -> None:
        if "HELLO" in self._answers:  # it accepts, and never speaks TLS
            self._ended.wait(30)
            return
        with self._context.wrap_socket(plain, server_side=True) as connection, connection.makefile("rb") as stream:
            while first := stream.read(1):
                if first == b"$":
                    _, high, low = stream.read(3)
                    self.packets.append(stream.read(high << 8 | low))
                    continue
                head = first
                while not head.endswith(b"\r\n\r\n"):
                    head += stream.readline()
                length = re.search(rb"(?i)content-length: (\d+)", head)
                stream.read(int(length[1]) if length else 0)
                self.asked.append(head.decode())
                answer = self._answers.get(self.methods[-1], OK)
                if answer == "cut":
                    return
                if answer == "silence":
                    self._ended.wait(30)
                    return
                number = re.search(r"(?i)cseq: (\d+)", head.decode())
                connection.sendall(f"{answer}CSeq: {number[1] if number else 0}\r\n\r\n".encode())
