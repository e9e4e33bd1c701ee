"""A real RTSP server on a free loopback port, that a test can freeze, kill and start again."""

import queue
import signal
import subprocess
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from tests.support.wait import wait_for

DEBIAN_PYTHON = "/usr/bin/python3"
_PROGRAM = Path(__file__).with_name("rtsp_server_program.py")
SIZE = (320, 240)
H264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay"


class RtspServer(AbstractContextManager["RtspServer"]):
    """`/yard` has pictures and a microphone; every other path is refused. The port survives `start`."""

    def __init__(self, frames_per_second: int = 20, encode: str = H264, size: tuple[int, int] = SIZE) -> None:
        self.port = 0
        self.set_up: list[str] = []
        """The streams that clients have set up, oldest first."""
        self.sizes: list[tuple[int, int]] = []
        """What was sent: a new size at its first picture."""
        self._arguments = (frames_per_second, encode, *size)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def url(self, path: str = "yard", user: str = "") -> str:
        """The address of a stream; `user` is for example `name:password`."""
        return f"rtsp://{user + '@' if user else ''}127.0.0.1:{self.port}/{path}"

    def start(self) -> None:
        """Serve, on the same port as before."""
        ports: queue.Queue[int] = queue.Queue()
        self._process = process = subprocess.Popen(
            [DEBIAN_PYTHON, str(_PROGRAM), str(self.port), *map(str, self._arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                word, _, rest = line.strip().partition(" ")
                if word == "port":
                    ports.put(int(rest))
                elif word == "setup":
                    self.set_up.append(rest)
                elif word == "size":
                    width, height = map(int, rest.split())
                    self.sizes.append((width, height))

        self._reader = threading.Thread(target=read, name="rtsp-server-output")
        self._reader.start()
        wait_for(lambda: not ports.empty(), 30, "the RTSP server (make setup-dev installs its packages)")
        self.port = ports.get()

    def kill(self) -> None:
        """End it as a power cut does."""
        process, self._process = self._process, None
        if process is None or self._reader is None:
            return
        process.kill()
        process.wait()
        self._reader.join()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def freeze(self) -> None:
        """Answer nothing any more, while connections stay open."""
        self._running.send_signal(signal.SIGSTOP)

    def resize(self, width: int, height: int) -> None:
        """Change the size of the running pictures."""
        assert self._running.stdin is not None
        self._running.stdin.write(f"{width} {height}\n")
        self._running.stdin.flush()

    @property
    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "the RTSP server does not run"
        return self._process

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
