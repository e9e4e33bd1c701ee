"""What people read when something happens: the runbook, and what is practised beforehand."""

import os
from datetime import date
from pathlib import Path
from typing import get_args

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from edge_centre.authority import Kind
from edge_centre.kit.keys import KitError
from edge_centre.kit.province import Province
from edge_centre.kit.sources import ROOT
from edge_centre.kit.workshop import Workshop, filled


def make(shop: Workshop, province: Province) -> None:
    """Derive the runbook."""
    shop.fill(
        "runbook.md",
        "runbook.md.in",
        name=province.name,
        code=province.code,
        root=str(shop.root),
        docs=os.path.relpath(ROOT / "docs", shop.root),
        registrar=province.registrar.host,
        broker=province.brokers[0].host,
        officer=province.contact.information_officer,
        telephone=province.contact.telephone,
    )


def drill(root: Path, province: Province, check: str, today: date) -> Path:
    """Write the table to fill in for a drill of today. Raises KitError when there is one already."""
    path = root / "drills" / f"{today}.md"
    if path.exists():
        raise KitError(f"{path} is there already, and may be filled in")
    path.parent.mkdir(exist_ok=True)
    roots = [
        (kind, x509.load_pem_x509_certificate((root / f"pki/{kind}-root.pem").read_bytes())) for kind in get_args(Kind)
    ]
    prints = "\n".join(f"- {kind}: `{found.fingerprint(SHA256()).hex(':')}`" for kind, found in roots)
    values = {"name": province.name, "code": province.code, "date": f"{today:%d %B %Y}"}
    path.write_text(filled("drill.md.in", **values, check=check, fingerprints=prints), encoding="utf-8")
    return path
