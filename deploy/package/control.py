"""The files that tell dpkg about the package."""

import hashlib
import shutil
from pathlib import Path

from deploy.package.target import Target

SCRIPTS = ("postinst", "prerm", "postrm")
# Wheels bring every other library that they need.
LIBRARIES = ("libc6 (>= 2.36)", "libgcc-s1", "libstdc++6", "zlib1g")
_DEPENDS = ("python3 (>= 3.11)", "python3 (<< 3.12)", *LIBRARIES, "systemd (>= 252)")
_CONTROL = """\
Package: edge-agent
Version: {version}
Architecture: {arch}
Maintainer: edge-agent maintainers <maintainers@edge-agent.example>
Installed-Size: {size_kib}
Depends: {depends}
Recommends: ca-certificates, systemd-timesyncd | time-daemon
{suggests}Section: net
Priority: optional
Description: panic buttons and person detection for street kiosks
 The agent of a street panic kiosk or a CCTV camera: it watches buttons, drives
 lamps, sends alarms over MQTT until somebody has registered them, and, with a
 camera, detects people on the device itself.
 .
 It brings its own Python environment in /opt/edge-agent and a person model, and
 needs no network to install. The service starts when the device is configured.
"""


def build(target: Target, root: Path, version: str, scripts: Path) -> None:
    """Write `root`/DEBIAN for the tree that `root` holds."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    directory = root / "DEBIAN"
    directory.mkdir()
    suggests = f"Suggests: {', '.join(target.suggests)}\n" if target.suggests else ""
    control = _CONTROL.format(
        version=version,
        arch=target.arch,
        size_kib=sum(-(-path.stat().st_size // 1024) for path in files),
        depends=", ".join((*_DEPENDS, *target.depends)),
        suggests=suggests,
    )
    (directory / "control").write_text(control)
    digests = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in files]  # noqa: S324 - dpkg's format, against a bad card and not against people
    (directory / "md5sums").write_text("".join(digests))
    for name in SCRIPTS:
        shutil.copyfile(scripts / name, directory / name)
