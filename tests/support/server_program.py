"""A server of GStreamer's on a free loopback port: a program for Debian's Python, which has the bindings."""

import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from tests.support.wait import wait_for

DEBIAN_PYTHON = "/usr/bin/python3"


class ServerProgram:
    """Runs until `kill`. It says lines of a word and its rest, `port NUMBER` first; `hear` gets the others, on a
    thread of its own."""

    def __init__(self, program: Path, *arguments: object, hear: Callable[[str, str], None]) -> None:
        ports: queue.Queue[int] = queue.Queue()
        self.process = process = subprocess.Popen(
            [DEBIAN_PYTHON, str(program), *map(str, arguments)],
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
                else:
                    hear(word, rest)

        self._reader = threading.Thread(target=read, name=f"{program.stem}-output")
        self._reader.start()
        wait_for(lambda: not ports.empty(), what=f"{program.stem} (make setup-dev installs what it needs)")
        self.port = ports.get()

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
