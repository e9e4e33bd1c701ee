"""A real RTSP server on a free loopback port, that a test can freeze, kill and start again."""

import signal
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from tests.support.server_program import ServerProgram

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
        self._program: ServerProgram | None = None

    def url(self, path: str = "yard", user: str = "") -> str:
        """The address of a stream; `user` is for example `name:password`."""
        return f"rtsp://{user + '@' if user else ''}127.0.0.1:{self.port}/{path}"

    def start(self) -> None:
        """Serve, on the same port as before."""
        self._program = ServerProgram(_PROGRAM, self.port, *self._arguments, hear=self._hear)
        self.port = self._program.port

    def kill(self) -> None:
        """End it as a power cut does."""
        program, self._program = self._program, None
        if program is not None:
            program.kill()

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
        assert self._program is not None, "the RTSP server does not run"
        return self._program.process

    def _hear(self, word: str, rest: str) -> None:
        if word == "setup":
            self.set_up.append(rest)
        elif word == "size":
            width, height = map(int, rest.split())
            self.sizes.append((width, height))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
