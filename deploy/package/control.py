"""The files that tell dpkg about the package."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from deploy.package.target import RELEASES, Release, Target

SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
_SUGGESTS = ("python3-av", "tpm2-openssl")
"""A key may be kept by a TPM, which few boards have; its provider would bring a dozen packages."""
_RECOMMENDS = ("ca-certificates", "systemd-timesyncd | time-daemon")
_CONTROL = """\
Package: edge-agent
Version: {version}
Architecture: {arch}
Maintainer: edge-agent maintainers <maintainers@edge-agent.example>
Installed-Size: {size_kib}
Depends: {depends}
Recommends: {recommends}
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


def libraries(release: Release) -> tuple[str, ...]:
    """Wheels bring every other library that they need."""
    return (f"libc6 (>= 2.{release.glibc_minor})", "libgcc-s1", "libstdc++6", "zlib1g")


def python(release: Release) -> Iterator[str]:
    """The Python that byte code is for. The alternatives name no packages: apt prints them to whoever has taken the
    file for another Debian."""
    major, minor = map(int, release.python.split("."))
    say = f"this-file-is-for-debian-{release.number}-take-the-one-with-deb"
    others = [each.number for each in RELEASES if each != release]
    older = "".join(f" | {say}{number}" for number in others if number < release.number)
    newer = "".join(f" | {say}{number}" for number in others if number > release.number)
    yield f"python3 (>= {major}.{minor}){older}"
    yield f"python3 (<< {major}.{minor + 1}){newer}"


def build(target: Target, root: Path, version: str, scripts: Path) -> None:
    """Write `root`/DEBIAN for the tree that `root` holds."""
    suggests = f"Suggests: {', '.join((*_SUGGESTS, *target.suggests))}\n"
    template = _CONTROL.format(
        version=f"{version}{target.release.suffix}",
        arch=target.arch,
        size_kib="{size_kib}",
        depends=", ".join(
            (*python(target.release), *libraries(target.release), "openssl", "systemd (>= 252)", *target.depends)
        ),
        recommends=", ".join((*_RECOMMENDS, *target.recommends)),
        suggests=suggests,
    )
    write(root, template)
    for name in SCRIPTS:
        script = (scripts / name).read_text()
        (root / "DEBIAN" / name).write_text(script.replace("@DEBIAN@", str(target.release.number)))


def write(root: Path, template: str) -> None:
    """Write `root`/DEBIAN/control from its text, in which `{size_kib}` is still open, and the sums of all files."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    directory = root / "DEBIAN"
    directory.mkdir()
    size_kib = sum(-(-path.stat().st_size // 1024) for path in files)
    (directory / "control").write_text(template.format(size_kib=size_kib))
    digests = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in files]  # noqa: S324 - dpkg's format, against a bad card and not against people
    (directory / "md5sums").write_text("".join(digests))
