"""`make contract`: writes what docs/ holds of the contract, and the AsyncAPI document into build/contract.

docs/contract/ has the digest of that document, which is a part of a release, and the snapshot that the next one is
compared with. It renews nothing over a change that would break somebody. Whoever means to break them, as is still
allowed before the first release, removes the snapshot, which a reviewer sees.
"""

import hashlib
import json
import sys
from pathlib import Path

from deploy.contract.changes import Document, breaking
from deploy.contract.snapshot import snapshot, text
from deploy.contract.tables import renewed
from deploy.wiring.pages import ROOT
from edge_centre.schema.asyncapi import document
from edge_centre.schema.files import as_json

DOCS = ROOT.parent / "docs"
PAGE = DOCS / "contract.md"
RELEASED = DOCS / "contract" / "released.json"
DIGEST = DOCS / "contract" / "asyncapi.json.sha256"
DOCUMENT = ROOT.parent / "build" / "contract" / "asyncapi.json"


def digest(now: Document) -> str:
    """Return the digest of a document's file, as `sha256sum --check` takes it."""
    return f"{hashlib.sha256(as_json(now).encode()).hexdigest()}  asyncapi.json\n"


def write(directory: Path) -> Path:
    """Write the document of a release into a directory, with its digest beside it; return its path."""
    now, path = document(), directory / "asyncapi.json"
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(as_json(now), encoding="utf-8")
    path.with_name(DIGEST.name).write_text(digest(now), encoding="utf-8")
    return path


def main() -> int:
    """Write what has changed; 1 when the change is no addition."""
    now = document()
    if RELEASED.exists() and (broken := breaking(json.loads(RELEASED.read_text(encoding="utf-8")), now)):
        sys.stdout.writelines(f"{line}\n" for line in broken)
        sys.stdout.write(
            f"Not renewed: only additions break nobody. To break them, remove docs/contract/{RELEASED.name}.\n"
        )
        return 1
    write(DOCUMENT.parent)
    RELEASED.parent.mkdir(exist_ok=True)
    renewals = (
        (RELEASED, text(snapshot(now))),
        (DIGEST, digest(now)),
        (PAGE, renewed(PAGE.read_text(encoding="utf-8"))),
    )
    for path, content in renewals:
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
            sys.stdout.write(f"wrote {path.relative_to(ROOT.parent)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
