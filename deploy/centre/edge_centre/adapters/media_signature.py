"""The key that a stream was signed with: taken from certificates in the stream, it checks signatures over its SEIs."""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

_CERTIFICATES = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_MOST = 8
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class MediaKey:
    """Who signed, as the stream says: nobody has vouched for it yet."""

    chain: tuple[bytes, ...]
    """DER, the signer's certificate first."""
    subject: str
    issuer: str
    fingerprint: str
    """SHA-256 of the signer's certificate, in hex."""
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey

    @classmethod
    def read(cls, pem: bytes) -> Self | None:
        """Return the key of the first certificate; None if there is none that can be used."""
        try:
            found = [x509.load_pem_x509_certificate(each) for each in _CERTIFICATES.findall(pem)[:_MOST]]
            key = found[0].public_key()
            names = found[0].subject.rfc4514_string(), found[0].issuer.rfc4514_string()
        except (ValueError, TypeError, IndexError, KeyError, UnsupportedAlgorithm, x509.InvalidVersion):
            return None
        if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            return None
        chain = tuple(each.public_bytes(Encoding.DER) for each in found)
        return cls(chain, *names, hashlib.sha256(chain[0]).hexdigest(), key)

    def has_signed(self, content: bytes, signature: bytes, algorithm: str) -> bool:
        """Return whether this is the key's signature over `content`, hashed with `algorithm`."""
        try:
            if isinstance(self.key, rsa.RSAPublicKey):
                self.key.verify(signature, content, padding.PKCS1v15(), _HASHES[algorithm])
            else:
                self.key.verify(signature, content, ec.ECDSA(_HASHES[algorithm]))
        except (InvalidSignature, ValueError):
            return False
        return True
