"""A real media server on a free loopback port that takes streams over RTSPS."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from tests.support.certificates import LOOPBACK, Authority
from tests.support.server_program import ServerProgram
from tests.support.wait import wait_for

_PROGRAM = Path(__file__).with_name("media_server_program.py")


class MediaServer(AbstractContextManager["MediaServer"]):
    """Writes what is pushed as H.264 with start codes, a file for each stream."""

    def __init__(self, directory: Path, login: str = "", hosts: tuple[str, ...] = LOOPBACK) -> None:
        """`login` is NAME:PASSWORD; without one anybody may push. `hosts` are the names in its certificate."""
        directory.mkdir(parents=True)
        self.authority = Authority(directory / "ca")
        files = self.authority.server(hosts)
        self._pem = directory / "server.pem"
        self._pem.write_text(files.key.read_text() + files.cert.read_text())
        self._directory, self._login = directory, login
        self.port = 0
        self.files: list[Path] = []
        """What was pushed, oldest first."""
        self.closed = 0
        """How many connections have ended."""

    @property
    def place(self) -> str:
        """Its host, as the record has it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address for the settings."""
        return f"rtsps://{self.place}/{{device}}/{{camera}}"

    def settings(self, **more: str) -> dict[str, str]:
        """The section `live` of a device that may push here."""
        return {"stream": self.url, "ca_file": str(self.authority.ca), **more}

    def wait_for_stream(self, number: int = 1, timeout_s: float = 30) -> Path:
        """The file of this stream, when something is in it."""
        wait_for(lambda: len(self.files) >= number, timeout_s, "a stream at the media server")
        file = self.files[number - 1]
        wait_for(lambda: file.exists() and file.stat().st_size > 0, timeout_s, "a picture at the media server")
        return file

    def __enter__(self) -> Self:
        self._program = ServerProgram(_PROGRAM, 0, self._pem, self._directory, self._login, hear=self._hear)
        self.port = self._program.port
        return self

    def __exit__(self, *_: object) -> None:
        self._program.kill()

    def _hear(self, word: str, rest: str) -> None:
        if word == "record":
            self.files.append(Path(rest))
        elif word == "closed":
            self.closed += 1
