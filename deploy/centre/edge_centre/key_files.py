"""The files of keys that an office makes and hands out."""

import json
import os
from pathlib import Path

from agent.contract.errors import EdgeAgentError, UsageError
from agent.trust.jose_keys import PrivateKey, PublicKey, read_key_set
from agent.trust.whole_file import replace_file


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
    """Replace the file in one step: a device may be reading it. Raises OSError."""
    text = json.dumps({"keys": [key.as_jwk() for key in keys]}, indent=1)
    replace_file(path, f"{text}\n".encode(), 0o644)
