"""The same package under a higher version, as the next release would be: only what dpkg reads of it is packed anew."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_MAGIC = b"!<arch>\n"
_HEAD = 60
"""Bytes before each member of the archive: see ar(5)."""
_SUFFIX = "+next"


def newer(deb: Path, directory: Path) -> Path:
    """Write it to `directory`; returns its path. `deb` is not compressed."""
    name, version, arch = deb.stem.split("_")
    path = directory / f"{name}_{version}{_SUFFIX}_{arch}.deb"
    done = subprocess.run(["dpkg-deb", "--ctrl-tarfile", str(deb)], stdout=subprocess.PIPE, check=True)
    control = _with_version(done.stdout, version)
    with deb.open("rb") as old, path.open("wb") as new:
        assert old.read(len(_MAGIC)) == _MAGIC
        new.write(_MAGIC)
        for head, size in _members(old):
            is_control = head.startswith(b"control.tar ")
            content = control if is_control else old.read(size)
            if is_control:
                old.seek(size, io.SEEK_CUR)
            new.write(head[:48] + b"%-10d" % len(content) + head[58:] + content + b"\n" * (len(content) % 2))
            old.seek(size % 2, io.SEEK_CUR)
    return path


def _members(archive: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    while head := archive.read(_HEAD):
        yield head, int(head[48:58])


def _with_version(control: bytes, version: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(control)) as old, tarfile.open(fileobj=made, mode="w") as new:
        for member in old:
            file = old.extractfile(member)
            content = b"" if file is None else file.read()
            if member.name == "./control":
                content = content.replace(f"Version: {version}\n".encode(), f"Version: {version}{_SUFFIX}\n".encode())
                member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return made.getvalue()
