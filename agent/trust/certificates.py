"""What a certificate says, as plain values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

KeyKind = Literal["file", "tpm", "pkcs11"]
"""Where a key is: in its file, in the board's TPM, or behind PKCS#11."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The content of one certificate."""

    file: str
    common_name: str
    not_before: datetime
    not_after: datetime
    is_authority: bool = False


@dataclass(frozen=True, slots=True)
class DeviceCertificate:
    """The device's own certificate, and the results of checking it."""

    own: Certificate
    key_file: str
    key_matches: bool
    for_clients: bool
    """Whether a TLS client may use it."""
    chain_holds: bool | None
    """Whether the next certificate in its file, or that of the same name in `ca_file`, signed it; None without one."""
    key_is_open: bool
    """Whether users other than its owner and group may read the key."""
    others: tuple[str, ...] = ()
    """The common names of the certificates that follow the key in the key's file."""
    key_kind: KeyKind = "file"
    key_trouble: str = ""
    """Why nobody can tell whether the key matches, as its place is not the file; empty if somebody can."""
