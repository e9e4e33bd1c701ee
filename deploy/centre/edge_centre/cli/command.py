"""`edge-centre command`: a signed command and its result."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.contract.commands import COMMANDS, TABLE, TWO_SIGNERS
from agent.contract.errors import BrokerError, UsageError
from agent.trust.jose_keys import PrivateKey
from edge_centre.cli import config_set
from edge_centre.cli.sender import PATIENCE_S, Sender, say
from edge_centre.cli.target import Target, add_options, checked, print_result, target_of, topic_level

_LONG_S = {"self-test": 330.0, "config-set": 120.0, "replay": 1830.0}
_EXAMPLE = """\
Example:
  edge-centre command --device gp/jhb-park-station/kiosk-0042 --broker mqtt://127.0.0.1:1883 \\
    ping --key keys/operator-1.key.json
  edge-centre command --config edge-agent.toml identify seconds=20 --key keys/technician-1.key.json
  edge-centre command --config edge-agent.toml test-mode seconds=600 input=police --key keys/technician-1.key.json
  edge-centre command --config edge-agent.toml snapshot 'reason=who is at the door?' --out now.jpg \\
    --key keys/operator-1.key.json
  edge-centre command --config edge-agent.toml config-set revision=7 'changes={"health": {"interval_s": 30}}' \\
    --key keys/admin-1.key.json
  edge-centre command ... config-set revision=8 'changes={}' --key keys/supervisor-1.key.json --co-sign second.jwt
  edge-centre command ... config-set revision=8 'changes={}' --key keys/admin-1.key.json --second second.jwt
  edge-centre command ... config-set revision=9 'changes={}' --key keys/admin-1.key.json --retain
  edge-centre command ... config-set --clear
  edge-centre command ... keys-set revision=1 "keys=$(jq -c .keys keys.json)" --key keys/admin-1.key.json \\
    --second second.jwt
  edge-centre command --config edge-agent.toml replay first=120 last=131 --key keys/operator-1.key.json
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "command",
        help="send a device a command and wait for its result",
        description="Sign a command and send it by every broker, again and again, until its result comes. Exit code 0 "
        "only when it has succeeded.",
        epilog=_EXAMPLE,
    )
    add_options(parser, every_broker=True)
    parser.add_argument("name", metavar="NAME", help=f"one of {', '.join(COMMANDS)}")
    parser.add_argument(
        "arguments", metavar="ARG=VALUE", nargs="*", default=[], help="arguments; a value is JSON or plain text"
    )
    parser.add_argument("--key", type=Path, help="private key made by `edge-centre keygen`; not needed to --clear")
    longer = ", ".join(f"{name} {seconds:g}" for name, seconds in _LONG_S.items())
    patience = f"how long to try (default {PATIENCE_S:g}; {longer})"
    parser.add_argument("--timeout", type=float, metavar="S", help=patience)
    parser.add_argument("--out", type=Path, metavar="FILE", help="where `snapshot` writes the picture")
    config_set.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send the command; return 0 when it has succeeded."""
    if args.out is not None and args.name != "snapshot":
        raise UsageError("--out works with snapshot only")
    name = topic_level(args.name, "command name")
    arguments: Mapping[str, Any] = dict(_argument(word) for word in args.arguments)
    config_set.check_usage(args, arguments)
    if args.clear:
        return config_set.clear(target_of(args), name)
    if args.key is None:
        raise UsageError("give --key, the private key that signs the command")
    key = PrivateKey.load(args.key)
    if name in COMMANDS:  # a device of a later version may know more
        checked(TABLE[name].args, arguments)
    target = target_of(args, sends=args.co_sign is None)
    if args.co_sign is not None:
        return config_set.write_second(args.co_sign, target.identity.source, name, arguments, key)
    if name in TWO_SIGNERS:
        arguments = config_set.completed(args.second, target.identity.source, name, arguments, key)
    timeout_s = args.timeout or _LONG_S.get(name, PATIENCE_S)
    if args.retain:
        return config_set.leave(target, name, arguments, key, timeout_s)
    return _send(args, name, arguments, key, target, timeout_s)


def _send(
    args: argparse.Namespace, name: str, arguments: Mapping[str, Any], key: PrivateKey, target: Target, timeout_s: float
) -> int:
    with Sender(target, say) as sender:
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
