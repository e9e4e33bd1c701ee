"""`edge-centre ack`: the centre's answer to an alarm."""

import argparse
from pathlib import Path
from typing import get_args

from agent.contract.commands import AckArgs
from agent.contract.vocabulary import AckAction, CloseReason
from agent.trust.jose_keys import PrivateKey
from edge_centre.cli.sender import PATIENCE_S, Sender, say
from edge_centre.cli.target import add_options, checked, print_result, target_of, topic_level

_EXAMPLE = """\
Example (the alarm's identifier is in what `edge-centre watch` shows):
  edge-centre ack --device gp/jhb-park-station/kiosk-0042 --broker mqtt://127.0.0.1:1883 \\
    0199c9a2-7c44-7d11-8a8e-3f5d0c3b9a10 --action registered --by Thandi --key keys/operator-1.key.json
  edge-centre ack --config edge-agent.toml 0199c9a2-7c44-7d11-8a8e-3f5d0c3b9a10 \\
    --action dispatched --by Thandi --unit "car 7" --key keys/operator-1.key.json
  edge-centre ack --config edge-agent.toml 0199c9a2-7c44-7d11-8a8e-3f5d0c3b9a10 \\
    --action closed --presses 1 --reason false-alarm --note "a child" --key keys/operator-1.key.json
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "ack",
        help="answer an alarm, as the command centre would",
        description="Sign an ack and send it by every broker, again and again, until the kiosk has answered. Green "
        "lights there only when it has verified a registered ack. The result names who has the alarm.",
        epilog=_EXAMPLE,
    )
    add_options(parser, every_broker=True)
    parser.add_argument("alarm_id", metavar="ALARM-ID", help="identifier of the alarm")
    parser.add_argument("--action", required=True, choices=[action.value for action in AckAction])
    parser.add_argument(
        "--presses",
        type=int,
        metavar="N",
        help="the press_count that you have seen: an alarm with more presses is not closed",
    )
    parser.add_argument("--by", metavar="NAME", help="who answers: what the centre calls the person")
    parser.add_argument("--unit", metavar="NAME", help="who was sent; with dispatched")
    parser.add_argument("--reason", choices=get_args(CloseReason), help="why the alarm ends; with closed")
    parser.add_argument("--note", metavar="TEXT", help="a line about it; with closed")
    parser.add_argument("--key", required=True, type=Path, help="private key made by `edge-centre keygen`")
    parser.add_argument(
        "--timeout", type=float, default=PATIENCE_S, metavar="S", help=f"how long to try (default {PATIENCE_S:g})"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send the ack; return 0 when the device has accepted it."""
    alarm_id = topic_level(args.alarm_id, "alarm identifier (see `edge-centre watch`)")
    key = PrivateKey.load(args.key)
    given = {name: getattr(args, name) for name in ("by", "unit", "reason", "note")} | {"press_count": args.presses}
    said = {name: value for name, value in given.items() if value is not None}
    arguments = {"alarm_id": alarm_id, "action": args.action, **said}
    checked(AckArgs, arguments)
    with Sender(target_of(args), say) as sender:
        return print_result(
            sender.send(
                name="ack",
                arguments=arguments,
                key=key,
                timeout_s=args.timeout,
            )
        )
