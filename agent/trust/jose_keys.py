"""Signed commands: compact JWS with Ed25519, and the files that hold the keys.

This checks form and signature only; the core checks who a command is for, when it is valid and how often. Loading the
libraries takes a third of the start-up time, so it waits until the first token is verified or signed, or for
`KeyRing.prepare`: a press needs none of them.
"""

import base64
import binascii
import json
import re
import secrets
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from agent.contract.commands import CommandRejected, Role
from agent.contract.errors import SettingsError

if TYPE_CHECKING:
    import jwt
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "EdDSA"
MAX_TOKEN_BYTES = 16 * 1024
ROLES: tuple[Role, ...] = get_args(Role)
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
"""What a kid or an issuer may look like: it becomes a file name and a database key."""


@cache
def _jws() -> "jwt.PyJWS":
    import jwt  # noqa: PLC0415

    return jwt.PyJWS(algorithms=[ALGORITHM])


@cache
def _public_key(octets: bytes) -> "Ed25519PublicKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    return Ed25519PublicKey.from_public_bytes(octets)


@dataclass(frozen=True, slots=True)
class VerifiedClaims:
    """The payload of a token with a valid signature, and the owner of its key."""

    kid: str
    role: str
    issuer: str
    claims: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One entry of the key set: who may sign, and in which role."""

    kid: str
    role: str
    issuer: str
    octets: bytes = field(repr=False)
    """The 32 bytes of the Ed25519 key."""

    @classmethod
    def from_jwk(cls, jwk: Any) -> "PublicKey":
        """Read an entry of the key set. Raises ValueError that says what is wrong with it."""
        if not isinstance(jwk, dict):
            raise ValueError("a key is not a JSON object")  # noqa: TRY004 - like every other mistake in here
        if "d" in jwk:
            raise ValueError(f"key {jwk.get('kid')!r} holds a private part; keep only the public half there")
        kid, role, issuer = _owner(jwk)
        if jwk.get("use", "sig") != "sig":
            raise ValueError(f"key {kid!r} is not for signatures")
        return cls(kid, role, issuer, _octets(jwk, "x", kid))

    def as_jwk(self) -> dict[str, str]:
        """Return the entry for the key set file."""
        return _jwk(self) | {"x": _base64url(self.octets)}


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that may sign. Its repr does not show the secret."""

    kid: str
    role: str
    issuer: str
    key: "Ed25519PrivateKey" = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "PrivateKey":
        """Read a file that `edge-centre keygen` wrote. Raises SettingsError."""
        try:
            return cls.from_jwk(_read_json(path))
        except ValueError as error:
            raise SettingsError(
                f"{path}: {error}; it must be a private key (KID.key.json) that `edge-centre keygen` made"
            ) from error

    @classmethod
    def from_jwk(cls, jwk: Any) -> "PrivateKey":
        """Read a private key. Raises ValueError that says what is wrong with it."""
        if not isinstance(jwk, dict) or "d" not in jwk:
            raise ValueError("it holds no private key")
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        kid, role, issuer = _owner(jwk)
        return cls(kid, role, issuer, Ed25519PrivateKey.from_private_bytes(_octets(jwk, "d", kid)))

    @classmethod
    def generate(cls, role: str, issuer: str | None = None) -> "PrivateKey":
        """Generate a new key. Raises ValueError for an issuer that is not a valid name."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        kid = f"{role}-{secrets.token_hex(4)}"
        if issuer is not None and not NAME.match(issuer):
            raise ValueError("a name has up to 64 letters, digits, dots, hyphens and underscores")
        return cls(kid, role, issuer or kid, Ed25519PrivateKey.generate())

    def public(self) -> PublicKey:
        """Return the half that devices get."""
        # Not public_bytes_raw: Bookworm's own library does not have it yet.
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

        octets = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return PublicKey(self.kid, self.role, self.issuer, octets)

    def as_jwk(self) -> dict[str, str]:
        """Return the content of the private file. A secret."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

        octets = self.key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return self.public().as_jwk() | {"d": _base64url(octets)}


def sign(claims: Mapping[str, Any], key: PrivateKey) -> bytes:
    """Return a compact JWS of `claims`, with the key's id in its header."""
    payload = json.dumps(claims, separators=(",", ":")).encode()
    return _jws().encode(payload, key.key, algorithm=ALGORITHM, headers={"kid": key.kid}).encode("ascii")


