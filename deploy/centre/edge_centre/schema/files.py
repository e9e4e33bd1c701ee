"""The files that others read."""

import json
from typing import Any

from edge_centre.schema.asyncapi import document, schemas
from edge_centre.schema.page import page
from edge_centre.schema.typescript import declarations


def files() -> dict[str, str]:
    """Return the text of each file, by its path."""
    found = {f"schemas/{name}.json": as_json(schema) for name, schema in schemas().items()}
    return {"asyncapi.json": as_json(document()), "contract.d.ts": declarations(), "index.html": page(), **found}


def as_json(value: Any) -> str:
    """Return JSON for people and for `diff`."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
