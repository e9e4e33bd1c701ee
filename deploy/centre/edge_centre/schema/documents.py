"""What is exchanged beside the messages: a centre's state, and the key set of a device.

For the schemas; the agent reads both by code of its own.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.contract.commands import Role
from agent.contract.vocabulary import Time

_KEY_NAME = r"^[A-Za-z0-9._-]{1,64}$"


class CentreState(BaseModel):
    """`{root}/host/{centre}/state`: whether a command centre watches. At most 1 KiB."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    online: bool
    """Whether people watch."""
    time: Time | None = None
    """When it was said, by the centre's clock; nothing depends on it."""


class PublicJwk(BaseModel):
    """One key that a device obeys (RFC 8037)."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    kid: str = Field(pattern=_KEY_NAME)
    """The key's name, unique in the set; a token has it in its header."""
    use: Literal["sig"] | None = None
    role: Role
    """What its holder may do."""
    iss: str | None = Field(default=None, pattern=_KEY_NAME)
    """Who holds it; the `kid` when left out."""
    x: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}=?$")]
    """The 32 bytes of the public key, base64url."""


class JwkSet(BaseModel):
    """The file that `[commands] keys` names: the keys that a device obeys."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    keys: tuple[PublicJwk, ...]
