"""What the registrar takes for a certificate request of a device, and what it does not."""

import base64
import os

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from agent.trust.claim import BOARD_URN
from edge_centre.authority import new_key
from edge_centre.registrar.csr import read_request
from edge_centre.registrar.refusal import Refusal
from tests.support.registrar import BOARD, NAME, OTHER_NAME, Board, signing_request

pytestmark = pytest.mark.enrolment

DOTS = NAME.replace("/", ".")
KEY = new_key()


def refused(der: bytes) -> str:
    with pytest.raises(Refusal) as refusal:
        read_request(base64.b64encode(der))
    text = str(refusal.value)
    assert text.endswith(".")
    assert "again" in text, "it says what to do"
    return text


def test_a_request_tells_the_name_the_board_and_the_code_of_its_key() -> None:
    board = Board()
    asked = board.asks()
    assert (asked.name, asked.user, asked.board, asked.key) == (NAME, NAME, BOARD, board.key_id)
    assert len(asked.code) == 14


def test_a_probes_request_belongs_to_its_device() -> None:
    asked = Board().asks_for_probe()
    assert (asked.name, asked.user) == (NAME, f"{NAME}/up/alarm")


def test_a_name_that_is_too_long_for_a_certificate_is_read_from_its_alternative_name() -> None:
    name = f"kzn/{'s' * 40}/{'k' * 40}"
    assert Board(name).asks().name == name
    assert Board(name).asks_for_probe().user == f"{name}/up/alarm"
    assert "is no name" in refused(signing_request(KEY, name, names=[]))


def test_a_boards_serial_is_compared_in_small_letters() -> None:
    assert Board(serial="10000000ABCDEF01").asks().board == BOARD


def test_a_request_need_not_have_an_alternative_name() -> None:
    assert read_request(base64.b64encode(signing_request(KEY, NAME, names=[]))).user == NAME


def test_what_openssl_adds_by_itself_is_taken() -> None:
    extensions = (
        x509.BasicConstraints(ca=False, path_length=None),
        x509.SubjectKeyIdentifier.from_public_key(KEY.public_key()),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
    )
    names = [x509.DNSName(DOTS), x509.UniformResourceIdentifier(BOARD_URN + BOARD)]
    assert read_request(base64.b64encode(signing_request(KEY, NAME, BOARD, names=names, extensions=extensions)))


@pytest.mark.parametrize(
    "names",
    [
        [x509.DNSName(OTHER_NAME.replace("/", "."))],
        [x509.DNSName(DOTS), x509.DNSName(OTHER_NAME.replace("/", "."))],
        [x509.DNSName(DOTS), x509.DNSName(DOTS)],
        [x509.DNSName(DOTS), x509.DNSName("broker-a.example")],
        [x509.DNSName(DOTS.upper())],
        [x509.DNSName("*")],
        [x509.DNSName(DOTS), x509.UniformResourceIdentifier(BOARD_URN + "another")],
        [x509.DNSName(DOTS), x509.UniformResourceIdentifier("https://example")],
        [x509.DNSName(DOTS), x509.RFC822Name("thandi@example")],
        [x509.DNSName(DOTS), x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, OTHER_NAME)]))],
        [x509.DNSName(f"{DOTS}.up.alarm")],
    ],
)
def test_any_other_alternative_name_is_refused(names: list[x509.GeneralName]) -> None:
    assert "names in the certificate request" in refused(signing_request(KEY, NAME, BOARD, names=names))


@pytest.mark.parametrize(
    "extension",
    [
        x509.BasicConstraints(ca=True, path_length=None),
        x509.BasicConstraints(ca=True, path_length=0),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.NameConstraints([x509.DNSName("example")], None),
        x509.KeyUsage(True, False, False, False, False, True, False, False, False),
        x509.KeyUsage(True, False, False, False, False, False, True, False, False),
        x509.OCSPNoCheck(),
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
    ],
)
def test_a_request_to_be_more_than_a_device_is_refused(extension: x509.ExtensionType) -> None:
    assert "can't have a certificate for that" in refused(signing_request(KEY, NAME, BOARD, extensions=(extension,)))


def _subject(*pairs: tuple[x509.ObjectIdentifier, str]) -> list[x509.NameAttribute[str]]:
    return [x509.NameAttribute(oid, value) for oid, value in pairs]


@pytest.mark.parametrize(
    "subject",
    [
        [],
        _subject((NameOID.SERIAL_NUMBER, BOARD)),
        _subject((NameOID.COMMON_NAME, NAME), (NameOID.COMMON_NAME, OTHER_NAME)),
        _subject((NameOID.COMMON_NAME, NAME), (NameOID.SERIAL_NUMBER, BOARD), (NameOID.SERIAL_NUMBER, "other")),
        _subject((NameOID.COMMON_NAME, NAME), (NameOID.ORGANIZATION_NAME, "Province")),
        _subject((NameOID.COMMON_NAME, NAME), (NameOID.SERIAL_NUMBER, "a b")),
    ],
)
def test_a_subject_with_anything_but_name_and_serial_is_refused(subject: list[x509.NameAttribute[str]]) -> None:
    assert refused(signing_request(KEY, NAME, subject=subject))


@pytest.mark.parametrize(
    "name", ["kiosk-0001", "kzn/durban-station", f"{NAME}/up", "kzn/Durban/kiosk", "kzn//kiosk", "kzn/a/+", "CN=x/y/z"]
)
def test_what_is_no_name_of_a_device_is_refused(name: str) -> None:
    assert "is no name of a device" in refused(signing_request(KEY, name, names=[]))


def test_keys_that_are_not_of_p256_are_refused() -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    for key in (
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 2048),
    ):
        assert "P-256" in refused(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))


def test_a_request_that_its_own_key_has_not_signed_is_refused() -> None:
    der = bytearray(signing_request(KEY, NAME))
    der[-1] ^= 1
    assert refused(bytes(der))
    stolen = signing_request(KEY, NAME).replace(
        _point(KEY.public_key()), _point(new_key().public_key())
    )  # somebody else's public key
    assert "not signed with its own key" in refused(stolen)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    numbers = key.public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def test_a_point_that_is_not_on_the_curve_is_refused() -> None:
    assert refused(signing_request(KEY, NAME).replace(_point(KEY.public_key()), bytes(range(64))))


@pytest.mark.parametrize("body", [b"", b"\x00", b"not base64 at all", b"QUJD", base64.b64encode(os.urandom(600))])
def test_garbage_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match="no certificate request"):
        read_request(body)


def test_a_request_of_a_mebibyte_is_refused_unread() -> None:
    with pytest.raises(Refusal, match="too long") as refusal:
        read_request(b"A" * 1024 * 1024)
    assert refusal.value.status == 413


RIGHT = signing_request(KEY, NAME, BOARD)


@given(st.lists(st.tuples(st.integers(0, len(RIGHT) - 1), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
def test_a_request_that_is_spoilt_anywhere_is_refused_or_is_the_same(
    changes: list[tuple[int, int]], cut_off: bool
) -> None:
    der = bytearray(RIGHT)
    for place, value in changes:
        der[place] = value
    if cut_off:
        del der[changes[0][0] :]
    try:
        asked = read_request(base64.b64encode(der))
    except Refusal:
        return
    assert bytes(der) == RIGHT
    assert asked.name == NAME
