"""`edge-agent check-config`: is this settings file right, and what does it mean?"""

import argparse
import json
import sys
from pathlib import Path

from agent.bootstrap import specs
from agent.contract import layers
from agent.contract.command_line import DEFAULT_CONFIG
from agent.contract.identity import LONGEST_COMMON_NAME, common_name
from agent.core.errors import MaskError
from agent.settings import kept
from agent.settings.example import left_of_example

_EXAMPLE = """\
Example:
  sudo edge-agent check-config
  edge-agent check-config firmware_configs/simulated/edge-agent.toml
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "check-config",
        help="check a settings file and print what it means",
        description="Check a settings file, and print the effective settings as JSON with secrets masked. "
        "Lists on standard error the files that were read, if there are layers, remote settings, and what still "
        "has the value of the example. "
        "Reports every mistake at once and exits with 2 if there is one, with 1 if the agent would run "
        "but a camera would stay off because its privacy masks can't be read.",
        epilog=_EXAMPLE,
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help=f"settings file (TOML); default: {DEFAULT_CONFIG}. The layers in the directory beside it, such as "
        "edge-agent.d, are read with it",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check the settings and print them. Raises MaskError for the cameras that would stay off."""
    begun = kept.look(args.file)
    settings = begun.settings
    files = layers.files(args.file)
    for number, file in enumerate(files if len(files) > 1 else [], start=1):
        print(f"read {number} of {len(files)}: {file}", file=sys.stderr)
    if names := kept.from_afar(begun):
        print(f"then {kept.PLACE}, {names}; `edge-agent config-reset` discards them", file=sys.stderr)
    print(json.dumps(settings.masked(), indent=2))
    user = settings.identity.user
    if settings.mqtt.cert_file is not None and (stands := common_name(user)) != user:
        text = (
            f"{user} has {len(user)} characters, and a certificate's name at most {LONGEST_COMMON_NAME}: this device's"
        )
        print(f"{text} is {stands}, and each broker's access list needs lines of its own for it", file=sys.stderr)
    if kept.DENIED in begun.trouble:
        print(f"edge-agent: warning: {kept.PLACE} can't be read; run the command with sudo", file=sys.stderr)
    can_be_used = not begun.trouble or kept.DENIED in begun.trouble
    mistakes = [] if can_be_used else [f"{kept.PLACE} can't be used: {begun.trouble}"]
    for camera in settings.cameras:
        try:
            specs.masks(camera)
        except MaskError as error:
            mistakes.append(f"camera {camera.name}: {error}")
    if mistakes:
        raise MaskError("\n".join(mistakes))
    for what, do in left_of_example(settings):
        print(f"edge-agent: warning: {what}: {do}", file=sys.stderr)
    return 0
