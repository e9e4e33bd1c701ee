"""The libraries that a package holds: what they are, under what terms, and what is inside them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Literal

from deploy.package.target import Target

PAGE = Path("agent/service_page/static")
"""Where the service page lies in a checkout, and below `site_packages`."""
_OWN = ("edge-agent", "edge-agent-common", "edge-centre")
_TEXTS = ("LICEN", "COPYING", "NOTICE", "AUTHORS", "edl-", "epl-")
_FROM_CLASSIFIER = {"MIT License": "MIT", "Apache Software License": "Apache-2.0", "BSD License": "BSD-3-Clause"}
# What their authors write, in the words of SPDX.
_AS_SPDX = {"Apache 2.0": "Apache-2.0", "unlicense.org": "Unlicense"}


@dataclass(frozen=True, slots=True)
class Part:
    """One wheel in the package, or one library in the scripts of its service page."""

    name: str
    version: str
    licence: str
    """An SPDX expression."""
    sha256: str
    """Of the wheel; empty for a library of the page."""
    homepage: str
    texts: tuple[tuple[str, str], ...]
    """Name and content of each licence file."""
    bundled: tuple[tuple[str, str], ...]
    """Name and version of each shared library of others in it."""
    registry: Literal["pypi", "npm"] = "pypi"


def read_page(site_packages: Path) -> list[Part]:
    """Every library in the service page's scripts, as the page's build has listed them."""
    file = site_packages / PAGE / "libraries.json"
    if not file.exists():
        raise LookupError("the service page, which belongs in the package, is not built: make service-page")
    listed = json.loads(file.read_text(encoding="utf-8"))
    return [
        Part(
            name=each["name"],
            version=each["version"],
            licence=each["licence"],
            sha256="",
            homepage=re.sub(r"^(git\+)?(https://.*?)(\.git)?$", r"\2", each["homepage"]),
            texts=tuple((name, content) for name, content in each["texts"]),
            bundled=(),
            registry="npm",
        )
        for each in listed
    ]


def read(target: Target, site_packages: Path) -> list[Part]:
    """Every part below `site_packages`, by name."""
    locked = dict(re.findall(r"^(\S+)==\S+ --hash=sha256:(\S+)$", target.lock.read_text(), re.MULTILINE))
    found = [each for each in distributions(path=[str(site_packages)]) if each.name not in _OWN]
    parts = [_part(each, locked, site_packages) for each in found]
    return sorted(parts, key=lambda part: part.name.lower())


def _part(found: Distribution, locked: dict[str, str], site_packages: Path) -> Part:
    metadata = found.metadata
    stated = [*metadata.get_all("Home-page", []), *metadata.get_all("Project-URL", [])]
    links = [link.rpartition(", ")[2] for link in stated if "https://" in link]
    return Part(
        name=found.name,
        version=found.version,
        licence=_licence(found),
        sha256=locked[re.sub(r"[-_.]+", "-", found.name).lower()],
        homepage=[*links, f"https://pypi.org/project/{found.name}/"][0],
        texts=tuple(_texts(found)),
        bundled=tuple(_bundled(site_packages / f"{found.name.replace('-', '_')}.libs")),
    )


def _licence(found: Distribution) -> str:
    """Raises LookupError for a library that doesn't say it: then it must be read, and written down here."""
    metadata = found.metadata
    for stated in metadata.get_all("License-Expression", []) + metadata.get_all("License", []):
        if "\n" not in stated:  # numpy gives the whole text
            return _AS_SPDX.get(stated, str(stated))
    for classifier in metadata.get_all("Classifier", []):
        if licence := _FROM_CLASSIFIER.get(classifier.rpartition(" :: ")[2]):
            return licence
    raise LookupError(f"{found.name} {found.version} doesn't say under what licence it is")


def _texts(found: Distribution) -> Iterator[tuple[str, str]]:
    for file in sorted(found.files or [], key=str):
        if ".dist-info" in file.parts[0] and file.name.startswith(_TEXTS):
            yield file.name, Path(str(file.locate())).read_text(encoding="utf-8", errors="replace")


def _bundled(directory: Path) -> Iterator[tuple[str, str]]:
    """From names such as libavcodec-2e98a126.so.59.37.100, as auditwheel writes them."""
    for path in sorted(directory.glob("*.so*")):
        name, _, version = path.name.partition(".so")
        yield re.sub(r"-[0-9a-f]{8}(?=$|\.)", "", name), version.lstrip(".")
