"""Revoked certificates, whatever key their authority has."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from edge_centre.adapters.x509_at import revoked_at, why_no_list
from edge_centre.authority import new_key

NOW = datetime.now(UTC).replace(microsecond=0)


def test_a_list_counts_that_an_authority_with_an_rsa_key_has_signed() -> None:
    key, own = rsa.generate_private_key(65537, 2048), new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=2))
    authority = made.add_extension(x509.BasicConstraints(True, None), critical=True).sign(key, SHA256())
    device = x509.CertificateBuilder(name, name, own.public_key(), 7, NOW, NOW + timedelta(days=1)).sign(key, SHA256())
    entry = x509.RevokedCertificateBuilder(7, NOW).build()
    crl = x509.CertificateRevocationListBuilder(name, NOW, NOW + timedelta(days=1), [], [entry]).sign(key, SHA256())
    pem, lists = authority.public_bytes(Encoding.PEM).decode(), crl.public_bytes(Encoding.PEM).decode()

    assert why_no_list(pem, lists) is None
    assert revoked_at([device.public_bytes(Encoding.DER)], pem, lists) == NOW
