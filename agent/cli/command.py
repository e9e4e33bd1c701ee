"""`edge-agent command`: a signed command and its result."""

import argparse
import json
from pathlib import Path
from typing import Any

from agent.adapters.jose_keys import PrivateKey
from agent.cli.centre import add_options, print_result, target_of, topic_level
from agent.cli.sender import PATIENCE_S, Sender, say
from agent.contract.commands import COMMANDS
from agent.core.errors import BrokerError, UsageError

_LONG_S = {"self-test": 330.0, "replay": 1830.0}
_EXAMPLE = """\
Example:
  edge-agent command --device gp/jhb-park-station/kiosk-0042 --broker mqtt://127.0.0.1:1883 \\
    ping --key keys/operator-1.key.json
  edge-agent command --config edge-agent.toml identify seconds=20 --key keys/technician-1.key.json
  edge-agent command --config edge-agent.toml test-mode seconds=600 input=police --key keys/technician-1.key.json
  edge-agent command --config edge-agent.toml snapshot --out now.jpg --key keys/operator-1.key.json
  edge-agent command --config edge-agent.toml config-set revision=7 'changes={"health": {"interval_s": 30}}' \\
    --key keys/admin-1.key.json
  edge-agent command --config edge-agent.toml replay first=120 last=131 --key keys/operator-1.key.json
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "command",
        help="send a device a command and wait for its result",
        description="Sign a command and send it by every broker, again and again, until its result comes. Exit code 0 "
        "only when it has succeeded.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser, every_broker=True)
    parser.add_argument("name", metavar="NAME", help=f"one of {', '.join(COMMANDS)}")
    parser.add_argument(
        "arguments", metavar="ARG=VALUE", nargs="*", default=[], help="arguments; a value is JSON or plain text"
    )
    parser.add_argument("--key", required=True, type=Path, help="private key made by `edge-agent keygen`")
    longer = ", ".join(f"{name} {seconds:g}" for name, seconds in _LONG_S.items())
    patience = f"how long to try (default {PATIENCE_S:g}; {longer})"
    parser.add_argument("--timeout", type=float, metavar="S", help=patience)
    parser.add_argument("--out", type=Path, metavar="FILE", help="where `snapshot` writes the picture")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send the command; return 0 when it has succeeded."""
    if args.out is not None and args.name != "snapshot":
        raise UsageError("--out works with snapshot only")
    name = topic_level(args.name, "command name")
    arguments = dict(_argument(word) for word in args.arguments)
    key = PrivateKey.load(args.key)
    timeout_s = args.timeout or _LONG_S.get(name, PATIENCE_S)
    with Sender(target_of(args), say) as sender:
        result = sender.send(name=name, arguments=arguments, key=key, timeout_s=timeout_s)
        code = print_result(result)
        if code == 0 and args.out is not None:
            picture = sender.picture(result["command_id"], timeout_s)
            if picture is None:
                raise BrokerError("the picture did not come; it may be too large for the broker")
            args.out.write_bytes(picture)
            print(f"{args.out}: {len(picture)} bytes")
        return code


def _argument(word: str) -> tuple[str, Any]:
    name, separator, value = word.partition("=")
    if not separator or not name:
        raise UsageError(f"{word!r} is not an argument: write NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError as error:
        if value.startswith(("{", "[")):  # no plain text begins so: the shell took its quotes away
            raise UsageError(f"{name} is not JSON: {error}; put '{name}=...' in single quotes") from error
        return name, value
