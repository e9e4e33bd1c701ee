"""Devices renew with the certificate they have, are forgotten when they ask, and shut out when a person says so."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge_centre.authority import Authority
from edge_centre.registrar.refusal import Refusal
from tests.support.registrar import BOARD, NAME, OTHER_BOARD, OTHER_NAME, Board, Rules, authorities

pytestmark = pytest.mark.enrolment

DAY = 86_400


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def shown(rules: Rules, board: Board) -> x509.Certificate:
    return rules.enrol(board.asks(), rules.claim())


def test_a_certificate_lasts_ninety_days_and_says_which_board_it_is_for(shown: x509.Certificate) -> None:
    assert 90 <= (shown.not_valid_after_utc - shown.not_valid_before_utc).days <= 91
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [f"urn:edge-agent:board:{BOARD}"]


def test_a_device_renews_with_a_new_key_or_the_same(rules: Rules, board: Board, shown: x509.Certificate) -> None:
    rules.now += 60 * DAY
    same = rules.renew(board.asks(), shown)
    new = rules.renew(Board().asks(), shown)
    assert same.public_key() == shown.public_key() != new.public_key()
    assert same.serial_number != shown.serial_number
    assert same.not_valid_after_utc > shown.not_valid_after_utc
    for each in (shown, same, new):
        assert rules.devices.device(each)[0] == NAME, "the old one counts until it expires"


def test_a_device_renews_the_probe_too_and_the_probe_renews_itself_alone(
    rules: Rules, board: Board, shown: x509.Certificate
) -> None:
    probe = rules.renew(board.asks_for_probe(), shown)
    assert probe.subject.rfc4514_string() == f"CN={NAME}/up/alarm"
    assert rules.renew(board.asks_for_probe(), probe)
    with pytest.raises(Refusal, match="This certificate is for"):
        rules.renew(board.asks(), probe)


def test_the_board_stays_in_the_certificate_when_a_request_does_not_tell_it(
    rules: Rules, board: Board, shown: x509.Certificate
) -> None:
    renewed = rules.renew(Board(serial=None, key=board.key).asks(), shown)
    assert BOARD in str(renewed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def test_a_board_that_could_not_tell_its_serial_is_bound_when_it_can(rules: Rules) -> None:
    board = Board(serial=None)
    shown = rules.enrol(board.asks(), rules.claim())
    rules.renew(Board(key=board.key).asks(), shown)
    assert [each.board for each, _ in rules.office.devices()] == [BOARD]


def test_a_copied_card_can_not_renew(rules: Rules, shown: x509.Certificate) -> None:
    with pytest.raises(Refusal, match="the card is a copy"):
        rules.renew(Board(serial=OTHER_BOARD).asks(), shown)


def test_another_name_can_not_be_renewed_to(rules: Rules, board: Board, shown: x509.Certificate) -> None:
    for name in (OTHER_NAME, "gp/durban-station/kiosk-0001"):
        with pytest.raises(Refusal, match="This certificate is for"):
            rules.renew(Board(name, key=board.key).asks(), shown)


def test_an_expired_certificate_renews_within_the_grace_and_not_after(
    rules: Rules, board: Board, shown: x509.Certificate
) -> None:
    end = shown.not_valid_after_utc.timestamp()
    rules.now = end + 30 * DAY - 60
    assert rules.renew(Board().asks(), shown)
    rules.now = end + 30 * DAY
    with pytest.raises(Refusal, match="over 30 days ago: ask the office"):
        rules.renew(board.asks(), shown)


def test_whoever_lost_the_answer_gets_the_same_certificate_again(rules: Rules, shown: x509.Certificate) -> None:
    rules.now += 60 * DAY
    next_board = Board()
    first = rules.renew(next_board.asks(), shown)
    assert rules.renew(next_board.asks(), shown) == first
    rules.now += 2 * DAY
    assert rules.renew(next_board.asks(), shown) != first


def test_a_device_that_renews_without_end_has_to_wait(rules: Rules, shown: x509.Certificate) -> None:
    for _ in range(49):
        rules.renew(Board().asks(), shown)
    with pytest.raises(Refusal, match="too often today") as refusal:
        rules.renew(Board().asks(), shown)
    assert refusal.value.status == 429
    rules.now += DAY + 1
    assert rules.renew(Board().asks(), shown)


def test_a_revoked_certificate_renews_nothing_and_is_told_when_and_why(
    rules: Rules, board: Board, shown: x509.Certificate
) -> None:
    rules.office.revoke(NAME, who="thandi", reason="stolen")
    for ask in (lambda: rules.renew(board.asks(), shown), lambda: rules.devices.device(shown)):
        with pytest.raises(Refusal, match=r"was revoked on .* \(stolen\): ask the office"):
            ask()


def test_certificates_that_the_registrar_has_not_recorded_do_not_count(rules: Rules, board: Board) -> None:
    forged = Authority.root("device", "kzn").issuing().device(board.key.public_key(), NAME)
    unrecorded = authorities("issuing").device(board.key.public_key(), NAME)
    for each in (forged, unrecorded, authorities("device").certificate):
        with pytest.raises(Refusal, match="not one of this registrar"):
            rules.renew(board.asks(), each)


def test_a_certificate_with_the_serial_number_of_a_recorded_one_is_not_that_one(
    rules: Rules, board: Board, shown: x509.Certificate
) -> None:
    twin = (
        x509.CertificateBuilder(
            shown.issuer,
            shown.subject,
            board.key.public_key(),
            shown.serial_number,
            datetime.now(UTC),
            shown.not_valid_after_utc,
        ).sign(board.key, shown.signature_hash_algorithm)  # type: ignore[arg-type]
    )
    with pytest.raises(Refusal, match="not one of this registrar"):
        rules.devices.decommission(twin)


def test_decommissioning_revokes_all_that_a_device_has_had_and_may_be_repeated(
    rules: Rules, board: Board, shown: x509.Certificate
) -> None:
    probe, renewed = rules.renew(board.asks_for_probe(), shown), rules.renew(Board().asks(), shown)
    assert "is decommissioned" in rules.devices.decommission(renewed)
    assert {each.serial_number for each in (shown, probe, renewed)} == _revoked(rules)
    assert rules.devices.decommission(renewed) == rules.devices.decommission(shown)
    assert rules.enrol(Board(serial=OTHER_BOARD).asks(), rules.claim()), "the name is free"


def test_a_replaced_device_can_not_decommission_its_successor(rules: Rules, shown: x509.Certificate) -> None:
    successor = rules.enrol(Board(serial=OTHER_BOARD).asks(), rules.claim(replaces=True))
    rules.devices.decommission(shown)
    assert rules.devices.device(successor)[0] == NAME


def test_neither_can_one_whose_certificate_had_expired_when_its_name_was_given_away(
    rules: Rules, shown: x509.Certificate
) -> None:
    rules.now += 121 * DAY
    successor = rules.enrol(Board(serial=OTHER_BOARD).asks(), rules.claim())
    rules.devices.decommission(shown)
    assert rules.devices.device(successor)[0] == NAME


def test_a_probe_can_not_decommission_its_device(rules: Rules, board: Board, shown: x509.Certificate) -> None:
    probe = rules.renew(board.asks_for_probe(), shown)
    with pytest.raises(Refusal, match="a probe's certificate"):
        rules.devices.decommission(probe)


def test_the_revocation_list_is_the_issuing_authoritys_and_grows_in_number(
    rules: Rules, shown: x509.Certificate
) -> None:
    before = x509.load_pem_x509_crl(rules.devices.revocation_list())
    rules.office.revoke(NAME, who="thandi", reason="stolen")
    after = x509.load_pem_x509_crl(rules.devices.revocation_list())
    public = authorities("issuing").certificate.public_key()
    assert after.is_signature_valid(public)  # type: ignore[arg-type]
    assert _number(before) < _number(after)
    assert _revoked(rules) == {shown.serial_number}
    rules.now = shown.not_valid_after_utc.timestamp() + DAY
    assert _revoked(rules) == {shown.serial_number}, "whoever has stolen its key can sign any date"
    assert _number(x509.load_pem_x509_crl(rules.devices.revocation_list())) == _number(after)


def test_a_device_that_was_decommissioned_leaves_the_list_when_its_certificate_ends(
    rules: Rules, shown: x509.Certificate
) -> None:
    rules.devices.decommission(shown)
    assert _revoked(rules) == {shown.serial_number}
    rules.now = shown.not_valid_after_utc.timestamp() + DAY
    assert _revoked(rules) == set()


def test_a_registrar_that_comes_back_from_a_copy_makes_lists_that_brokers_take(
    rules: Rules, shown: x509.Certificate, tmp_path: Path
) -> None:
    other = rules.enrol(Board(OTHER_NAME).asks(), rules.claim(OTHER_NAME))
    with closing(sqlite3.connect(tmp_path / "registrar.db")) as database, closing(sqlite3.connect(":memory:")) as copy:
        database.backup(copy)
        rules.now += 5
        rules.office.revoke(NAME, who="thandi", reason="stolen")
        at_the_brokers = _number(x509.load_pem_x509_crl(rules.devices.revocation_list()))
        copy.backup(database)
    rules.now += 5
    rules.office.revoke(OTHER_NAME, who="thandi", reason="stolen")
    assert _revoked(rules) == {other.serial_number}
    assert _number(x509.load_pem_x509_crl(rules.devices.revocation_list())) > at_the_brokers


def test_a_registrar_that_comes_back_from_a_copy_revokes_what_a_brokers_list_has_also_what_it_never_knew(
    rules: Rules, board: Board, shown: x509.Certificate, tmp_path: Path
) -> None:
    stolen = Board(OTHER_NAME)
    with closing(sqlite3.connect(tmp_path / "registrar.db")) as database, closing(sqlite3.connect(":memory:")) as copy:
        database.backup(copy)
        after = rules.enrol(stolen.asks(), rules.claim(OTHER_NAME))
        rules.office.revoke(OTHER_NAME, who="thandi", reason="stolen")
        rules.devices.decommission(shown)
        at_the_brokers = rules.devices.revocation_list()
        copy.backup(database)
    assert _revoked(rules) == set()
    assert rules.office.adopt(at_the_brokers, who="thandi") == 2
    again = rules.devices.revocation_list()
    assert _entries(again) == _entries(at_the_brokers)
    assert {each for each, shut_out in _entries(again) if shut_out} == {after.serial_number}
    assert rules.office.adopt(at_the_brokers, who="thandi") == 0
    assert [issued.name for issued, _ in rules.office.devices()] == [NAME]
    with pytest.raises(Refusal, match="not one of this registrar"):
        rules.renew(stolen.asks(), after)
    for foreign in (b"no list", Authority.root("device", "kzn").issuing().revocation_list([], 0)):
        with pytest.raises(Refusal, match="This is no list"):
            rules.office.adopt(foreign, who="thandi")


def test_what_is_revoked_while_the_clock_stands_is_in_a_newer_list(rules: Rules, shown: x509.Certificate) -> None:
    rules.enrol(Board(OTHER_NAME).asks(), rules.claim(OTHER_NAME))
    numbers = []
    for name in (NAME, OTHER_NAME):
        rules.office.revoke(name, who="thandi", reason="stolen")
        numbers.append(_number(x509.load_pem_x509_crl(rules.devices.revocation_list())))
    assert numbers[0] < numbers[1]


def test_when_the_issuing_authority_lives_on_brokers_take_a_list_that_lives_as_long(rules: Rules) -> None:
    before = x509.load_pem_x509_crl(rules.devices.revocation_list())
    later = datetime.now(UTC) + timedelta(days=1)
    rules.now = later.timestamp()
    rules.records.issuing = authorities("device").issuing(later, authorities("issuing").key)
    after = x509.load_pem_x509_crl(rules.devices.revocation_list())
    assert _number(after) > _number(before)
    assert after.next_update_utc == rules.records.issuing.certificate.not_valid_after_utc


@pytest.mark.parametrize("reason", ["replaced by thieves, on film", "decommissioned by whoever has it", "."])
def test_whom_a_person_revokes_is_shut_out_whatever_their_words_are_and_although_a_thief_was_faster(
    rules: Rules, shown: x509.Certificate, reason: str
) -> None:
    """Brokers end the open connections of a compromised one alone, so a thief would rather be decommissioned."""
    rules.devices.decommission(shown)
    before = x509.load_pem_x509_crl(rules.devices.revocation_list())
    assert _shut_out(before) == set()
    rules.office.revoke(NAME, who="thandi", reason=reason)
    after = x509.load_pem_x509_crl(rules.devices.revocation_list())
    assert _shut_out(after) == {shown.serial_number}
    assert _number(after) > _number(before)


def test_a_device_that_is_not_there_can_not_be_revoked(rules: Rules) -> None:
    with pytest.raises(Refusal, match="no certificate"):
        rules.office.revoke(OTHER_NAME, who="thandi", reason="stolen")


def test_the_list_of_devices_shows_the_newest_certificate_of_each(
    rules: Rules, board: Board, shown: x509.Certificate
) -> None:
    rules.now += 60 * DAY
    rules.renew(board.asks_for_probe(), shown)
    renewed = rules.renew(board.asks(), shown)
    [(issued, seen_at)] = rules.office.devices()
    assert issued.der == renewed.public_bytes(Encoding.DER)
    assert seen_at == int(rules.now)


def _shut_out(crl: x509.CertificateRevocationList) -> set[int]:
    return {each.serial_number for each in crl if any(isinstance(one.value, x509.CRLReason) for one in each.extensions)}


def _entries(crl: bytes) -> set[tuple[int, bool]]:
    """Each serial number, and whether a person shut it out."""
    return {(each.serial_number, bool(len(each.extensions))) for each in x509.load_pem_x509_crl(crl)}


def _number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _revoked(rules: Rules) -> set[int]:
    return {each.serial_number for each in x509.load_pem_x509_crl(rules.devices.revocation_list())}
