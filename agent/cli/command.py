"""`edge-agent command`: a signed command and its result."""

import argparse
import json
from pathlib import Path
from typing import Any

from agent.adapters.jose_keys import PrivateKey
from agent.cli.centre import add_options, listens, open_centre, print_result, send_signed
from agent.core.commands import COMMANDS
from agent.core.errors import BrokerError, UsageError

_EXAMPLE = """\
Example:
  edge-agent command --config edge-agent.toml ping --key keys/operator-1.key.json
  edge-agent command --config edge-agent.toml identify seconds=20 --key keys/technician-1.key.json
  edge-agent command --config edge-agent.toml test-mode seconds=600 input=police --key keys/technician-1.key.json
  edge-agent command --config edge-agent.toml snapshot --out now.jpg --key keys/operator-1.key.json
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "command",
        help="send a device a command and wait for its result",
        description="Sign a command, send it, wait for the result. Exit code 0 only when it has succeeded.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    parser.add_argument("name", metavar="NAME", help=f"one of {', '.join(COMMANDS)}")
    parser.add_argument("arguments", metavar="ARG=VALUE", nargs="*", help="arguments; a value is JSON or plain text")
    parser.add_argument("--key", required=True, type=Path, help="private key made by `edge-agent keygen`")
    parser.add_argument("--timeout", type=float, default=15.0, metavar="S", help="how long to wait (default 15)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where `snapshot` writes the picture")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send the command; 0 when it has succeeded."""
    if args.out is not None and args.name != "snapshot":
        raise UsageError("--out goes with snapshot only")
    arguments = dict(_argument(word) for word in args.arguments)
    key = PrivateKey.load(args.key)
    settings, centre = open_centre(args, listens)
    identity = settings.identity
    try:
        result = send_signed(
            centre,
            identity,
            name=args.name,
            arguments=arguments,
            topic=identity.down("command", args.name),
            key=key,
            timeout_s=args.timeout,
        )
        code = print_result(result)
        if code == 0 and args.out is not None:
            topic = identity.up("snapshot", result["command_id"])
            picture = centre.wait_for(lambda heard: heard.topic == topic, args.timeout)
            if picture is None:
                raise BrokerError("the picture did not come; it may be too large for the broker")
            args.out.write_bytes(picture.payload)
            print(f"{args.out}: {len(picture.payload)} bytes")
        return code
    finally:
        centre.close()


def _argument(word: str) -> tuple[str, Any]:
    name, separator, value = word.partition("=")
    if not separator or not name:
        raise UsageError(f"{word!r} is no argument: write NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
