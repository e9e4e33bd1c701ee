"""A network camera on loopback: pictures over HTTP until it is told to fall silent or to hang up."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np

_BOUNDARY = "frame"


class MjpegServer:
    """Streams one grey picture 50 times a second. Use it as a context manager."""

    def __init__(self) -> None:
        self.silent = threading.Event()
        self.hang_up = threading.Event()
        self._end = threading.Event()
        server = self
        good, picture = cv2.imencode(".jpg", np.full((48, 64, 3), 99, np.uint8))
        assert good
        head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
        part = head.encode() + picture.tobytes() + b"\r\n"

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", f"multipart/x-mixed-replace;boundary={_BOUNDARY}")
                self.end_headers()
                try:
                    while not server._end.wait(0.02) and not server.hang_up.is_set():
                        if not server.silent.is_set():
                            self.wfile.write(part)
                except OSError:
                    return

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="mjpeg-server")

    @property
    def port(self) -> int:
        return self._server.server_port

    def __enter__(self) -> "MjpegServer":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
