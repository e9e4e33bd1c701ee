"""What a shell completes after `edge-agent` or `edge-centre`, written by shtab from the command line itself."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import shtab

from agent.contract.command_line import Program

SHELLS = {
    "bash": "usr/share/bash-completion/completions/{}",
    "zsh": "usr/share/zsh/vendor-completions/_{}",
}
"""Where Debian's shells look for that of a program."""


def script(shell: str, program: Program) -> str:
    """The completion of one shell."""
    parser = program.whole_parser()
    for each in parsers(parser):
        for action in each._actions:  # argparse tells of its parts nowhere else
            if action.type is Path:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return shtab.complete(parser, shell)


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """It, and that of each command below it, in the order of the help."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers(inner)
