"""`edge-centre kit`: hands its words to the kit, which has commands of its own."""

import argparse


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser("kit", add_help=False, prefix_chars="\0")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command that the words name; return its exit code."""
    from edge_centre.kit.__main__ import main  # noqa: PLC0415 - whoever only lists commands needs none of it

    return main(args.words)
