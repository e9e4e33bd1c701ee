"""Enrolment against a registrar over TLS: what it leaves on the disk, and what it refuses to take."""

import json
import os
import stat
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from agent.contract.vocabulary import TimeQuality
from agent.provisioning import est
from agent.provisioning.asking import Tools
from agent.provisioning.est import RefusedError, RegistrarError
from agent.trust.claim import code
from agent.trust.commissioning_report import check
from agent.trust.openssl import OpensslError, public_key, request
from agent.trust.tls_context import TlsFiles, tls_context
from agent.trust.whole_file import read_file
from edge_centre.authority import Authority, new_key
from tests.support.certificates import CertificateFiles
from tests.support.commissioning import NOW, Office
from tests.support.enrolling import NO_ROOM, Bench, assert_whole, tried
from tests.support.fake_registrar import NAME, SECRET, FakeRegistrar, Handler
from tests.support.full_disk import FullDisk
from tests.support.run import ran


@pytest.fixture
def bench(tmp_path: Path, registrar: FakeRegistrar) -> Bench:
    return Bench(tmp_path, registrar)


def test_a_claim_becomes_credentials_that_a_broker_can_check(bench: Bench) -> None:
    bench.enrol()

    assert_whole(bench.current)
    own = x509.load_pem_x509_certificate((bench.current / "device.pem").read_bytes())
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NAME.replace("/", ".")]
    assert json.loads((bench.current / "binding.json").read_text()).keys() >= {"name", "board", "registrar", "key"}


def test_the_key_is_for_its_owner_alone_and_no_other_file_is_left(bench: Bench) -> None:
    bench.enrol()

    credentials = bench.state / "credentials"
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o700
    for each in bench.current.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    assert sorted(each.name[:4] for each in credentials.iterdir()) == ["curr", "set-"]


def test_only_the_root_of_servers_vouches_for_servers(bench: Bench, registrar: FakeRegistrar) -> None:
    bench.enrol()

    kept = x509.load_pem_x509_certificates((bench.current / "ca.pem").read_bytes())
    assert kept == [registrar.server_root.certificate]


def test_an_office_that_knows_the_root_alone_can_tell_whose_a_report_is(
    bench: Bench, registrar: FakeRegistrar, tmp_path: Path
) -> None:
    bench.enrol()
    for renewed in (False, True):
        if renewed:
            bench.renew()
        files = CertificateFiles(tmp_path, bench.current / "device.pem", bench.current / "device.key")
        root = registrar.device_root.certificate.public_bytes(Encoding.PEM).decode()
        desk = Office.create(tmp_path / f"desk-{renewed}")
        content = desk.sealed(desk.report(user=NAME), files).content()
        findings = check(content, replace(desk.trust(), authorities=root), NOW)[1]
        assert [each.text for each in findings if not each.holds] == []
    assert len(x509.load_pem_x509_certificates(files.cert.read_bytes())) == 1, "brokers are shown no more than before"


def test_the_service_page_gets_a_key_of_its_own_with_all_that_a_phone_must_be_shown(
    bench: Bench, registrar: FakeRegistrar
) -> None:
    registrar.page_issuing = registrar.page_root.issuing()
    bench.enrol()

    page = (bench.current / "page.pem").read_bytes()
    own, *chain = x509.load_pem_x509_certificates(page)
    key = load_pem_private_key(page, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == own.public_key() != registrar.issued[0].public_key()
    assert chain == [registrar.page_issuing.certificate]
    assert not [line for line in bench.lines if "Warning" in line]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["device.pem", "device.key"])
