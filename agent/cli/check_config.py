"""`edge-agent check-config`: is this settings file right, and what does it mean?"""

import argparse
import json
from pathlib import Path

from agent.settings import load

_EXAMPLE = """\
Example:
  edge-agent check-config /etc/edge-agent/edge-agent.toml
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "check-config",
        help="check a settings file and print what it means",
        description="Check a settings file, and print the effective settings as JSON with secrets masked. "
        "Tells every mistake at once and exits with 2 when there is one.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="settings file (TOML)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check and print."""
    print(json.dumps(load(args.file).masked(), indent=2))
    return 0
