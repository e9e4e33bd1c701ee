"""A device's service page gets a certificate of the office's for its own name, and for nothing else."""

import base64
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.trust.claim import Claim, read
from edge_centre.authority import new_key
from edge_centre.registrar.refusal import Refusal
from edge_centre.registrar.store import Store
from tests.support.registrar import HOST, NAME, Board, Rules, ServedRegistrar, authorities, signing_request

pytestmark = pytest.mark.enrolment

PATH = "/.well-known/est/page/simpleenroll"


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def shown(rules: Rules, board: Board) -> x509.Certificate:
    return rules.enrol(board.asks(), rules.claim())


def test_a_page_has_a_certificate_for_one_name_and_only_to_serve(rules: Rules, shown: x509.Certificate) -> None:
    key = new_key()
    given = rules.page(shown, key=key)
    usage = given.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    names = given.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    given.verify_directly_issued_by(authorities("page-issuing").certificate)
    assert (list(usage), list(names)) == ([ExtendedKeyUsageOID.SERVER_AUTH], [x509.DNSName(HOST)])
    assert (given.subject.rfc4514_string(), given.public_key()) == (f"CN={HOST}", key.public_key())
    assert 90 <= (given.not_valid_after_utc - given.not_valid_before_utc).days <= 91
    assert rules.told("page issued") == [(NAME, HOST, f"serial {given.serial_number:x}")]


def test_what_a_page_has_opens_nothing_at_the_registrar_and_takes_nothing_from_its_device(
    rules: Rules, board: Board, shown: x509.Certificate
) -> None:
    """Its key is where the network reaches."""
    of_page = rules.page(shown)
    for ask in (
        lambda: rules.renew(board.asks(), of_page),
        lambda: rules.devices.device(of_page),
        lambda: rules.devices.decommission(of_page),
        lambda: rules.page(of_page),
    ):
        with pytest.raises(Refusal, match="not one of this registrar"):
            ask()
    assert [each.user for each, _ in rules.office.devices()] == [NAME]
    assert rules.enrol(board.asks(), rules.claim(replaces=True)) == shown
    rules.office.revoke(NAME, who="thandi", reason="stolen")
    assert len(x509.load_pem_x509_crl(rules.devices.revocation_list())) == 1
    with pytest.raises(Refusal, match="was revoked on"):
        rules.page(shown)


def test_a_probe_gets_no_page_and_neither_does_a_name_that_a_host_of_the_province_has(
    rules: Rules, board: Board, shown: x509.Certificate
) -> None:
    with pytest.raises(Refusal, match="a probe's certificate"):
        rules.page(rules.renew(board.asks_for_probe(), shown))
    rules.records.config = rules.config.model_copy(update={"brokers": (f"mqtts://{HOST}:8883",)})
    with pytest.raises(Refusal, match=r"kiosk-0001\.local is a host of the province's"):
        rules.page(shown)


def test_a_device_that_asks_without_end_waits_until_tomorrow(rules: Rules, shown: x509.Certificate) -> None:
    for _ in range(50):
        rules.page(shown)
    with pytest.raises(Refusal, match="try again tomorrow") as refusal:
        rules.page(shown)
    assert refusal.value.status == 429
    rules.now += 86_401
    assert rules.page(shown)


def test_whatever_else_is_asked_for_is_refused_in_a_sentence_and_written_down(tmp_path: Path, board: Board) -> None:
    def asks(host: str = HOST, *more: x509.GeneralName, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
        names: list[x509.GeneralName] = [x509.DNSName(host), *more]
        return base64.encodebytes(signing_request(key or new_key(), host, names=names))

    def extended(extension: x509.ExtensionType) -> bytes:
        return base64.encodebytes(signing_request(new_key(), HOST, extensions=(extension,)))

    def altered(host: str, *names: x509.GeneralName, **parts: str) -> bytes:
        subject = [x509.NameAttribute(getattr(NameOID, oid), value) for oid, value in parts.items()] or None
        return base64.encodebytes(signing_request(new_key(), host, subject=subject, names=list(names)))

    name_of_none, one_name = "is no name of a service page", "has one name, and it is that of the subject"
    for_that = "can't have a certificate for that"
    bad = [
        (asks("kiosk-0002.local"), "and this asks for kiosk-0002.local"),
        (asks("hub.local"), "and this asks for hub.local"),  # a broker on the local network
        (asks("broker-a.example"), name_of_none),
        (asks("*.local"), name_of_none),
        (asks("192.0.2.7"), name_of_none),
        (asks("local"), name_of_none),
        (asks("a.kiosk-0001.local"), name_of_none),
        (altered(HOST), name_of_none),
        (altered(HOST, x509.DNSName(HOST), COMMON_NAME=HOST, SERIAL_NUMBER="10000000abcdef01"), name_of_none),
        (asks(HOST, x509.DNSName("hub.local")), one_name),
        (asks(HOST, x509.DNSName("*.local")), one_name),
        (asks(HOST, x509.IPAddress(ip_address("192.0.2.7"))), one_name),
        (altered("kiosk-0002.local", x509.DNSName(HOST)), one_name),
        (altered(HOST, x509.DNSName("kiosk-0002.local")), one_name),
        (extended(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])), for_that),
        (extended(x509.BasicConstraints(ca=True, path_length=0)), for_that),
        (extended(x509.KeyUsage(True, False, False, False, False, True, False, False, False)), for_that),
        (asks(key=board.key), "a page must have a key of its own"),
        (b"MIIB", "no certificate request"),
    ]
    with ServedRegistrar(tmp_path / "registrar", brokers=["mqtts://hub.local"]) as served:
        claim = read(served.run("claim", *NAME.split("/")[1:]).stdout)
        assert isinstance(claim, Claim)
        [own] = served.ask("POST", "/.well-known/est/simpleenroll", board.body(), claim=claim).certificates
        files = served.files(board, own)
        for body, sentence in bad:
            answer = served.ask("POST", PATH, body, shown=files)
            assert answer.status in {400, 403}
            assert sentence in answer.text
            assert answer.text.endswith(".")
        assert served.ask("POST", PATH, asks()).status == 401
        assert served.ask("POST", PATH, asks(), claim=claim).status == 401, "a claim is for the device alone"
        assert len(served.ask("POST", PATH, asks(), shown=files).certificates) == 1
        root = authorities("page").certificate
        assert root in served.ask("GET", "/.well-known/est/page/cacerts").certificates
        assert root not in served.ask("GET", "/.well-known/est/cacerts").certificates, "devices would trust it"
        store = Store(served.directory / "registrar.db")
        with store.transaction() as tx:
            refused = [detail or "" for _, _, what, _, _, detail in tx.journal() if what == "refused"]
        store.close()
    assert len(refused) == len(bad) + 2
    assert all(sentence in said for (_, sentence), said in zip(bad, refused, strict=False))
