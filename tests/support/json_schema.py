"""What a JSON Schema refuses."""

from typing import Any


def refusals(schema: dict[str, Any], value: object) -> list[str]:
    """Return what is wrong with the value by JSON Schema 2020-12, each with its place; empty if nothing is."""
    # Here, as the import takes seconds: it compiles a grammar of URLs. Most workers of a run never need it.
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(value)]
