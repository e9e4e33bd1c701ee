"""A program whose commands are modules: finds the command, and turns errors into one line and an exit code. Also the
option that most commands share."""

import argparse
import gc
import importlib
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent import __version__
from agent.contract.errors import EdgeAgentError, SettingsError, UsageError
from agent.contract.spelling import did_you_mean

DONE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
DEFAULT_CONFIG = Path("/etc/edge-agent/edge-agent.toml")
"""Where a device keeps its settings."""


@dataclass(frozen=True)
class Program:
    """What a person types, and the modules behind it."""

    name: str
    description: str
    example: str
    commands: Mapping[str, str]
    """What each does, by its name. Its module has `add_parser`."""
    package: str
    """Where these modules are."""
    elsewhere: Callable[[Sequence[str]], int | None] = lambda _: None
    """Given the arguments, runs what is another program's and returns its exit code; None if it is none."""
    others: Mapping[str, str] = field(default_factory=dict)
    """What `elsewhere` runs and the help lists: what each does, by its name."""

    def main(self, argv: Sequence[str] | None = None) -> int:  # noqa: PLR0911 - one for each end
        """Run one command; returns the exit code: 0 done, 1 failed, 2 bad usage or settings, 130 interrupted."""
        arguments = list(sys.argv[1:] if argv is None else argv)
        if isinstance(sys.stdout, io.TextIOWrapper):  # a device's words end nothing at a terminal that lacks a letter
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            gc.disable()  # imports create almost no garbage, and collecting takes a sixth of the loading time
            if not arguments:
                self._parser(None).print_help(sys.stderr)
                return BAD_USAGE
            if (code := self.elsewhere(arguments)) is not None:
                return code
            called = next((word for word in arguments if not word.startswith("-")), None)
            args = self._parser(called if called in self.commands else None).parse_args(arguments)
            gc.enable()
            return int(args.run(args))
        except (SettingsError, UsageError) as error:
            print(f"{self.name}: {error}", file=sys.stderr)
            return BAD_USAGE
        except EdgeAgentError as error:
            print(f"{self.name}: {error}", file=sys.stderr)
            return FAILED
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:
            # The reader of our output has gone, as with `| head`; without this, Python would complain again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE

    def whole_parser(self) -> argparse.ArgumentParser:
        """Return the parser with every command loaded, for tools that describe the command line."""
        return self._parser(None, whole=True)

    def _parser(self, called: str | None, *, whole: bool = False) -> argparse.ArgumentParser:
        """Import only the module of the called command, so that the agent does not carry the memory of the tools."""
        parser = _Parser(
            prog=self.name,
            description=self.description,
            epilog=self.example,
        )
        parser.add_argument("--version", action="version", version=f"{self.name} {__version__}")
        subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
        for name, text in self.commands.items():
            if whole or called == name:
                importlib.import_module(f"{self.package}.{name.replace('-', '_')}").add_parser(subparsers)
            elif called is None:
                subparsers.add_parser(name, help=text)
        if called is None:
            for name, text in self.others.items():
                subparsers.add_parser(name, help=text)
        return parser


class _Parser(argparse.ArgumentParser):
    """Answers a misspelt command or subcommand with the nearest one; argparse would list them all. Its text and its
    examples keep their lines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter, **options})

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # A command's own parser is of this class too, so this also covers subcommands.
        if action.nargs == argparse.PARSER and action.choices is not None and value not in action.choices:
            meant = did_you_mean(value, action.choices)
            end = "" if meant.endswith("?") else ";"
            raise UsageError(f"{value!r} is not a command: {meant}{end} `{self.prog} --help` shows what each does")
        super()._check_value(action, value)


def add_config(parser: argparse.ArgumentParser, *, of: str = "") -> None:
    """Add `--config`; `of` says whose settings these are."""
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help=f"settings file (TOML){of}; default: {DEFAULT_CONFIG}",
    )
