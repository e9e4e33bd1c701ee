"""`edge-centre watch`: what a device says, readable or as JSON."""

import argparse
import base64
import json
import queue
import sys
import threading
import time
from math import isinf
from pathlib import Path
from typing import Any

from agent.contract.errors import UsageError
from agent.trust.jose_keys import PrivateKey
from edge_centre.adapters.paho_centre import Heard
from edge_centre.cli.readable import readable
from edge_centre.cli.target import add_options, target_of, topic_level
from edge_centre.library import Centre, DevicesBack, DevicesGone, Notice, printable

_EXAMPLE = """\
Example:
  edge-centre watch --device gp/jhb-park-station/kiosk-0042 --broker mqtt://127.0.0.1:1883
  edge-centre watch --all --broker mqtts://broker-a.example:8884 --ca ca.pem --cert centre.pem --cert-key centre.key
  edge-centre watch --all --broker mqtt://127.0.0.1:1883 --as-centre jhb-centre --answer-tests \\
    --key keys/operator-1.key.json
  edge-centre watch --all --broker mqtt://127.0.0.1:1883 --json | jq 'select(.topic | contains("/alarm/"))'
  edge-centre watch --config firmware_configs/simulated/edge-agent.toml
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "watch",
        help="show what a device publishes",
        description="Subscribe to everything that a device publishes, until Ctrl-C.",
        epilog=_EXAMPLE,
    )
    add_options(parser)
    text = "every device, named in each line; takes no --device, and with --broker no settings"
    parser.add_argument("--all", action="store_true", help=text)
    parser.add_argument(
        "--json", action="store_true", help='one {"topic", "retain", "payload"} per line; a JPEG in base64'
    )
    parser.add_argument(
        "--as-centre", metavar="NAME", help="tell the kiosks, as this centre, that somebody is watching while this runs"
    )
    parser.add_argument(
        "--answer-tests",
        action="store_true",
        help="answer the alarms of self-tests, and close what is open again after its close (no others); needs --key",
    )
    parser.add_argument("--key", type=Path, help="private key for --answer-tests, made by `edge-centre keygen`")
    parser.add_argument("--seconds", type=float, help="stop after this many seconds")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print messages until interrupted, or until the time is up."""
    if args.answer_tests and args.key is None:
        raise UsageError("--answer-tests needs --key, the private key that signs the answers")
    key = PrivateKey.load(args.key) if args.answer_tests else None
    target = target_of(args, every=args.all)
    root = target.identity.root
    heard: queue.SimpleQueue[Heard | DevicesGone | DevicesBack] = queue.SimpleQueue()
    connected = threading.Event()

    def on_link(_: str, up: bool, detail: str) -> None:
        if connected.is_set() and not up:
            print(f"edge-centre: the connection is lost ({detail}); trying again", file=sys.stderr)
        connected.set()

    def on_notice(notice: Notice) -> None:
        if isinstance(notice, DevicesGone | DevicesBack) and not args.json:
            heard.put(notice)

    centre = Centre(
        target.brokers[:1],
        key=key,
        tls=target.tls,
        name=None if args.as_centre is None else topic_level(args.as_centre, "name of a centre"),
        answers=args.answer_tests,
        root=root,
        filters=[target.identity.up("#")],
        on_heard=heard.put,
        on_notice=on_notice,
        on_link=on_link,
    )
    deadline = None if args.seconds is None else time.monotonic() + args.seconds
    with centre:
        centre.await_connection()
        while deadline is None or time.monotonic() < deadline:
            try:
                message = heard.get(timeout=0.2)
            except queue.Empty:
                continue
            if isinstance(message, Heard):
                print(_as_json(message) if args.json else _as_text(message, args.all, root), flush=True)
            else:
                print(printable(_of_outage(message)), flush=True)
        return 0


def _of_outage(notice: DevicesGone | DevicesBack) -> str:
    names = [source.removeprefix("/edge/") for source in notice.sources]
    many = f"{len(names)} devices" + (f" in {notice.place}" if notice.place else "")
    who = names[0] if len(names) == 1 else f"{many}: {', '.join(names)}"
    if isinstance(notice, DevicesBack):
        return f"BACK {who}" + (f" ({notice.left} still gone)" if notice.left else "")
    silent_s = time.monotonic() - notice.heard_s
    since = "" if isinf(silent_s) else time.strftime(" since %H:%M:%S", time.gmtime(time.time() - silent_s))
    return f"GONE from this broker{since}" + (f", of {notice.of}" if len(names) > 1 else "") + f": {who}"


def _as_text(message: Heard, names_device: bool, root: str) -> str:
    line = readable(message.topic, message.payload)
    device = message.topic.removeprefix(f"{root}/").partition("/up/")[0]
    return f"{printable(device)} {line}" if names_device else line


def _as_json(message: Heard) -> str:
    payload: Any
    try:
        payload = json.loads(message.payload)
    except (ValueError, RecursionError):
        payload = base64.b64encode(message.payload).decode()
    return json.dumps({"topic": message.topic, "retain": message.retain, "payload": payload})