def test_a_file_that_becomes_a_fifo_after_it_was_read_keeps_no_command_of_roots_waiting(
    bench: Bench, registrar: FakeRegistrar, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bench.enrol()

    def read(path: Path) -> bytes:
        content = read_file(path)
        if path.name == name:
            path.unlink()
            os.mkfifo(path)
        return content

    monkeypatch.setattr(est, "read_file", read)
    shown = est.Shown(bench.current / "device.pem", bench.current / "device.key")
    assert est.Registrar(registrar.url, registrar.trust).read("/registrar/settings", shown)


@pytest.mark.parametrize("wrong", ["old", "away", "key", "name", "authority", "waits"])
def test_a_registrar_that_gives_the_page_nothing_right_costs_a_line_and_no_enrolment(
    bench: Bench, registrar: FakeRegistrar, wrong: str
) -> None:
    def misbehaves(exchange: Handler) -> bool:
        if "est/page/" not in exchange.path or wrong not in {"away", "waits"}:
            return False
        exchange.answer(503 if wrong == "away" else 202, b"later")
        return True

    registrar.hook = misbehaves
    registrar.page_issuing = None if wrong == "old" else registrar.page_root.issuing()
    match wrong:
        case "key":
            registrar.alter = lambda csr, user: (new_key().public_key() if "/" not in user else csr.public_key(), user)
        case "name":
            registrar.alter = lambda csr, user: (csr.public_key(), user if "/" in user else "kiosk-0002.local")
        case "authority":
            registrar.page_issuing = Authority.root("page", "gp").issuing()
    bench.enrol()

    assert_whole(bench.current)
    assert not (bench.current / "page.pem").exists()
    told = "Warning: no certificate of the office's for the service page, whose own no phone knows: "
    assert len([line for line in bench.lines if line.startswith(told)]) == 1
    assert bench.clock.ns < 25e9


def test_without_a_claim_it_shows_the_keys_code_and_waits_for_an_approval(
    bench: Bench, registrar: FakeRegistrar
) -> None:
    registrar.approved = False

    def approve_at_the_third(exchange: Handler) -> bool:
        registrar.approved = sum("simpleenroll" in path for path in registrar.asked) > 2
        return False

    registrar.hook = approve_at_the_third
    bench.enrol(bench.order(None))

    shown = code(public_key(bench.current / "device.key"))
    assert any(f"Code: {shown} " in line for line in bench.lines)
    assert [line for line in bench.lines if "approve" in line] == ["Waiting for somebody at the office to approve."]
    assert_whole(bench.current)


def test_who_is_enrolled_already_asks_for_nothing(bench: Bench, registrar: FakeRegistrar) -> None:
    bench.enrol(bench.order(claim="a"))
    asked = len(registrar.asked)

    bench.enrol(bench.order(claim="a"))

    assert bench.lines[-1] == f"This device is enrolled as {NAME} already."
    assert len(registrar.asked) == asked


@pytest.mark.parametrize("changes", [{"claim": "b"}, {"claim": "a", "again": True}])
def test_a_new_claim_or_a_persons_word_makes_it_enrol_again(
    bench: Bench, registrar: FakeRegistrar, changes: dict[str, Any]
) -> None:
    bench.enrol(bench.order(claim="a"))
    old = (bench.current / "device.pem").read_bytes()
    registrar.keys.clear()

    bench.enrol(bench.order(**changes))

    assert (bench.current / "device.pem").read_bytes() != old
    assert_whole(bench.current)


def test_a_claim_that_was_used_by_another_key_is_refused_in_the_registrars_words(
    bench: Bench, registrar: FakeRegistrar
) -> None:
    registrar.keys[NAME] = b"another"

    with pytest.raises(RefusedError, match="was used already: ask the office"):
        bench.enrol()

    assert not bench.current.exists()


def test_a_key_that_a_cut_run_has_left_damaged_is_made_anew(bench: Bench, registrar: FakeRegistrar) -> None:
    def answers_later(exchange: Handler) -> bool:
        exchange.answer(503, b"later")
        return True

    never, registrar.hook = registrar.hook, answers_later
    with pytest.raises(RegistrarError):
        bench.enrol()
    (bench.state / "credentials/next/device.key").write_text("")
    registrar.hook = never

    bench.enrol()

    assert "The key that an earlier run has made is damaged." in bench.lines
    assert_whole(bench.current)


def test_a_damaged_binding_does_not_keep_a_device_from_enrolling_again(bench: Bench, registrar: FakeRegistrar) -> None:
    """What is said of such a file tells a person to do so."""
    bench.enrol()
    before = bench.current.resolve()
    (before / "binding.json").write_text("{")

    registrar.keys.clear()  # the office has made a new claim
    bench.enrol()

    assert_whole(bench.current)
    assert bench.current.resolve() != before


def test_no_secret_is_in_what_is_shown_or_raised(bench: Bench, registrar: FakeRegistrar) -> None:
    registrar.secret = "another"

    with pytest.raises(RefusedError) as refused:
        bench.enrol()

    assert SECRET not in f"{refused.value!r} {bench.lines} {bench.order()!r}"


def test_a_registrar_that_is_not_of_the_claims_root_is_not_believed(bench: Bench, tmp_path: Path) -> None:
    with (
        FakeRegistrar(tmp_path / "other") as other,
        pytest.raises(RegistrarError, match="somebody else may be answering"),
    ):
        bench.enrol(bench.order(trust=other.trust))

    assert bench.registrar.asked == []


def test_a_registrar_with_another_hosts_certificate_is_not_believed(tmp_path: Path) -> None:
    with FakeRegistrar(tmp_path / "registrar", hosts=("elsewhere.example",)) as registrar:
        bench = Bench(tmp_path, registrar)
        with pytest.raises(RegistrarError, match="is for another name: ask the office"):
            bench.enrol()


def test_debian_12_says_that_it_can_not_sign_with_a_tpm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "error:0800007D:elliptic curve routines:ossl_ecdsa_simple_sign_sig:missing private key"
    openssl = tmp_path / "openssl"
    openssl.write_text(f"#!/bin/sh\necho {said} >&2\nexit 1\n")
    openssl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    (tmp_path / "device.key").touch()
    with pytest.raises(OpensslError, match="Debian 12 can't, that of Debian 13 can"):
        request(tmp_path / "device.key", NAME, None)


@pytest.mark.parametrize("wrong", ["key", "name", "authority", "probe as device"])
def test_a_certificate_that_was_not_asked_for_is_never_taken(
    bench: Bench, registrar: FakeRegistrar, wrong: str
) -> None:
    match wrong:
        case "key":
            registrar.alter = lambda csr, user: (new_key().public_key(), user)
        case "name":
            registrar.alter = lambda csr, user: (csr.public_key(), "kzn/durban-station/kiosk-0002")
        case "probe as device":
            registrar.alter = lambda csr, user: (csr.public_key(), f"{NAME}/up/alarm")
        case _:
            other = Authority.root("device", "kzn").issuing()
            registrar.signed_by = lambda: other

    with pytest.raises(RefusedError, match="Nothing of it was taken: tell the office"):
        bench.enrol()

    assert not bench.current.exists()
    assert "device.pem" not in bench.steps


def test_a_refused_probe_costs_only_the_probe(bench: Bench, registrar: FakeRegistrar) -> None:
    def no_probe(exchange: Handler) -> bool:
        if len([path for path in registrar.asked if "simpleenroll" in path]) < 2:
            return False
        exchange.answer(403, b"no probes here")
        return True

    registrar.hook = no_probe
    bench.enrol()

    assert any("Warning" in line and "no probes here" in line for line in bench.lines)
    tls_context(TlsFiles(None, bench.current / "device.pem", bench.current / "device.key"))
    load_pem_private_key((bench.current / "device.key").read_bytes(), None)


def hang(exchange: Handler) -> bool:
    exchange.rfile.read(1)  # until the client hangs up
    return True


def drip(exchange: Handler) -> bool:
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/pkcs7-mime\r\n\r\n")
    exchange.connection.settimeout(0.05)
    while True:
        exchange.wfile.write(b"M")
        try:
            if not exchange.connection.recv(1):
                return True
        except TimeoutError:
            pass


def flood(exchange: Handler) -> bool:
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/pkcs7-mime\r\n\r\n")
    while True:
        exchange.wfile.write(b"M" * 65536)


def garbage(exchange: Handler) -> bool:
    exchange.wfile.write(b"\0\1\2 no HTTP\r\n\r\n")
    exchange.close_connection = True
    return True


def no_certificate(exchange: Handler) -> bool:
    exchange.answer(200, b"<html>Log in to the hotel's network</html>", "text/html")
    return True


def half_a_certificate(exchange: Handler) -> bool:
    exchange.answer(200, b"MIIB", "application/pkcs7-mime")
    return True


def trouble(exchange: Handler) -> bool:
    exchange.answer(503, b"The database is full: telephone the office.", Retry_After="2")
    return True


def elsewhere(exchange: Handler) -> bool:
    exchange.answer(302, Location="https://example.com/")
    return True


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (hang, r"does not answer in time|did not end its answer within 0\.5 s"),
        (drip, r"did not end its answer within 0\.5 s: check the network cable"),
        (flood, "is this really the registrar"),
        (garbage, "not HTTP: is this really the registrar"),
        (no_certificate, "no certificate: is this really the registrar"),
        (half_a_certificate, "no list of authorities"),
        (trouble, "The database is full: telephone the office"),
        (elsewhere, "sends us elsewhere"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_registrar_that_misbehaves_is_tried_again_for_a_bounded_time(
    bench: Bench, registrar: FakeRegistrar, behaviour: object, said: str
) -> None:
    registrar.hook = behaviour  # type: ignore[assignment]
    bench.exchange_s = 0.5

    with pytest.raises(RegistrarError, match=said):
        bench.enrol()

    assert len(registrar.asked) > 1
    assert any("Trying again" in line for line in bench.lines)
    assert 10e9 <= bench.clock.ns < 200e9
    assert not bench.current.exists()


def test_a_registrar_that_is_down_is_tried_again_until_it_is_up(bench: Bench, registrar: FakeRegistrar) -> None:
    def twice_down(exchange: Handler) -> bool:
        return len(registrar.asked) < 3 and trouble(exchange)

    registrar.hook = twice_down
    bench.enrol()

    assert_whole(bench.current)


def test_nobody_listens_where_the_registrar_should_be(bench: Bench, registrar: FakeRegistrar) -> None:
    registrar.stop()

    with pytest.raises(RegistrarError, match=r"can't be reached \(connection refused\): check the network cable"):
        bench.enrol()


def test_an_unset_clock_is_waited_for_and_named_in_one_line(bench: Bench) -> None:
    bench.clock.trusted = TimeQuality.UNSYNCED
    bench.clock.now = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)

    bench.tools.wait_for_clock(30)

    assert bench.lines[0] == (
        "The clock says 1970-01-01 00:05 UTC, and nothing has set it yet: waiting for the time service. The "
        "network must let it reach a time server (UDP port 123)."
    )
    assert "Nothing has set the clock" in bench.lines[1]
    assert len(bench.lines) == 2
    assert bench.clock.ns >= 30e9


def test_a_clock_that_is_set_meanwhile_ends_the_wait(bench: Bench) -> None:
    bench.clock.trusted = TimeQuality.UNSYNCED
    tools = Tools(bench.clock, lambda _: setattr(bench.clock, "trusted", TimeQuality.SYNCED), bench.lines.append)

    tools.wait_for_clock()

    assert len(bench.lines) == 1


def test_a_full_disk_at_any_write_loses_nothing_and_says_what_to_do(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.enrol(bench.order(claim="old"))
    before = {each.name: each.read_bytes() for each in bench.current.iterdir()}
    bench.registrar.keys.clear()
    for writes in range(100):
        with FullDisk(monkeypatch, after=writes) as disk:
            said = tried(lambda: bench.enrol(bench.order(claim="new")))
        if not disk.was_full:
            break
        assert {each.name: each.read_bytes() for each in bench.current.iterdir()} == before or writes > 15
        assert said is None or NO_ROOM in said

    assert writes > 15
    assert_whole(bench.current)


def test_a_clock_in_1970_fails_the_verification_and_is_named(registrar: FakeRegistrar, tmp_path: Path) -> None:
    (tmp_path / "trust.pem").write_text(registrar.trust)
    program = (
        "import sys; from pathlib import Path; from agent.provisioning.est import Registrar\n"
        "Registrar(sys.argv[1], Path(sys.argv[2]).read_text()).authorities()"
    )
    words = [sys.executable, "-c", program, registrar.url, str(tmp_path / "trust.pem")]

    done = ran("faketime", "-f", "@1970-01-01 00:05:00", *words, env={**os.environ, "TZ": "UTC"})

    said = done.stderr.splitlines()[-1]
    assert "is not valid yet: this device's clock says 1970-01-01 00:05 UTC" in said
    assert "let the network set it (`timedatectl`)" in said
    assert registrar.asked == []
