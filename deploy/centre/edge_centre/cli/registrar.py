"""`edge-centre registrar`: hands its words to the registrar, which has commands of its own."""

import argparse

from agent.contract.errors import UsageError


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser("registrar", add_help=False, prefix_chars="\0")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command that the words name; return its exit code."""
    try:
        from edge_centre.registrar.__main__ import main  # noqa: PLC0415 - whoever only lists commands needs none of it
    except ImportError as error:
        raise UsageError(f"{error.name} can't be imported: pip install 'edge-centre[registrar]'") from error
    return main(args.words)