class KeyRing:
    """The public keys that this device obeys. `verify` may be called from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._keys: dict[str, PublicKey] = {}
        self._taken: tuple[int, list[PublicKey]] | None = None

    @classmethod
    def load(cls, path: Path | None) -> "KeyRing":
        """Read the key set. Without a path the ring is empty, and every token is refused.

        Raises SettingsError that names what is wrong with the file.
        """
        ring = cls(path)
        ring.reload()
        return ring

    def take(self, keys: list[dict[str, Any]], revision: int) -> None:
        """Obey these keys in place of the file's, from the next `reload` on. Raises ValueError for what is no key
        set. Any thread."""
        self._taken = revision, parse_keys({"keys": keys})

    def reload(self) -> None:
        """Read the file again. Raises SettingsError, and then the keys stay as they were."""
        if self._taken is not None:
            self._keys = {key.kid: key for key in self._taken[1]}
        elif self._path is not None:
            self._keys = {key.kid: key for key in read_key_set(self._path)}

    @property
    def keys(self) -> Mapping[str, PublicKey]:
        """The keys by their ids. The mapping is replaced on reload, never changed."""
        return self._keys

    def stamp(self) -> tuple[int, Hashable] | None:
        """Return when the file last changed (nanoseconds since 1970; 0 when it can't be reached), and what else tells
        one file from another; None without a path. Keys that were taken have a revision and no time."""
        if self._taken is not None:
            return 0, ("taken", self._taken[0])
        if self._path is None:
            return None
        try:
            file = self._path.stat()
        except OSError as error:
            return 0, error.errno
        return file.st_ctime_ns, (file.st_mtime_ns, file.st_ino, file.st_dev, file.st_size)

    def prepare(self) -> None:
        """Load what `verify` needs, which takes long on a small device; without keys, nothing. Any thread."""
        if self._keys:
            _jws()
        for key in self._keys.values():
            _public_key(key.octets)

    def verify(self, token: bytes) -> VerifiedClaims:
        """Verify a token and return its claims.

        Raises CommandRejected: `malformed`, `unknown-key` or `bad-signature`.
        """
        import jwt  # noqa: PLC0415

        if len(token) > MAX_TOKEN_BYTES:
            raise CommandRejected("malformed", f"a token of {len(token)} bytes is too long")
        key = self._key_for(token)
        try:
            payload = _jws().decode(token, _public_key(key.octets), algorithms=[ALGORITHM])
        except jwt.InvalidSignatureError as error:
            raise CommandRejected("bad-signature", f"the signature is not that of key {key.kid}") from error
        except jwt.InvalidTokenError as error:
            raise CommandRejected("malformed", "the token is not a compact JWS") from error
        try:
            claims = json.loads(payload, parse_constant=_no_number)
            json.dumps(claims, ensure_ascii=False).encode()  # half a surrogate pair could not be sent back in a result
        except (ValueError, RecursionError) as error:
            raise CommandRejected("malformed", "the token's content is not JSON") from error
        if not isinstance(claims, dict):
            raise CommandRejected("malformed", "the token's content is not a JSON object")
        return VerifiedClaims(key.kid, key.role, key.issuer, claims)

    def _key_for(self, token: bytes) -> PublicKey:
        import jwt  # noqa: PLC0415

        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise CommandRejected("malformed", "the token is not a compact JWS") from error
        if header.get("alg") != ALGORITHM:
            raise CommandRejected("malformed", "the token is not signed with EdDSA")
        if "crit" in header or "b64" in header:
            raise CommandRejected("malformed", "the token requires an unknown extension")
        kid = header.get("kid")
        if not isinstance(kid, str) or not NAME.match(kid):
            raise CommandRejected("malformed", "the token names no key")
        key = self._keys.get(kid)
        if key is None:
            raise CommandRejected("unknown-key", f"key {kid} is not known to this device")
        return key


def read_key_set(path: Path) -> list[PublicKey]:
    """Return the keys of a JWK set file. Raises SettingsError that names what is wrong."""
    try:
        return parse_keys(_read_json(path))
    except ValueError as error:
        raise SettingsError(
            f"{path}: {error}; it must be the keys.json of the office, where `edge-centre keygen` makes it"
        ) from error


def parse_keys(content: Any) -> list[PublicKey]:
    """Return the keys of a JWK set. Raises ValueError that says what is wrong with it."""
    entries = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ValueError('it is not a JWK set, {"keys": [...]}')  # noqa: TRY004
    keys = [PublicKey.from_jwk(entry) for entry in entries]
    kids = [key.kid for key in keys]
    for kid in kids:
        if kids.count(kid) > 1:
            raise ValueError(f"two keys are named {kid!r}")
    return keys


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"can't be read: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RecursionError) as error:
        # The content stays out of the text: it may be a secret.
        raise ValueError("it is not valid JSON") from error


def _owner(jwk: Mapping[str, Any]) -> tuple[str, str, str]:
    kid, role = jwk.get("kid"), jwk.get("role")
    issuer = jwk.get("iss", kid)
    if not isinstance(kid, str) or not NAME.match(kid):
        raise ValueError(f"a key has no usable kid (given: {kid!r})")
    if not isinstance(issuer, str) or not NAME.match(issuer):
        raise ValueError(f"key {kid!r} has no usable iss")
    if role not in ROLES:
        raise ValueError(f"key {kid!r} has no role of {', '.join(ROLES)}")
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
        raise ValueError(f"key {kid!r} is not an Ed25519 key")
    return kid, str(role), issuer


def _octets(jwk: Mapping[str, Any], name: str, kid: str) -> bytes:
    value = jwk.get(name)
    try:
        octets = base64.b64decode(str(value) + "=" * (-len(str(value)) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        octets = b""
    if not isinstance(value, str) or len(octets) != 32:
        raise ValueError(f"key {kid!r} has no usable {name}")
    return octets


def _jwk(key: PublicKey) -> dict[str, str]:
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "kid": key.kid,
        "use": "sig",
        "role": key.role,
        "iss": key.issuer,
    }


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
