"""`edge-agent keygen`: a new key for a person or program that may command devices."""

import argparse
import contextlib
import itertools
import json
import os
import tempfile
from pathlib import Path

from agent.adapters.jose_keys import ROLES, PrivateKey, PublicKey, read_key_set
from agent.core.errors import EdgeAgentError, UsageError

_EXAMPLE = """\
Example:
  edge-agent keygen --role operator --issuer control-room-jhb --out keys
  edge-agent ack --device gp/jhb-park-station/kiosk-0042 --broker mqtt://127.0.0.1:1883 ALARM-ID \\
    --action registered --by Thandi --key keys/operator-1f3a9c07.key.json
  edge-agent keygen --role supervisor --issuer shift-leader-jhb --out keys
  edge-agent keygen --evidence --out keys
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "keygen",
        help="make a key that may sign acks and commands",
        description="Write a private key to DIR/KID.key.json and add its public half to DIR/keys.json.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
    from agent.adapters.evidence_keys import EvidenceKey  # noqa: PLC0415 - the other keys need none of it

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


def make_key(role: str, directory: Path, issuer: str | None = None) -> PrivateKey:
    """Write a new private key and add its public half to the set. Raises UsageError, EdgeAgentError."""
    try:
        key = PrivateKey.generate(role, issuer)
    except ValueError as error:
        raise UsageError(f"--issuer {issuer!r}: {error}") from error
    key_set = directory / "keys.json"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        known = read_key_set(key_set) if key_set.exists() else []
        write_private(private_path(directory, key), key.as_jwk())
        write_key_set(key_set, [*known, key.public()])
    except OSError as error:
        raise EdgeAgentError(f"{directory}: {(error.strerror or str(error)).lower()}") from error
    return key


def private_path(directory: Path, key: PrivateKey) -> Path:
    """Return where `make_key` writes a private key."""
    return directory / f"{key.kid}.key.json"


def write_private(path: Path, jwk: dict[str, str]) -> None:
    """Write a private key to a new file that nobody else may read. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(jwk, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def write_key_set(path: Path, keys: list[PublicKey]) -> None:
    """Replace the file in one step: a device may be reading it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".keys-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump({"keys": [key.as_jwk() for key in keys]}, file, indent=1)
            file.write("\n")
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
