"""The text that lets a device enrol, as the registrar writes it and the device reads it; needs pydantic alone.

A claim gives one device one name, once. An invitation only says where the registrar is and whom to trust: no secret.
"""

import base64
import binascii
import hashlib
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agent.contract.errors import EdgeAgentError
from agent.contract.identity import LEVEL
from agent.contract.leaves import base64url

PREFIX = "edge-claim1."
BOARD_URN = "urn:edge-agent:board:"
"""Before the board's serial, in the subject alternative names of a device's certificate."""
_LONGEST = 4096
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SERIAL = re.compile(r"[0-9A-Za-z.-]{1,64}\Z")
"""What X.509 takes as a serial number in a name."""
_REGISTRAR = re.compile(r"https://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")
_SERVICE_CODE = re.compile(r"[0-9]{8}\Z")
_SECRET = re.compile(r"[A-Za-z0-9_-]{22,86}\Z")


class ClaimError(EdgeAgentError):
    """A text is no claim and no invitation, or lacks what is needed."""


def whole_name(text: str) -> str:
    """Return `text` if it is `province/site/id`, in levels that topics accept. Raises ValueError."""
    if text.count("/") != 2 or not all(LEVEL.match(level) for level in text.split("/")):
        raise ValueError("a device's name is province/site/id, in small letters, digits and hyphens")
    return text


def board_serial(text: str) -> str:
    """Return a board's serial in the one form that is compared: small letters. Raises ValueError."""
    if not _SERIAL.match(text):
        raise ValueError("a board's serial has letters, digits, dots and hyphens, 64 at most")
    return text.lower()


def registrar_address(text: str) -> str:
    """Return `text` if it is `https://HOST[:PORT]`, without a path. Raises ValueError."""
    if not _REGISTRAR.match(text):
        raise ValueError("the registrar's address is https://HOST or https://HOST:PORT")
    return text


def _secret(text: str) -> str:
    if not _SECRET.match(text):
        raise ValueError("a secret has 128 bits or more, in base64url without padding")
    return text


def _service_code(text: str) -> str:
    if not _SERVICE_CODE.match(text):
        raise ValueError("a service page's code has eight digits")
    return text


def _root(text: str) -> str:
    if unpadded(text)[:1] != b"\x30":
        raise ValueError("the root is no certificate")
    return text


class Invitation(BaseModel):
    """Where a registrar is, and the only root that its certificate may come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    registrar: Annotated[str, AfterValidator(registrar_address)]
    """`https://HOST[:PORT]`, without a path."""
    root: Annotated[str, AfterValidator(_root)]
    """The root certificate of servers: base64url of its DER form."""

    @property
    def root_der(self) -> bytes:
        """The root certificate in DER form."""
        return unpadded(self.root)

    def text(self) -> str:
        """Return the one line that `read` takes."""
        return PREFIX + base64url(self.model_dump_json().encode())


class Claim(Invitation):
    """A permission for one device to enrol once, prepared in the office."""

    name: Annotated[str, AfterValidator(whole_name)]
    secret: Annotated[str, AfterValidator(_secret), Field(repr=False)]
    until: Annotated[int, Field(gt=0)]
    """When it expires, in seconds since 1970."""
    board: Annotated[str, AfterValidator(board_serial)] | None = None
    """The serial of the only board that may use it; None for any."""
    service_code: Annotated[str, AfterValidator(_service_code)] | None = Field(default=None, repr=False)
    """Opens the device's service page; the device keeps its hash alone (agent/core/service_code.py)."""


def read(text: str) -> Claim | Invitation:
    """Return the claim or the invitation in `text`; white space around and inside it does not matter.

    Raises ClaimError, which never repeats what may be a secret.
    """
    line = "".join(text[: 2 * _LONGEST].split())
    if not line.startswith(PREFIX):
        raise ClaimError(f"this is no claim: a claim is one line that begins with {PREFIX}")
    if len(line) > _LONGEST:
        raise ClaimError("this is no claim: it is too long. Ask the office for a new one")
    try:
        content = unpadded(line.removeprefix(PREFIX))
        kind = Claim if b'"secret"' in content else Invitation
        return kind.model_validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        what = f"{where}: {first['msg']}" if where else "it is cut off or mistyped"
        raise ClaimError(f"this claim is damaged ({what}): copy the whole line, or ask the office again") from None
    except ValueError:
        raise ClaimError("this claim is cut off or mistyped: copy the whole line, or ask the office again") from None


def code(public_key: bytes) -> str:
    """Return what the technician reads out: 60 bits of the fingerprint of a key, as `XXXX-XXXX-XXXX`.

    `public_key` is its SubjectPublicKeyInfo in DER form.
    """
    bits = int.from_bytes(hashlib.sha256(public_key).digest()[:8], "big") >> 4
    letters = "".join(_CROCKFORD[bits >> shift & 31] for shift in range(55, -1, -5))
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def spoken_service_code(digits: str) -> str:
    """Return a service page's code as a person is told it: `1234 5678`."""
    return f"{digits[:4]} {digits[4:]}"


def unpadded(text: str) -> bytes:
    """Return what base64url without padding holds. Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("this is not base64url") from error
