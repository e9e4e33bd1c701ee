"""Signed statements of a device: compact JWS (ES256) with one form each, so that no bit of one can change unseen.

The device's certificates stand once in each file, in a line of their own; a statement names them by the SHA-256 of that
line.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

from agent.contract.errors import EdgeAgentError
from agent.contract.leaves import DocumentError, base64url, canonical, parse
from agent.trust.evidence_keys import is_signature

CERTIFICATES = "certificates"
SIGNING = 4
"""So many times as long as the last signature took passes before the next one: a slow key signs less often."""


class Signer(Protocol):
    """The device's key: `agent.trust.evidence_keys.DeviceKey`."""

    x5c: tuple[bytes, ...]
    seconds: float

    def __call__(self, content: bytes) -> bytes:
        """Return 64 bytes, as ES256 has them, with the smaller `s`."""
        ...


class StatementError(EdgeAgentError):
    """This is no statement, or not one of the key that it names. The text says why."""


def certificates_line(x5c: Sequence[bytes]) -> bytes:
    """Return the line of a file that has these certificates (DER), without its end."""
    return canonical({CERTIFICATES: [base64.b64encode(each).decode() for each in x5c]})


def certificates_of(body: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Return the certificates of such a line; none if it has others than DER in base64."""
    try:
        return tuple(base64.b64decode(each, validate=True) for each in body[CERTIFICATES])
    except (binascii.Error, ValueError, TypeError):
        return ()


def signed(payload: Mapping[str, Any], signer: Signer) -> str:
    """Return a statement. Raises what the signer raises."""
    content = f"{_header(sha256(certificates_line(signer.x5c)).hexdigest())}.{base64url(canonical(payload))}"
    return f"{content}.{base64url(signer(content.encode()))}"


def opened(token: str, known: Mapping[str, Sequence[bytes]]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Return what a statement says, and the certificates of its key; `known` has them by the SHA-256 of their line.

    Raises StatementError.
    """
    header, _, rest = token.partition(".")
    payload, _, signature = rest.partition(".")
    kid = _said(header).get("kid")
    if not isinstance(kid, str) or kid not in known or _header(kid) != header:
        raise StatementError("its header is not that of a certificate in this file")
    if not known[kid] or not is_signature(known[kid][0], f"{header}.{payload}".encode(), _decoded(signature)):
        raise StatementError("its signature does not hold")
    try:
        said = parse(_decoded(payload))
    except DocumentError as error:
        raise StatementError(f"what it says can't be read: {error}") from error
    if not isinstance(said, dict):
        raise StatementError("what it says is no object")
    return said, known[kid]


def unverified(token: str) -> dict[str, Any]:
    """Return what a statement says, without a look at its signature; empty for what is none."""
    return _said(token.split(".")[1]) if "." in token else {}


def _said(text: str) -> dict[str, Any]:
    try:
        said = parse(_decoded(text))
    except DocumentError:
        return {}
    return said if isinstance(said, dict) else {}


def digest(token: str) -> str:
    """Return the SHA-256 of a statement in hex: what the next one in a chain names."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def _header(kid: str) -> str:
    return base64url(canonical({"alg": "ES256", "kid": kid}))


def _decoded(text: str) -> bytes:
    """Decode base64url, in its one form: the last letter may have bits that nobody reads. Empty for any other."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    return content if base64url(content) == text else b""
