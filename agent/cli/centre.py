"""Shared by all commands that speak as the command centre: where the broker is, and who we are to it."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from agent.adapters.tls_context import TlsFiles
from agent.centre import printable
from agent.cli.options import add_config
from agent.contract.identity import LEVEL
from agent.core.errors import UsageError
from agent.settings import Settings

_NEXT = {
    "unknown-key": "put the public half of your key, which keygen wrote, into the device's key set; it counts at once",
    "bad-signature": "the device's key set has another key under this name: put the public half of yours into it",
    "wrong-issuer": "the device's key set names another holder for this key: put the public half of yours into it",
    "expired": "compare the clock here with that of the device: one of them is wrong",
    "not-yet-valid": "compare the clock here with that of the device: one of them is wrong",
    "not-permitted": "use a key with another role",
    "unknown-outcome": "check at the device whether it was done; if not, send the command again",
}
"""What a person can do about a result, by its code."""


def add_options(parser: argparse.ArgumentParser, *, every_broker: bool = False) -> None:
    """Add the options that say which device, which broker, and which certificate to use."""
    add_config(parser, of=" of the device")
    if every_broker:
        text = "address of a broker, may be repeated; default: all those in the device's settings"
        parser.add_argument("--broker", action="append", help=text)
    else:
        parser.add_argument("--broker", help="address of the broker; default: the first in the device's settings")
    parser.add_argument("--ca", type=Path, help="certificate of the broker's authority; default: the device's")
    parser.add_argument("--cert", type=Path, help="your own client certificate; the device's is not used")
    parser.add_argument("--cert-key", type=Path, help="the private key of --cert")


def tls_files(args: argparse.Namespace, settings: Settings) -> TlsFiles:
    """Return our own certificate, and the authority from the options, or else the device's.

    Never returns the device's certificate: a broker that takes the client id from it would cut the device off when we
    connect. Raises UsageError if the device's broker wants a certificate and none was given.
    """
    mqtt = settings.mqtt
    if mqtt.cert_file is not None and args.broker is None and args.cert is None:
        raise UsageError(
            "the device's broker wants a certificate, and the device's own would cut the device off: give "
            "those of a command centre with --cert and --cert-key, and its port with --broker"
        )
    return TlsFiles(args.ca or mqtt.ca_file, args.cert, args.cert_key)


def topic_level(word: str, what: str) -> str:
    """Return `word` if a topic may end with it. Raises UsageError if it is empty or has a meaning to a broker."""
    if not LEVEL.match(word):
        raise UsageError(f"{word!r} is not a valid {what}: use 1 to 64 of a-z, 0-9 and dash")
    return word


def print_result(result: dict[str, Any]) -> int:
    """Print the result in one line for a person; return the exit code."""
    output = f" {json.dumps(result['output'])}" if result.get("output") else ""
    print(printable(f"{result['name']}: {result['status']} ({result['code']}): {result['text']}{output}"))
    if result["code"] in _NEXT:
        print(f"edge-agent: {_NEXT[result['code']]}", file=sys.stderr)
    return 0 if result["status"] == "succeeded" else 1
