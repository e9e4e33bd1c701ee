"""A certificate signing request, as a device sends it: read, and held against what the registrar would sign."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.contract.identity import Identity, client_id, common_name
from agent.trust.claim import BOARD_URN, board_serial, code, whole_name
from edge_centre.registrar.refusal import Refusal

MAX_BYTES = 16 * 1024
"""Of the body of a request. A device's has half a KiB."""
_UNREADABLE = (
    ValueError,  # and binascii.Error
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_AGAIN = "Nothing was issued: update edge-agent on this device, then enrol again."
_PROBE = Identity("", "", "").probe.removeprefix("//")
"""What a probe's name has behind that of its device."""


_PAGE = re.compile(r"[a-z0-9-]{1,63}\.local\Z")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a service page's certificate, whose form is right and whose sender has the key."""

    host: str
    """`ID.local`; whose it is, is not looked at yet."""
    public_key: ec.EllipticCurvePublicKey = field(repr=False)

    @property
    def key(self) -> str:
        """As `DeviceRequest.key`."""
        return _fingerprint(self.public_key)


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A request whose form is right and whose sender has the key. Whether the name may be had is not looked at yet."""

    name: str
    """`province/site/id`."""
    user: str
    """The name that the certificate is for: `name`, or that of its probe."""
    board: str | None
    public_key: ec.EllipticCurvePublicKey = field(repr=False)

    @property
    def spki(self) -> bytes:
        """The SubjectPublicKeyInfo, in DER form."""
        return _spki(self.public_key)

    @property
    def key(self) -> str:
        """The key's fingerprint: SHA-256 of its SubjectPublicKeyInfo, in hex."""
        return _fingerprint(self.public_key)

    @property
    def code(self) -> str:
        """What the technician reads out."""
        return code(self.spki)


def read_request(body: bytes) -> DeviceRequest:
    """Return what a body of EST asks for: base64 of PKCS#10. Raises Refusal."""
    public_key, extensions, subject = _read(body)
    common, board = _subject(subject)
    user, board = _names(extensions, common, board)
    name = user.removesuffix(_PROBE) if user.count("/") == 4 else user
    try:
        whole_name(name)
    except ValueError as error:
        raise Refusal(
            f"{name[:80]!r} is no name of a device: it is province/site/id. Enrol again with another name."
        ) from error
    return DeviceRequest(name, user, board, public_key)


def read_page_request(body: bytes) -> PageRequest:
    """Return what a body asks for, which is to be for a service page. Raises Refusal."""
    public_key, extensions, subject = _read(body)
    host, board = _subject(subject)
    named = False
    for extension in _beyond_the_usual(extensions, ExtendedKeyUsageOID.SERVER_AUTH):
        match extension.value:
            case x509.SubjectAlternativeName() as names if list(names) == [x509.DNSName(host)]:
                named = True
            case x509.SubjectAlternativeName():
                raise Refusal(f"A service page has one name, and it is that of the subject, {host[:80]!r}. {_AGAIN}")
            case _:
                raise _not_for_that(extension)
    if board is not None or not named or not _PAGE.match(host):
        raise Refusal(f"{host[:80]!r} is no name of a service page, which is ID.local and nothing else. {_AGAIN}")
    return PageRequest(host, public_key)


def _read(body: bytes) -> tuple[ec.EllipticCurvePublicKey, x509.Extensions, x509.Name]:
    """Return key, extensions and subject of a request that its own key has signed."""
    if len(body) > MAX_BYTES:
        raise Refusal(f"This certificate request is too long. {_AGAIN}", 413)
    try:
        der = base64.b64decode(b"".join(body.split()), validate=True)
        csr = x509.load_der_x509_csr(der)
        # A load leaves most of it unread, and unread it may be garbage.
        public_key, extensions, subject = csr.public_key(), csr.extensions, csr.subject
        digest, signed = csr.signature_hash_algorithm, csr.is_signature_valid
    except _UNREADABLE as error:
        raise Refusal(f"This is no certificate request that can be read. {_AGAIN}", 400) from error
    if not isinstance(public_key, ec.EllipticCurvePublicKey) or not isinstance(public_key.curve, ec.SECP256R1):
        raise Refusal(f"The key of a device must be of P-256. {_AGAIN}", 400)
    if not isinstance(digest, hashes.SHA256 | hashes.SHA384 | hashes.SHA512) or not signed:
        raise Refusal(f"The certificate request is not signed with its own key. {_AGAIN}", 400)
    return public_key, extensions, subject


def _spki(public_key: ec.EllipticCurvePublicKey) -> bytes:
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _fingerprint(public_key: ec.EllipticCurvePublicKey) -> str:
    return hashlib.sha256(_spki(public_key)).hexdigest()


def _subject(subject: x509.Name) -> tuple[str, str | None]:
    """Return the common name, and the board's serial if there is one."""
    values = {attribute.oid: str(attribute.value) for attribute in subject}
    if len(values) != len(list(subject)) or not {NameOID.COMMON_NAME} <= values.keys() <= {
        NameOID.COMMON_NAME,
        NameOID.SERIAL_NUMBER,
    }:
        raise Refusal(f"A device's subject is its name and its board's serial, nothing else. {_AGAIN}", 400)
    board = values.get(NameOID.SERIAL_NUMBER)
    try:
        return values[NameOID.COMMON_NAME], board and board_serial(board)
    except ValueError as error:
        raise Refusal(f"This is no serial of a board: {error}. {_AGAIN}", 400) from error


def _names(extensions: x509.Extensions, common: str, board: str | None) -> tuple[str, str | None]:
    """Return the user's whole name and the board, after a look at all extensions."""
    user = common
    for extension in _beyond_the_usual(extensions, ExtendedKeyUsageOID.CLIENT_AUTH):
        match extension.value:
            case x509.SubjectAlternativeName() as names:
                user = _from_alternatives(names, common, board)
            case _:
                raise _not_for_that(extension)
    return user, board


def _beyond_the_usual(
    extensions: x509.Extensions, purpose: x509.ObjectIdentifier
) -> Iterator[x509.Extension[x509.ExtensionType]]:
    """Provide the extensions that ask for more than any holder of a certificate for this purpose may have."""
    for extension in extensions:
        match extension.value:
            case x509.BasicConstraints(ca=False) | x509.SubjectKeyIdentifier():
                pass
            case x509.KeyUsage() as usage if usage.digital_signature and not (usage.key_cert_sign or usage.crl_sign):
                pass
            case x509.ExtendedKeyUsage() as usages if list(usages) == [purpose]:
                pass
            case _:
                yield extension


def _not_for_that(extension: x509.Extension[x509.ExtensionType]) -> Refusal:
    return Refusal(f"A device can't have a certificate for that ({extension.oid.dotted_string}). {_AGAIN}", 400)


def _from_alternatives(names: x509.SubjectAlternativeName, common: str, board: str | None) -> str:
    hosts = names.get_values_for_type(x509.DNSName)
    boards = names.get_values_for_type(x509.UniformResourceIdentifier)
    user = hosts[0].replace(".", "/") if hosts else common
    right = (
        len(hosts) <= 1
        and len(hosts) + len(boards) == len(list(names))
        and client_id(user) == (hosts or [client_id(common)])[0]
        and common_name(user) == common
        and all(board is not None and each == BOARD_URN + board for each in boards)
    )
    if not right:
        raise Refusal(f"The names in the certificate request are not those of {common}. {_AGAIN}", 400)
    return user
