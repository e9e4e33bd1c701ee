"""`make contract`: renews docs/contract/asyncapi.json, and the tables of docs/contract.md.

It refuses to renew the first over a change that would break somebody. Whoever means to break them, as is still allowed
before the first release, removes the file, which a reviewer sees.
"""

import json
import sys

from deploy.contract.changes import breaking
from deploy.contract.tables import renewed
from deploy.wiring.pages import ROOT
from edge_centre.schema.asyncapi import document
from edge_centre.schema.files import as_json

DOCS = ROOT.parent / "docs"
PAGE = DOCS / "contract.md"
RELEASED = DOCS / "contract" / "asyncapi.json"


def main() -> int:
    """Write what has changed; 1 when the change is no addition."""
    now = document()
    if RELEASED.exists() and (broken := breaking(json.loads(RELEASED.read_text(encoding="utf-8")), now)):
        sys.stdout.writelines(f"{line}\n" for line in broken)
        sys.stdout.write(
            f"Not renewed: only additions break nobody. To break them, remove docs/contract/{RELEASED.name}.\n"
        )
        return 1
    RELEASED.parent.mkdir(exist_ok=True)
    for path, text in ((RELEASED, as_json(now)), (PAGE, renewed(PAGE.read_text(encoding="utf-8")))):
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path.relative_to(ROOT.parent)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
