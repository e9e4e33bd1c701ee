"""Shared by all commands that speak as the command centre: to which device, by which brokers, as whom."""

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from agent.contract.command_line import DEFAULT_CONFIG, add_config
from agent.contract.errors import BrokerError, UsageError
from agent.contract.identity import LEVEL, ROOT, Identity, is_devices
from agent.contract.mistakes import mistake
from agent.trust.broker_failures import endpoint_of
from agent.trust.tls_context import TlsFiles
from agent.trust.x509_files import owner
from edge_centre.cli.device_settings import DeviceSettings, load
from edge_centre.library import printable

_NEXT = {
    "unknown-key": "put the public half of your key, which keygen wrote, into the device's key set; it counts at once",
    "bad-signature": "the device's key set has another key under this name: put the public half of yours into it",
    "wrong-issuer": "the device's key set names another holder for this key: put the public half of yours into it",
    "expired": "compare the clock here with that of the device: one of them is wrong",
    "not-yet-valid": "compare the clock here with that of the device: one of them is wrong",
    "not-permitted": "use a key with another role",
    "old-revision": "take a higher revision: docs/contract.md, Settings from afar",
    "second-signer": "let another person, an admin or a supervisor, sign the same under a higher revision, with "
    "--co-sign FILE; then send that with --second FILE",
    "unknown-command": "`edge-centre command --help` lists the commands; an older device has fewer",
    "unknown-alarm": "take the id of an open alarm from `edge-centre watch`; one that is closed is answered already",
    "unknown-outcome": "check at the device whether it was done; if not, send the command again",
}
"""What a person can do about a result, by its code."""


class Target(NamedTuple):
    """The device that a person speaks to or watches, and by which brokers."""

    identity: Identity
    """`+` for province, site and device means every one."""
    brokers: list[str]
    tls: TlsFiles


def add_options(parser: argparse.ArgumentParser, *, every_broker: bool = False, fleet: bool = False) -> None:
    """Add the options that say which device, which broker, and which certificate to use. A command that is always for
    the whole `fleet` names no device."""
    text = "the device, where there is no copy of its settings; with --broker"
    parser.add_argument("--device", metavar="PROVINCE/SITE/ID", help=argparse.SUPPRESS if fleet else text)
    parser.add_argument("--root", help=f"root of the topics{'' if fleet else ' of --device'} (default: {ROOT})")
    add_config(parser, of=" of any device, which names the brokers" if fleet else " of the device")
    parser.set_defaults(config=None)  # so that one that was given can be told from the default
    if every_broker:
        text = "address of a broker, may be repeated; default: all those in the device's settings"
        parser.add_argument("--broker", action="append", type=broker_url, metavar="URL", help=text)
    else:
        text = "address of the broker; default: the first in the device's settings"
        parser.add_argument("--broker", nargs=1, type=broker_url, metavar="URL", help=text)
    other = "--broker" if fleet else "--device"
    text = f"certificate of the broker's authority; default: the device's, with {other} the system's"
    parser.add_argument("--ca", type=Path, help=text)
    parser.add_argument("--cert", type=Path, help="your own client certificate; the device's is not used")
    parser.add_argument("--cert-key", type=Path, help="the private key of --cert")


def target_of(args: argparse.Namespace, *, every: bool = False, sends: bool = True) -> Target:
    """Return what `add_options` was told: by --device, or else by the device's settings. Raises UsageError.

    With `every` device meant, neither is needed where a broker is given. Who only signs and nothing `sends` needs no
    broker. Never returns a device's certificate: a broker that takes the client id from it would cut the device off
    when we connect.
    """
    _refuse_a_devices(args.cert)
    if args.device is not None and (every or args.config is not None):
        raise UsageError(f"--device names one device: leave it out, or {'--all' if every else '--config'}")
    by_name = args.device is not None or (every and args.broker is not None and args.config is None)
    if by_name:
        if args.broker is None and sends:
            raise UsageError("--device needs a broker: give its address, --broker mqtts://HOST:PORT")
        root = ROOT if args.root is None else root_of(args.root)
        identity = Identity("+", "+", "+", root) if every else identity_of(args.device, root)
        return Target(identity, args.broker or [], TlsFiles(args.ca, args.cert, args.cert_key))
    if args.root is not None:
        goes_with = "--broker" if every else "--device"
        raise UsageError(f"--root goes with {goes_with}: a settings file has a root of its own")
    if args.config is None and not DEFAULT_CONFIG.exists():
        wanted = "--broker URL" if every else "--device PROVINCE/SITE/ID and --broker URL"
        raise UsageError(f"there is no {DEFAULT_CONFIG} here: give {wanted}, or --config with the device's settings")
    settings = load(args.config or DEFAULT_CONFIG)
    identity = settings.identity
    if every:
        identity = Identity("+", "+", "+", identity.root)
    return Target(identity, args.broker or [*settings.brokers], _tls_files(args, settings) if sends else TlsFiles())


def _tls_files(args: argparse.Namespace, settings: DeviceSettings) -> TlsFiles:
    if settings.has_certificate and args.broker is None and args.cert is None:
        raise UsageError(
            "the device's broker wants a certificate, and the device's own would cut the device off: give "
            "those of a command centre with --cert and --cert-key, and its port with --broker"
        )
    return TlsFiles(args.ca or settings.ca_file, args.cert, args.cert_key)


def _refuse_a_devices(cert: Path | None) -> None:
    """Raise UsageError for a device's certificate. One that can't be read is named when we connect."""
    if cert is None:
        return
    with suppress(BrokerError):
        if is_devices(name := owner(cert)):
            raise UsageError(
                f"--cert {printable(str(cert))} is the certificate of the device {printable(name)}, and the broker "
                "would cut that device off: give a command centre's, provinces/CODE/centres/NAME/NAME.pem"
            )


def broker_url(word: str) -> str:
    """Return a broker's address that a person has typed, if it is one. Raises UsageError."""
    try:
        endpoint_of(word)
    except BrokerError as error:
        raise UsageError(f"--broker: {error}") from error  # not repeated: it may hold a password
    return word


def identity_of(word: str, root: str) -> Identity:
    """Return the device that a person names as PROVINCE/SITE/ID. Raises UsageError."""
    levels = [topic_level(level, "level of PROVINCE/SITE/ID") for level in word.split("/")]
    if len(levels) != 3:
        raise UsageError(f"{word!r} is not PROVINCE/SITE/ID: write it as in gp/jhb-park-station/kiosk-0042")
    return Identity(levels[0], levels[1], levels[2], root)


def root_of(word: str) -> str:
    """Return the root of topics that a person names. Raises UsageError."""
    for level in word.split("/"):
        topic_level(level, "level of --root")
    return word


def checked(model: type[BaseModel], arguments: Mapping[str, Any]) -> None:
    """Check arguments as the device does. Raises UsageError."""
    try:
        model.model_validate(arguments)
    except ValidationError as error:
        raise UsageError(mistake(error)) from error


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
        print(f"edge-centre: {_NEXT[result['code']]}", file=sys.stderr)
    return 0 if result["status"] == "succeeded" else 1
