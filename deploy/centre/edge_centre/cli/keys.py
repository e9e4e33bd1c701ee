"""`edge-centre keys`: whose answers and commands the devices obey."""

import argparse
import json
import re
from pathlib import Path

from agent.contract.errors import EdgeAgentError, UsageError
from agent.trust.jose_keys import ROLES, PublicKey, read_key_set
from edge_centre.cli import keys_fleet
from edge_centre.cli.target import add_options
from edge_centre.key_files import write_key_set

_ADD_EXAMPLE = """\
Example:
  edge-centre keys add --set keys/keys.json --role operator --issuer thandi operator-1f3a9c07.public.json
"""
_LIST_EXAMPLE = """\
Example:
  edge-centre keys list --set keys/keys.json
"""
_SEND_EXAMPLE = """\
Example: an operator has left
  edge-centre keys send --set keys/keys.json --key keys/admin-1.key.json --broker mqtts://broker-a.example:8884 \\
    --broker mqtts://broker-b.example:8884 --ca ca.pem --cert centre.pem --cert-key centre.key

Name every broker: a device takes the key set from the one that it is connected to.
"""
_WHO_EXAMPLE = """\
Example:
  edge-centre keys who --broker mqtts://broker-a.example:8884 --broker mqtts://broker-b.example:8884 \\
    --ca ca.pem --cert centre.pem --cert-key centre.key
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `keys` and its subcommands; each sets `run`."""
    parser = subparsers.add_parser(
        "keys",
        help="enrol the key of an operator's page; list a key set; send it to every device",
        description="Enrol public keys in a key set (keys.json), list it, send it to every device, and ask who has it.",
        epilog=_ADD_EXAMPLE,
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    one = actions.add_parser(
        "add",
        help="enrol a public key",
        description="Add a public key, which the control room's page has made, to a key set. Then bring the set to the"
        " devices, to the file that [commands] keys names.",
        epilog=_ADD_EXAMPLE,
    )
    _add_set(one, "made if it does not exist")
    one.add_argument("--role", required=True, choices=ROLES, help="what the holder may do")
    one.add_argument("--issuer", required=True, metavar="NAME", help="who holds it")
    one.add_argument("file", type=Path, metavar="PUBLIC.jwk", help="the file that the page gave")
    one.set_defaults(run=_add)

    one = actions.add_parser(
        "list",
        help="who is in a key set",
        description="Print the kid, role and issuer of each key.",
        epilog=_LIST_EXAMPLE,
    )
    _add_set(one, "as `keys add` and keygen make it")
    one.set_defaults(run=_list)

    one = actions.add_parser(
        "send",
        help="send a key set to every device",
        description="Sign a key set for every device that the brokers know, leave it there for those that are off,"
        " wait, and print which devices obey it. A new admin's or supervisor's key takes a second signer. Exit code 0"
        " when every device has it.",
        epilog=_SEND_EXAMPLE,
    )
    _add_set(one, "made by `keys add` or keygen; replaces all the devices' keys")
    one.add_argument("--key", required=True, type=Path, help="private key of an admin, who must be in the set")
    one.add_argument("--second", type=Path, metavar="FILE", help="private key of the second signer")
    one.add_argument("--timeout", type=float, default=30.0, metavar="S", help="how long devices may take (default 30)")
    _add_fleet(one, "the key set's; default: above every device's")
    one.set_defaults(run=keys_fleet.send)

    one = actions.add_parser(
        "who",
        help="which devices obey which key set",
        description="Print which revision of the key set each device obeys; those that lack it come first. Exit code 0"
        " when all have it.",
        epilog=_WHO_EXAMPLE,
    )
    _add_fleet(one, "the key set's, to compare with; default: the highest in force")
    one.set_defaults(run=keys_fleet.who)


def _add_fleet(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--revision", type=int, metavar="N", help=default)
    add_options(parser, every_broker=True, fleet=True)


def _add_set(parser: argparse.ArgumentParser, help_text: str) -> None:
    parser.add_argument("--set", required=True, type=Path, metavar="FILE", dest="key_set", help=help_text)


def _add(args: argparse.Namespace) -> int:
    key = _public_key(args.file)
    _compare(args.file, key, args.role, args.issuer)
    known = read_key_set(args.key_set) if args.key_set.exists() else []
    namesake = next((each for each in known if each.kid == key.kid), None)
    if namesake == key:
        print(f"{key.kid} is in {args.key_set} already, with this key")
        return 0
    if namesake is not None:
        raise UsageError(
            f"{args.key_set} has another key named {key.kid}, of {namesake.issuer} ({namesake.role}); nothing was"
            " added. Make a new key on the page: it gets another name"
        )
    try:
        write_key_set(args.key_set, [*known, key])
    except OSError as error:
        raise EdgeAgentError(f"{args.key_set}: {(error.strerror or str(error)).lower()}") from error
    print(f"{key.kid} of {key.issuer} ({key.role}) is now in {args.key_set}")
    print("send it to the devices with `edge-centre keys send`, or copy it to the file that [commands] keys names")
    return 0


def _list(args: argparse.Namespace) -> int:
    keys = read_key_set(args.key_set)
    width = max((len(key.kid) for key in keys), default=0)
    for key in keys:
        print(f"{key.kid:{width}}  {key.role:10}  {key.issuer}")
    return 0


def _public_key(path: Path) -> PublicKey:
    """Read the file of one key. Raises UsageError, in which no part of the content is but the key's name."""
    try:
        jwk = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: it is not valid JSON; it must be the public key that the page gave") from error
    if isinstance(jwk, dict) and "d" in jwk:
        raise UsageError(
            f"{path}: this is a private key, and nothing was added. Whoever has read the file can answer alarms in its"
            " holder's name: make a new key, and bring the public one"
        )
    if isinstance(jwk, dict) and "keys" in jwk:
        raise UsageError(f"{path}: this is a key set; it must be one public key")
    try:
        return PublicKey.from_jwk(jwk)
    except ValueError as error:
        raise UsageError(f"{path}: {error}; it must be the public key that the page gave") from error


def _compare(path: Path, key: PublicKey, role: str, issuer: str) -> None:
    """Raise UsageError where the key says another owner than the administrator: its holder would sign in vain."""
    prefix = re.fullmatch(rf"({'|'.join(ROLES)})-[0-9a-f]{{8}}", key.kid)
    for said in (key.role, prefix[1] if prefix else role):
        if said != role:
            raise UsageError(
                f"{path}: key {key.kid} was made for the role {said}, and not for {role}; "
                f"give --role {said}, or have a key made for {role}"
            )
    if key.issuer != issuer:
        raise UsageError(
            f"{path}: key {key.kid} was made for {key.issuer}, and not for {issuer}; its holder signs as {key.issuer}"
        )
