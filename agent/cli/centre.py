"""Shared by all commands that speak as the command centre: where the broker is, and who we are to it."""

import argparse
import json
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from agent.adapters.jose_keys import PrivateKey, sign
from agent.adapters.paho_centre import Centre, Heard
from agent.adapters.tls_context import TlsFiles
from agent.cli.options import add_config
from agent.cli.readable import printable
from agent.contract.commands import MAX_LIFE_S
from agent.contract.host_state import CentreStateError, host_topic
from agent.contract.identity import LEVEL, Identity
from agent.core.errors import UsageError
from agent.settings import Settings, load

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


def open_centre(
    args: argparse.Namespace,
    filters: Callable[[Identity], list[str]],
    on_message: Callable[[Heard], None] | None = None,
    on_link: Callable[[bool, str], None] | None = None,
    name: str | None = None,
) -> tuple[Settings, Centre]:
    """Return the device's settings and a connection that has subscribed to `filters`. Raises BrokerError.

    With `name`, the connection reports that the centre of that name is watching.
    """
    settings = load(args.config)
    mqtt = settings.mqtt
    state_topic = None if name is None else centre_topic(mqtt.root, name)
    centre = Centre(args.broker or mqtt.brokers[0], tls_files(args, settings), on_message, on_link, state_topic)
    centre.open(filters(settings.identity))
    return settings, centre


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


def centre_topic(root: str, name: str) -> str:
    """Return the topic on which a centre says whether it watches. Raises UsageError for an invalid name."""
    try:
        return host_topic(root, name)
    except CentreStateError as error:
        raise UsageError(f"{name!r} is {error}: use 1 to 64 of a-z, 0-9 and dash") from error


class Order(NamedTuple):
    """A signed command, its identifier, and how long it is valid, in seconds."""

    token: bytes
    cmd_id: str
    expiry_s: int


def signed(
    *,
    name: str,
    arguments: dict[str, Any],
    audience: str,
    key: PrivateKey,
    boot_nonce: str | None,
    cmd_id: str | None = None,
) -> Order:
    """Sign a command for the device with the source `audience`; to sign one again, give its `cmd_id`.

    With the newest nonce as `boot_nonce`, a device whose clock is not set can check that the command is fresh.
    """
    now = int(time.time())
    claims: dict[str, Any] = {
        "cmd_id": cmd_id or f"cmd-{secrets.token_hex(8)}",
        "name": name,
        "args": arguments,
        "aud": audience,
        "iss": key.issuer,
        "iat": now,
        "exp": now + min(MAX_LIFE_S, 120),
        # This clock's microseconds only ever rise, so there is no counter to keep between calls.
        "ctr": time.time_ns() // 1000,
    }
    if boot_nonce:
        claims["boot_nonce"] = boot_nonce
    return Order(sign(claims, key), claims["cmd_id"], claims["exp"] - now)


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
