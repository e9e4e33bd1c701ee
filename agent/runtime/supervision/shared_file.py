"""Files that a group may read besides the agent."""

import os
import shutil
from contextlib import suppress
from pathlib import Path


def replace_shared(file: Path, content: bytes, group: str) -> None:
    """Replace a file in memory that a group may read. Raises OSError."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
    share(new, group)
    new.replace(file)


def share(path: Path, group: str) -> None:
    """Let a group read a file of ours, and write to it if it is a socket. Where there is no such group, or the agent is
    not in it, the file stays the agent's alone. Raises OSError."""
    with suppress(LookupError, PermissionError):
        shutil.chown(path, group=group)
        path.chmod(0o660 if path.is_socket() else 0o640)
