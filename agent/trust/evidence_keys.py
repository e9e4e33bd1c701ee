"""The keys of evidence: the device's, which signs (ES256), and the province's, to which clips are sealed (X25519).

A signature has the smaller of its two values of `s`: the other one holds as well, and anybody could put it in its
place.
"""

import base64
import binascii
import json
import os
import re
import secrets
import subprocess
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from agent.contract.errors import EdgeAgentError
from agent.trust.x509_files import PROVIDERS, kind_of_key

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256."""
_CERTIFICATES = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_PATIENCE_S = 30.0
_SLOW_S = 0.5
"""What the first signature by a key elsewhere may take."""
_RAW = (Encoding.Raw, PublicFormat.Raw)
_PURPOSE = b"edge-centre evidence 1"


class KeyTrouble(EdgeAgentError):  # noqa: N818 - what is so
    """A key of evidence can't be used. The text says why."""


class DeviceKey:
    """Signs with the device's key: call it with what to sign, and it returns 64 bytes as a JWS has them (ES256).

    A key outside of its file is used by a process for each signature, which takes from 20 ms to seconds.
    """

    def __init__(self, path: Path, certificate: Path) -> None:
        """Read the files that `[mqtt]` names. Raises KeyTrouble, BrokerError."""
        self._path = path
        self._certificate = certificate
        self._stamp = self._seen = _stamp(path, certificate)
        self._key, self.x5c = _read(path, certificate)
        """DER: the device's certificate first, and then those of authorities between."""
        self.seconds = _SLOW_S if self._key is None else 0.0
        """What the newest signature took."""

    def look(self) -> bool:
        """Take what has replaced key and certificate since the look before the last, and so is complete; return whether
        that was so. No signature may be under way. Raises KeyTrouble, BrokerError: then the old ones stay."""
        seen, self._seen = self._seen, _stamp(self._path, self._certificate)
        if self._seen == self._stamp or self._seen != seen:
            return False
        self._key, self.x5c = _read(self._path, self._certificate)
        self._stamp = self._seen
        return True

    def __call__(self, content: bytes) -> bytes:
        """Sign. Raises KeyTrouble."""
        began = time.monotonic()
        der = self._key.sign(content, ec.ECDSA(SHA256())) if self._key is not None else self._by_provider(content)
        r, s = decode_dss_signature(der)
        self.seconds = time.monotonic() - began
        return r.to_bytes(32) + min(s, _ORDER - s).to_bytes(32)

    def _by_provider(self, content: bytes) -> bytes:
        environ = {**os.environ, "OPENSSL_CONF": f"{PROVIDERS}/openssl-{kind_of_key(self._path)}.cnf"}
        command = ("openssl", "dgst", "-sha256", "-sign", str(self._path))
        try:
            return subprocess.run(
                command, input=content, capture_output=True, timeout=_PATIENCE_S, check=True, env=environ
            ).stdout
        except (OSError, subprocess.SubprocessError) as error:
            raise KeyTrouble(f"the device's key {self._path} can't sign: {error}") from error


def _read(key: Path, certificate: Path) -> tuple[ec.EllipticCurvePrivateKey | None, tuple[bytes, ...]]:
    """Return the key, None if it is elsewhere, and the certificates. Raises KeyTrouble, BrokerError."""
    kind = kind_of_key(key)
    try:
        chain = tuple(base64.b64decode(each) for each in _CERTIFICATES.findall(certificate.read_bytes()))
        private = load_pem_private_key(key.read_bytes(), None) if kind == "file" else None
    except (OSError, ValueError, TypeError) as error:
        raise KeyTrouble(f"{key}, {certificate}: not the key and the certificate of a device: {error}") from error
    if not chain or (private is not None and not _is_p256(private)):
        raise KeyTrouble(f"{key}, {certificate}: evidence needs a key of the curve P-256, and its certificate")
    assert private is None or isinstance(private, ec.EllipticCurvePrivateKey)
    if private is not None and _point(private) not in chain[0]:
        raise KeyTrouble(f"the key {key} does not belong to the certificate {certificate}")
    return private, chain


def _is_p256(key: object) -> bool:
    return isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public key as a certificate has it."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _stamp(*files: Path) -> tuple[tuple[int, int], ...]:
    """Return what changes when a file is replaced; nothing while one is missing."""
    try:
        return tuple((stat.st_ino, stat.st_mtime_ns) for stat in map(Path.stat, files))
    except OSError:
        return ()


def der_of(raw: bytes) -> bytes:
    """Return an ES256 signature as a stream has it, from the 64 bytes that a JWS has."""
    return encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))


def pem_of(chain: Sequence[bytes]) -> bytes:
    """Return certificates in PEM, from DER."""
    texts = (textwrap.wrap(base64.b64encode(each).decode(), 64) for each in chain)
    lines = (("-----BEGIN CERTIFICATE-----", *text, "-----END CERTIFICATE-----", "") for text in texts)
    return "".join(map("\n".join, lines)).encode()


