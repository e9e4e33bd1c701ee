"""`edge-centre keygen`: a new key for a person or program that may command devices."""

import argparse
import itertools
from pathlib import Path

from agent.contract.errors import EdgeAgentError
from agent.trust.jose_keys import ROLES
from edge_centre.key_files import make_key, private_path, write_private

_EXAMPLE = """\
Example:
  edge-centre keygen --role operator --issuer control-room-jhb --out keys
  edge-centre ack --device gp/jhb-park-station/kiosk-0042 --broker mqtt://127.0.0.1:1883 ALARM-ID \\
    --action registered --by Thandi --key keys/operator-1f3a9c07.key.json
  edge-centre keygen --role supervisor --issuer shift-leader-jhb --out keys
  edge-centre keygen --evidence --out keys
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "keygen",
        help="make a key that may sign acks and commands",
        description="Write a private key to DIR/KID.key.json and add its public half to DIR/keys.json.",
        epilog=_EXAMPLE,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--role", choices=ROLES, help="what the holder may do")
    text = "make the key that opens recordings instead (DIR/evidence-N.key.json): devices get its public half alone"
    what.add_argument("--evidence", action="store_true", help=text)
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="created if it does not exist")
    parser.add_argument("--issuer", metavar="NAME", help="who holds it (default: the key's own id)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the key; return 0 when both files are written."""
    if args.evidence:
        return _make_evidence_key(args.out)
    key = make_key(args.role, args.out, args.issuer)
    print(f"private key  {private_path(args.out, key)}   keep it secret; give it to {key.issuer} only")
    print(f"public keys  {args.out / 'keys.json'}   copy it to the devices, to the file that [commands] keys names")
    return 0


def _make_evidence_key(directory: Path) -> int:
    """Write the next evidence key; an older one stays: it opens what was sealed to it."""
    from agent.trust.evidence_keys import EvidenceKey  # noqa: PLC0415 - the other keys need none of it

    try:
        directory.mkdir(parents=True, exist_ok=True)
        # The public half stays where the private one has gone to a safe.
        taken = {path.name.partition(".")[0] for path in directory.glob("evidence-*")}
        kid = next(kid for kid in map("evidence-{}".format, itertools.count(1)) if kid not in taken)
        key, path = EvidenceKey.generate(kid), directory / f"{kid}.key.json"
        write_private(path, key.as_jwk())
        (directory / f"{kid}.pub").write_text(f"{key.public()}\n", encoding="ascii")
    except OSError as error:
        raise EdgeAgentError(f"{directory}: {(error.strerror or str(error)).lower()}") from error
    print(f"private key  {path}   keep it in the office, and a copy in a safe: without it no recording can be opened")
    print(f'devices get  [evidence] recipient = "{key.public()}"')
    return 0
