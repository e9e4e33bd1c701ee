"""The authorities of a province: what they sign, whom it lets in, and what becomes of their files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from agent.contract.identity import Identity
from edge_centre.authority import Authority, AuthorityError, Kind, Revoked, new_key, write_certificates, write_key
from tests.support.run import ran

pytestmark = pytest.mark.enrolment

KIOSK = Identity("kzn", "durban-station", "kiosk-0001")
BOARD = "10000000abcdef01"


@pytest.fixture(scope="module")
def roots() -> dict[Kind, Authority]:
    return {kind: Authority.root(kind, "kzn") for kind in get_args(Kind)}


@pytest.fixture(scope="module")
def issuing(roots: dict[Kind, Authority]) -> Authority:
    return roots["device"].issuing()


def verified(directory: Path, certificate: x509.Certificate, trusted: list[x509.Certificate], *options: str) -> str:
    """What `openssl verify` says of it: "" when it is content."""
    for name, content in (("one.pem", [certificate]), ("trusted.pem", trusted)):
        (directory / name).unlink(missing_ok=True)
        write_certificates(directory / name, *content)
    done = ran("openssl", "verify", *options, "-CAfile", directory / "trusted.pem", directory / "one.pem")
    return "" if done.returncode == 0 else done.stderr


def test_a_device_is_verified_by_the_issuing_authority_and_its_root(
    roots: dict[Kind, Authority], issuing: Authority, tmp_path: Path
) -> None:
    certificate = issuing.device(new_key().public_key(), KIOSK.user, BOARD)
    both = [issuing.certificate, roots["device"].certificate]
    assert not verified(tmp_path, certificate, both, "-x509_strict", "-purpose", "sslclient")
    assert verified(tmp_path, certificate, both, "-purpose", "sslserver")


def test_a_certificate_of_one_kind_is_refused_where_another_is_wanted(
    roots: dict[Kind, Authority], issuing: Authority, tmp_path: Path
) -> None:
    key, pages = new_key().public_key(), roots["page"].issuing()
    certificates = {
        "server": roots["server"].server(key, ["broker-a.example"]),
        "device": issuing.device(key, KIOSK.user),
        "centre": roots["centre"].centre(key, "durban-centre"),
        "page": pages.page(key, "kiosk-0001.local"),
    }
    below = {"device": [issuing.certificate], "page": [pages.certificate]}
    for kind, certificate in certificates.items():
        for other, root in roots.items():
            trusted = [root.certificate, *below.get(other, [])]
            refused = verified(tmp_path, certificate, trusted, "-x509_strict")
            assert bool(refused) == (kind != other), (kind, other, refused)


def test_a_device_has_its_whole_name_its_board_and_the_name_with_dots(issuing: Authority) -> None:
    certificate = issuing.device(new_key().public_key(), KIOSK.user, BOARD)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert certificate.subject.rfc4514_string() == "CN=kzn/durban-station/kiosk-0001"
    assert names.get_values_for_type(x509.DNSName) == ["kzn.durban-station.kiosk-0001"]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [f"urn:edge-agent:board:{BOARD}"]
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_a_name_that_is_too_long_for_a_certificate_is_stood_for(issuing: Authority) -> None:
    user = Identity("kzn", "s" * 40, "k" * 40).user
    certificate = issuing.device(new_key().public_key(), user)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert certificate.subject.rfc4514_string().startswith("CN=long-")
    assert names.get_values_for_type(x509.DNSName) == [user.replace("/", ".")]


def test_a_server_has_its_names_and_its_addresses(roots: dict[Kind, Authority]) -> None:
    certificate = roots["server"].server(new_key().public_key(), ["broker-a.example", "203.0.113.7"])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker-a.example"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["203.0.113.7"]


def test_what_phones_trust_is_good_for_pages_on_the_local_network_alone(
    roots: dict[Kind, Authority], tmp_path: Path
) -> None:
    """Whoever breaks into the registrar has the issuing authority: no phone may take its word for a bank."""
    pages, key = roots["page"].issuing(), new_key().public_key()
    both = [pages.certificate, roots["page"].certificate]
    strictly = ("-x509_strict", "-purpose", "sslserver")
    page = pages.page(key, "kiosk-0001.local")
    assert not verified(tmp_path, page, both, *strictly, "-verify_hostname", "kiosk-0001.local")
    assert verified(tmp_path, page, both, "-purpose", "sslclient")
    for host in ("bank.example", "local.bank.example", "192.168.1.5", "2001:db8::5"):
        assert "subtree violation" in verified(tmp_path, pages.server(key, [host]), both, *strictly)
    below = pages.issuing()
    assert "path length" in verified(tmp_path, below.page(key, "a.local"), [*both, below.certificate])


def test_the_issuing_authority_can_make_no_other_authority(
    roots: dict[Kind, Authority], issuing: Authority, tmp_path: Path
) -> None:
    below = issuing.issuing()
    trusted = [roots["device"].certificate, issuing.certificate, below.certificate]
    certificate = below.device(new_key().public_key(), KIOSK.user)
    assert "path length" in verified(tmp_path, certificate, trusted)


def test_no_certificate_outlives_its_authority(issuing: Authority) -> None:
    late = issuing.certificate.not_valid_after_utc - timedelta(days=10)
    certificate = issuing.device(new_key().public_key(), KIOSK.user, now=late)
    assert certificate.not_valid_after_utc == issuing.certificate.not_valid_after_utc


def test_a_revoked_device_is_refused_and_its_neighbour_is_not(
    roots: dict[Kind, Authority], issuing: Authority, tmp_path: Path
) -> None:
    stolen, neighbour = (issuing.device(new_key().public_key(), KIOSK.user) for _ in range(2))
    (tmp_path / "device.crl").write_bytes(
        issuing.revocation_list([Revoked(stolen.serial_number, datetime.now(UTC))], number=7)
    )
    both = [issuing.certificate, roots["device"].certificate]
    options = "-crl_check", "-CRLfile", str(tmp_path / "device.crl")
    assert "revoked" in verified(tmp_path, stolen, both, *options)
    assert not verified(tmp_path, neighbour, both, *options)


def test_a_revocation_list_is_valid_for_as_long_as_its_authority(issuing: Authority) -> None:
    crl = x509.load_pem_x509_crl(issuing.revocation_list([], number=1))
    assert crl.next_update_utc == issuing.certificate.not_valid_after_utc


def test_an_authority_comes_back_from_its_files_and_its_key_is_its_owners_alone(
    issuing: Authority, tmp_path: Path
) -> None:
    issuing.save(tmp_path / "issuing")
    again = Authority.load(tmp_path / "issuing")
    assert again.certificate == issuing.certificate
    assert (tmp_path / "issuing" / "ca.key").stat().st_mode & 0o777 == 0o600
    assert "key" not in repr(again)


def test_an_authority_never_takes_the_place_of_another(issuing: Authority, tmp_path: Path) -> None:
    issuing.save(tmp_path / "issuing")
    with pytest.raises(AuthorityError, match="shut everybody out"):
        Authority.root("device", "kzn").save(tmp_path / "issuing")
    assert Authority.load(tmp_path / "issuing").certificate == issuing.certificate


def test_what_a_cut_has_left_of_an_authority_is_no_authority(issuing: Authority, tmp_path: Path) -> None:
    (tmp_path / "issuing.new").mkdir()
    (tmp_path / "issuing.new" / "ca.key").write_text("half a k")
    issuing.save(tmp_path / "issuing")
    assert Authority.load(tmp_path / "issuing").certificate == issuing.certificate
    assert [each.name for each in tmp_path.iterdir()] == ["issuing"]


def test_a_key_that_others_may_read_is_refused_in_words(issuing: Authority, tmp_path: Path) -> None:
    issuing.save(tmp_path / "issuing")
    (tmp_path / "issuing" / "ca.key").chmod(0o640)
    with pytest.raises(AuthorityError, match="chmod 600"):
        Authority.load(tmp_path / "issuing")


@pytest.mark.parametrize("spoilt", ["ca.key", "ca.pem"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN NONSENSE-----\n"])
def test_files_that_are_no_authority_are_refused_by_name(
    issuing: Authority, tmp_path: Path, spoilt: str, content: bytes | None
) -> None:
    issuing.save(tmp_path / "issuing")
    file = tmp_path / "issuing" / spoilt
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(AuthorityError, match=spoilt):
        Authority.load(tmp_path / "issuing")


def test_the_certificate_of_another_key_is_refused(issuing: Authority, tmp_path: Path) -> None:
    issuing.save(tmp_path / "issuing")
    other = Authority.root("device", "gp").certificate
    (tmp_path / "issuing" / "ca.pem").write_bytes(other.public_bytes(Encoding.PEM))
    with pytest.raises(AuthorityError, match="not the certificate of the key"):
        Authority.load(tmp_path / "issuing")


def test_a_key_file_holds_the_probes_certificate_behind_the_key(issuing: Authority, tmp_path: Path) -> None:
    key = new_key()
    probe = issuing.device(key.public_key(), KIOSK.probe)
    write_key(tmp_path / "device.key", key, probe)
    content = (tmp_path / "device.key").read_bytes()
    assert load_pem_private_key(content, None).public_key() == key.public_key()
    assert x509.load_pem_x509_certificates(content) == [probe]
    with pytest.raises(FileExistsError):
        write_key(tmp_path / "device.key", new_key())
