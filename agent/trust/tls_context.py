"""TLS as the agent uses it: 1.2 or newer, the peer's name checked, errors explained in words."""

import contextlib
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.contract.errors import BrokerError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. With `ca` only its authorities are trusted, without it the system's are."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    name: str | None = None
    """The common name of another certificate for that key, stored behind it in its file, to send instead of `cert`."""


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """Return a client context. It reads the files anew, so the next connection uses a renewed certificate.

    Raises BrokerError that names the file that can't be used, and NoProbeCertificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.ca is None:
        context.load_default_certs()
    else:
        try:
            context.load_verify_locations(cafile=files.ca)
        except OSError as error:  # ssl.SSLError is one
            raise BrokerError(
                f"the authority's certificate {files.ca} can't be used: {_plain(error)}; check [mqtt] ca_file"
            ) from error
    if files.cert is not None:
        try:
            # An empty password, because OpenSSL would otherwise ask for one at the terminal.
            with _shown(files.cert, files) as cert:
                context.load_cert_chain(cert, files.key, password="")
        except OSError as error:
            raise BrokerError(
                f"the device's certificate {files.cert} with its key {files.key} can't be used: "
                f"{_plain(error)}; check [mqtt] cert_file and key_file"
            ) from error
    return context


@contextlib.contextmanager
def _shown(cert: Path, files: TlsFiles) -> Iterator[Path]:
    """Provide the file that OpenSSL reads the certificate from: it takes only a file, and the first one in it."""
    if files.name is None:
        yield cert
        return
    from agent.trust.x509_files import probe_certificate  # noqa: PLC0415 - the start of the agent must not load it

    number = os.memfd_create("certificate")
    try:
        path = Path(f"/proc/self/fd/{number}")
        path.write_bytes(probe_certificate(files.key or cert, files.name))
        yield path
    finally:
        os.close(number)


def explain_tls(error: ssl.SSLError, host: str) -> str:
    """Return what a failed handshake means and what to do next, in one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFICATION.get(error.verify_code, "the broker's certificate is not valid: {reason}").format(
            host=host, reason=error.verify_message, now=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        )
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):  # which of them depends on OpenSSL's version
        return (
            f"{host} closed the connection during the TLS handshake: check that a broker listens on this port,"
            " and that it uses TLS there"
        )
    if error.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}:
        return f"{host} does not use TLS on this port: use mqtt:// there, or another port"
    return explain_alert(error.reason or str(error))


def explain_alert(reason: str) -> str:
    """Return what the broker's own TLS alert means. `reason` is OpenSSL's name for it."""
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        return "the broker wants a client certificate: set [mqtt] cert_file and key_file"
    if "EXPIRED" in reason:
        return "the broker says that this device's certificate has expired: renew it (`sudo edge-agent renew --now`)"
    if "UNKNOWN_CA" in reason:
        return (
            "the broker does not trust the authority of this device's certificate: ask the office whether the broker "
            "has this province's authorities, and check [mqtt] cert_file"
        )
    return f"TLS failed ({reason.lower().replace('_', ' ')}): check the certificates on both sides"


_WRONG_CA = "the broker's certificate comes from an authority that is not trusted here ({reason}): check [mqtt] ca_file"
_WRONG_HOST = "the broker's certificate is not for {host}: use the name in the certificate, or renew it"
# X509_V_ERR_* of <openssl/x509_vfy.h>
_VERIFICATION = {
    9: "the broker's certificate is not valid yet: check this device's clock, which says {now}",
    10: "the broker's certificate has expired: renew it, or check this device's clock, which says {now}",
    18: _WRONG_CA,
    19: _WRONG_CA,
    20: _WRONG_CA,
    21: _WRONG_CA,
    7: _WRONG_CA,
    62: _WRONG_HOST,
    64: _WRONG_HOST,
}


def _plain(error: OSError) -> str:
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return (reason or str(error)).lower().replace("_", " ")
