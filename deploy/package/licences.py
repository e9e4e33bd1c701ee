"""The copyright file of the package, which is also the file of licences beside it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.package.parts import PAGE, Part

_HEAD = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: edge-agent
Comment:
 The licence of each library is the text that came with it. Names and hashes of the
 libraries are in the list of parts (CycloneDX) that is published with the package.

Files: *
Copyright: the edge-agent authors
License: Apache-2.0

{model}License: Apache-2.0
 On Debian systems the full text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.
"""
_MODEL = """\
Files: usr/share/edge-agent/models/*
Copyright: Google LLC (MoveNet MultiPose), converted by the edge-agent authors
License: {licence}

"""


def text(parts: Sequence[Part], site_packages: Path, model_licence: str | None = None) -> str:
    """In Debian's form (DEP 5); an office has no model."""
    page = [part for part in parts if part.registry == "npm"]
    stanzas = [_stanza(f"{site_packages}/{PAGE}/page.js", page)] if page else []
    for part in parts:
        if part not in page:
            module = re.sub(r"[-.]", "?", part.name)
            stanzas.append(_stanza(f"{site_packages}/{module}*", [part]))
    return "\n".join(
        (
            _HEAD.format(model=_MODEL.format(licence=model_licence) if model_licence else ""),
            *("\n".join(each) + "\n" for each in stanzas),
        )
    )


def _stanza(files: str, parts: Sequence[Part]) -> Iterator[str]:
    yield f"Files: {files}"
    holders: dict[str, None] = {}
    for part in parts:
        lines = (line.strip() for _, content in part.texts[:2] for line in content.splitlines())
        found = [line for line in lines if re.match(r"Copyright\b.*\d{4}", line)]
        holders |= dict.fromkeys(found or [f"the authors of {part.name}"])
    yield "Copyright: " + "\n ".join([*holders][:20])
    licences = " and ".join(dict.fromkeys(part.licence for part in parts))
    yield f"License: {licences.replace(' OR ', ' or ').replace(' AND ', ' and ')}"
    for number, part in enumerate(parts):
        yield from ([" ."] if number else [])
        yield f" {part.name} {part.version}, {part.homepage}"
        for name, content in part.texts:
            yield from (" .", f" --- {name}", " .")
            for line in content.splitlines():
                yield f" {line.rstrip()}" if line.strip() else " ."
