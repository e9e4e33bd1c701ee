"""`edge-centre schema`: the contract for programs and their authors."""

import argparse
from pathlib import Path

from agent.contract.errors import EdgeAgentError

_EXAMPLE = """\
Example:
  edge-centre schema --out contract
  xdg-open contract/index.html
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "schema",
        help="write the contract as AsyncAPI, JSON Schema, TypeScript and a page",
        description="Write what a device says and hears on MQTT into DIR: asyncapi.json (AsyncAPI 3.0.0),"
        " schemas/*.json (JSON Schema 2020-12, one for each message, command and document), contract.d.ts (TypeScript)"
        " and index.html, a page to read.",
        epilog=_EXAMPLE,
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="created if it does not exist")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the files; return 0 when all are written."""
    from edge_centre.schema.files import files  # noqa: PLC0415 - `--help` needs none of it

    try:
        for name, text in files().items():
            path = args.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path)
    except OSError as error:
        raise EdgeAgentError(f"{args.out}: {(error.strerror or str(error)).lower()}") from error
    return 0
