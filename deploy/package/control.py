"""The files that tell dpkg about the package."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from deploy.package.target import DIRECTORY, RELEASES, Release, Target
from deploy.package.tree import Product

SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
_CONTROL = """\
Package: {name}
Version: {version}
Architecture: {arch}
Maintainer: edge-agent maintainers <maintainers@edge-agent.example>
Installed-Size: {size_kib}
{relations}Section: net
Priority: optional
Description: {description}"""


def libraries(release: Release) -> tuple[str, ...]:
    """Wheels bring every other library that they need."""
    return (f"libc6 (>= 2.{release.glibc_minor})", "libgcc-s1", "libstdc++6", "zlib1g")


def _python(release: Release) -> Iterator[str]:
    """The Python that byte code is for. The alternatives name no packages: apt prints them to whoever has taken the
    file for another Debian."""
    major, minor = map(int, release.python.split("."))
    say = f"this-file-is-for-debian-{release.number}-take-the-one-with-deb"
    others = [each.number for each in RELEASES if each != release]
    older = "".join(f" | {say}{number}" for number in others if number < release.number)
    newer = "".join(f" | {say}{number}" for number in others if number > release.number)
    yield f"python3 (>= {major}.{minor}){older}"
    yield f"python3 (<< {major}.{minor + 1}){newer}"


def build(product: Product, target: Target, root: Path, version: str) -> None:
    """Write `root`/DEBIAN for the tree that `root` holds."""
    release = target.release
    write(
        root,
        product.program.name,
        f"{version}{release.suffix}",
        target.arch,
        product.description,
        Depends=(*_python(release), *libraries(release), *product.depends, *target.depends),
        Recommends=(*product.recommends, *target.recommends),
        Suggests=(*product.suggests, *target.suggests),
    )
    for name in SCRIPTS if product.of_a_device else ():
        script = (DIRECTORY / "debian" / name).read_text()
        (root / "DEBIAN" / name).write_text(script.replace("@DEBIAN@", str(release.number)))


def write(root: Path, name: str, version: str, arch: str, description: str, **relations: Iterable[str]) -> None:
    """Write `root`/DEBIAN/control and the sums of all files. `relations` are named as dpkg does: Depends."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    directory = root / "DEBIAN"
    directory.mkdir()
    told = _CONTROL.format(
        name=name,
        version=version,
        arch=arch,
        size_kib=sum(-(-path.stat().st_size // 1024) for path in files),
        relations="".join(f"{each}: {', '.join(packages)}\n" for each, packages in relations.items()),
        description=description,
    )
    (directory / "control").write_text(told)
    digests = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in files]  # noqa: S324 - dpkg's format, against a bad card and not against people
    (directory / "md5sums").write_text("".join(digests))