def is_signature(certificate: bytes, content: bytes, signature: bytes) -> bool:
    """Return whether a signature, as `DeviceKey` makes it, is that of a certificate (DER) over `content`."""
    key = _public_key(certificate)
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    if key is None or len(signature) != 64 or s > _ORDER - s:
        return False
    try:
        key.verify(encode_dss_signature(r, s), content, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=8)
def _public_key(certificate: bytes) -> ec.EllipticCurvePublicKey | None:
    from cryptography import x509  # noqa: PLC0415 - 6 MiB that a recorder does without

    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1) else None


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom clips are sealed: the public half of the province's evidence key."""

    kid: str
    octets: bytes
    """The 32 bytes of the X25519 key."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it as settings have it, `KID:KEY`. Raises KeyTrouble."""
        kid, _, key = text.partition(":")
        where = "the evidence key in the settings"
        octets = _octets(key, where)
        try:
            X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(octets))
        except ValueError as error:  # one of few numbers that are no keys: a press must not be what finds it
            raise KeyTrouble(f"{where}: that is no X25519 key: nothing can be sealed to it") from error
        return cls(kid, octets)

    def __str__(self) -> str:
        return f"{self.kid}:{_base64url(self.octets)}"


@dataclass(frozen=True, slots=True)
class EvidenceKey:
    """The province's private evidence key, which opens clips. Its repr does not show the secret."""

    kid: str
    key: X25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls, kid: str) -> Self:
        """Make a new key."""
        return cls(kid, X25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file that `edge-centre keygen --evidence` wrote. Raises KeyTrouble."""
        try:
            jwk = json.loads(path.read_bytes())
            if (jwk["kty"], jwk["crv"]) != ("OKP", "X25519"):
                raise KeyTrouble(f"{path}: this is a key of another kind; it must be evidence-N.key.json")
            return cls(str(jwk["kid"]), X25519PrivateKey.from_private_bytes(_octets(jwk["d"], str(path))))
        except OSError as error:
            raise KeyTrouble(f"{path}: can't be read: {(error.strerror or str(error)).lower()}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise KeyTrouble(f"{path}: this is no private evidence key (evidence-N.key.json)") from error

    def public(self) -> Recipient:
        """Return the half that devices get."""
        return Recipient(self.kid, self.key.public_key().public_bytes(*_RAW))

    def as_jwk(self) -> dict[str, str]:
        """Return the content of the private file. A secret."""
        octets = self.key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        public = {"kty": "OKP", "crv": "X25519", "kid": self.kid, "use": "enc", "x": _base64url(self.public().octets)}
        return public | {"d": _base64url(octets)}

    def unwrap(self, sender: str, wrapped: str) -> bytes:
        """Return the content key that `wrap` made. Raises KeyTrouble."""
        try:
            shared = self.key.exchange(X25519PublicKey.from_public_bytes(_octets(sender, "the clip's header")))
            key = _wrapping(shared, _octets(sender, "the clip's header"), self.public())
            return AESGCM(key).decrypt(bytes(12), base64.urlsafe_b64decode(wrapped), None)
        except (InvalidTag, ValueError) as error:
            raise KeyTrouble(f"the key {self.kid} does not open this clip: it was sealed to another one") from error


def wrap(recipient: Recipient) -> tuple[bytes, str, str]:
    """Return a new content key, and what opens it for the recipient: the sender's public key and the wrapped key."""
    content_key, ephemeral = secrets.token_bytes(32), X25519PrivateKey.generate()
    sender = ephemeral.public_key().public_bytes(*_RAW)
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient.octets))
    # Each wrapping key is used once, so its nonce may be zero.
    wrapped = AESGCM(_wrapping(shared, sender, recipient)).encrypt(bytes(12), content_key, None)
    return content_key, _base64url(sender), base64.urlsafe_b64encode(wrapped).decode()


def encrypt(key: bytes, number: int, content: bytes, bound: bytes) -> bytes:
    """Seal record `number` with AES-256-GCM. A number is used once for each key; `bound` is what it is bound to."""
    return AESGCM(key).encrypt(number.to_bytes(12), content, bound)


def decrypt(key: bytes, number: int, content: bytes, bound: bytes) -> bytes | None:
    """Return what `encrypt` sealed; None if it was altered."""
    try:
        return AESGCM(key).decrypt(number.to_bytes(12), content, bound)
    except (InvalidTag, ValueError):
        return None


def _wrapping(shared: bytes, sender: bytes, recipient: Recipient) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE + sender + recipient.octets).derive(shared)


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _octets(text: Any, where: str) -> bytes:
    try:
        octets = base64.b64decode(str(text) + "=" * (-len(str(text)) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if len(octets) != 32:
        raise KeyTrouble(f"{where}: that is no X25519 key: 43 letters, digits, - and _")
    return octets
