"""A recorder as a process whose clips are plain files that are synced: `FD DIRECTORY`."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.evidence.fragment import Fragment
from agent.recorder.app import run


class FileClips:
    """Clips as files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = -1

    def begin(self, clip: str, why: Mapping[str, Any], fragments: Sequence[Fragment]) -> "FileClips":
        self._file = os.open(self._directory / f"{clip}.mp4", os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(self._file, b"".join(each.data for each in fragments))
        os.fsync(self._file)
        return self

    def append(self, fragment: Fragment) -> None:
        os.write(self._file, fragment.data)
        os.fsync(self._file)

    def join(self, why: Mapping[str, Any]) -> None:
        pass

    def end(self, clip: str, why: str) -> None:
        os.close(self._file)

    def recover(self) -> None:
        pass

    def sweep(self) -> None:
        pass


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        run(connection, lambda _: FileClips(Path(sys.argv[2])))
