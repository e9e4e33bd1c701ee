"""The command line, kept thin: finds the command, and turns errors into one line and an exit code."""

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from agent import __version__
from agent.core.errors import EdgeAgentError, SettingsError, UsageError
from agent.core.spelling import did_you_mean

COMMANDS = {
    "run": "run the agent",
    "check-config": "check a settings file and print what it means",
    "config-reset": "discard remote settings",
    "enrol": "get this device its name, its certificate and its settings",
    "enrol-lamps": "show the state of enrolment on the lamps",
    "renew": "get this device a new certificate before the old one ends",
    "decommission": "take this device out of use and erase what it knows of its province",
    "doctor": "check every part of a device, and say what to do",
    "watch": "show what a device publishes",
    "ack": "answer an alarm, as the command centre would",
    "command": "send a device a command and wait for its result",
    "commission": "try everything that this device has, step by step",
    "service-page": "serve a technician's phone while somebody asks for it",
    "conform": "grade a subscriber or a device against the contract",
    "report": "check the signed report of a commissioning, and make a page of it",
    "evidence": "check whether a recording is as the camera signed it",
    "keygen": "make a key that may sign acks and commands",
    "keys": "enrol the key of an operator's page; list a key set",
    "sim": "press the buttons of a simulated agent and read its lights",
    "model": "build, fetch, list and verify models",
    "bench": "try the settings on a video, and measure the cost",
    "schema": "write the contract as AsyncAPI, JSON Schema, TypeScript and a page",
    "demo": "run the whole chain on this machine and show it",
}
_EXAMPLE = """\
Examples:
  sudo edge-agent doctor                  what is wrong with this device, and what to do
  edge-agent COMMAND --help               every option of a command, with an example

On a device the agent is a service, with its settings in /etc/edge-agent/edge-agent.toml:
  systemctl status edge-agent             is it running?
  journalctl -u edge-agent -f             follow its log
  man edge-agent                          all of this in one page
"""
DONE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed, 2 bad usage or settings, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        gc.disable()  # imports create almost no garbage, and collecting takes a sixth of the loading time
        if not arguments:
            _parser(None).print_help(sys.stderr)
            return BAD_USAGE
        called = next((word for word in arguments if not word.startswith("-")), None)
        args = _parser(called if called in COMMANDS else None).parse_args(arguments)
        gc.enable()
        return int(args.run(args))
    except (SettingsError, UsageError) as error:
        print(f"edge-agent: {error}", file=sys.stderr)
        return BAD_USAGE
    except EdgeAgentError as error:
        print(f"edge-agent: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`; without this, Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def whole_parser() -> argparse.ArgumentParser:
    """Return the parser with every command loaded, for tools that describe the command line."""
    return _parser(None, whole=True)


class _Parser(argparse.ArgumentParser):
    """Answers a misspelt command or subcommand with the nearest one; argparse would list them all."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # A command's own parser is of this class too, so this also covers subcommands.
        if action.nargs == argparse.PARSER and action.choices is not None and value not in action.choices:
            meant = did_you_mean(value, action.choices)
            end = "" if meant.endswith("?") else ";"
            raise UsageError(f"{value!r} is not a command: {meant}{end} `{self.prog} --help` shows what each does")
        super()._check_value(action, value)


def _parser(called: str | None, *, whole: bool = False) -> argparse.ArgumentParser:
    """Import only the module of the called command, so that the agent does not carry the memory of the tools."""
    parser = _Parser(
        prog="edge-agent",
        description="Edge agent for street panic kiosks and CCTV cameras.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"edge-agent {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        if whole or called == name:
            importlib.import_module(f"agent.cli.{name.replace('-', '_')}").add_parser(subparsers)
        elif called is None:
            subparsers.add_parser(name, help=text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
