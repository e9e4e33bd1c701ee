"""The .deb itself: the same bytes for the same tree."""

import os
import re
import subprocess
from email.utils import parsedate_to_datetime
from pathlib import Path

from deploy.package.control import SCRIPTS

_PROGRAMS = {*SCRIPTS, "edge-agent", "edge-centre", "login.sh"}
_OF_PROGRAMS = {"bin", "DEBIAN", "edge-agent-control-room"}
COMPRESSIONS = ("zstd", "xz", "gzip", "none")
"""The first one unless another is asked for."""
_LEVEL = {"zstd": ["-z12"]}
"""A tenth of the processor time that xz takes, for a package that is larger by a quarter; above it, xz is better."""


def time_s(changelog: Path) -> int:
    """SOURCE_DATE_EPOCH, or when the newest entry of the changelog was made: a copy of the tree may have no git."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    newest = re.search(r"^ -- .*>  (.+)$", changelog.read_text(), re.MULTILINE)
    if newest is None:
        raise SystemExit(f"edge-agent: {changelog} has no line with a name and a date")
    return int(parsedate_to_datetime(newest[1]).timestamp())


def build(root: Path, deb: Path, time_s: int, compression: str) -> None:
    """Pack `root` into `deb`; modes and times don't depend on who builds it, and when."""
    for path in sorted(root.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or (path.name in _PROGRAMS and path.parent.name in _OF_PROGRAMS)
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (time_s, time_s), follow_symlinks=False)
    root.chmod(0o755)
    os.utime(root, (time_s, time_s))
    deb.parent.mkdir(parents=True, exist_ok=True)
    command = [
        "dpkg-deb",
        "--root-owner-group",
        f"-Z{compression}",
        *_LEVEL.get(compression, []),
        "--build",
        str(root),
        str(deb),
    ]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(time_s)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
