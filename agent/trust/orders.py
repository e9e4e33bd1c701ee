"""Acks and commands, signed."""

import secrets
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from agent.contract.messages import ResultData
from agent.trust.jose_keys import PrivateKey, sign

_LIFE_S = 120


class Signed(NamedTuple):
    """A signed ack or command, and how long it is valid, in seconds."""

    token: bytes
    expiry_s: int
    cmd_id: str

    def is_answered_by(self, result: ResultData) -> bool:
        """Return whether a result is of this. A device that does not know the key answers by the digest."""
        return result.command_id == self.cmd_id or digest_of(result) == sha256(self.token).hexdigest()


def new_cmd_id() -> str:
    """Return an identifier that no other command has."""
    return f"cmd-{secrets.token_hex(8)}"


def signed(
    name: str,
    args: Mapping[str, Any],
    audience: str,
    key: PrivateKey,
    boot_nonce: str | None,
    cmd_id: str,
    *,
    life_s: int = _LIFE_S,
) -> Signed:
    """Sign an ack or a command for the device with the source `audience`."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "cmd_id": cmd_id,
        "name": name,
        "args": dict(args),
        "aud": audience,
        "iss": key.issuer,
        "iat": now,
        "exp": now + life_s,
        # This clock's microseconds only ever rise, so there is no counter to keep between calls.
        "ctr": time.time_ns() // 1000,
    }
    if boot_nonce:
        claims["boot_nonce"] = boot_nonce
    return Signed(sign(claims, key), life_s, cmd_id)


def digest_of(result: ResultData) -> str:
    """Return the digest by which a device answers that does not know the key; empty if it is no such answer."""
    output: Any = result.output
    found = output.get("sha256") if isinstance(output, dict) else getattr(output, "sha256", None)
    return found if isinstance(found, str) else ""
