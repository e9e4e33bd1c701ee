"""The subscriber of tests/contract/node, which knows nothing but the AsyncAPI document, as a process beside a test."""

import json
import subprocess
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from edge_centre.schema.files import files
from tests.support.wait import wait_for

_NODE = Path(__file__).parents[1] / "contract" / "node"


def node(program: str, *arguments: object) -> list[str]:
    """The command that runs one of the programs in tests/contract/node."""
    assert (_NODE / "node_modules" / ".ready").exists(), "what checks the contract is not installed: make node-tools"
    return ["node", str(_NODE / program), *map(str, arguments)]


def written(directory: Path) -> Path:
    """The directory with all that `edge-centre schema` writes."""
    for name, text in files().items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


class AsyncApiSubscriber(AbstractContextManager["AsyncApiSubscriber"]):
    """Enter to start it; it listens when that returns."""

    def __init__(self, directory: Path, broker: str) -> None:
        self._command = node("subscriber.mjs", written(directory) / "asyncapi.json", broker)
        self._lines: list[dict[str, Any]] = []
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> "AsyncApiSubscriber":
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader.start()
        try:
            wait_for(lambda: self._lines, what="a subscriber that listens")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def types(self) -> set[str]:
        """Every type of the document."""
        return set(self._lines[0]["types"]) | {"snapshot"}

    @property
    def seen(self) -> set[str]:
        """The types of which there was a valid message."""
        return {line["seen"] for line in list(self._lines) if "seen" in line}

    @property
    def refused(self) -> list[dict[str, Any]]:
        """What is not as the document says."""
        return [line for line in list(self._lines) if "refused" in line]

    @property
    def unknown(self) -> set[str]:
        """Types and topics that the document does not have."""
        return {line["unknown"] for line in list(self._lines) if "unknown" in line}

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(json.loads(line))

    def _end(self) -> None:
        process = self._process
        if process is not None:
            process.kill()
            process.wait(10)
            self._reader.join(10)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
