"""A claim gives one device one name, once: used, expired, foreign, forged, for another board, by two at a time."""

import threading

import pytest
from cryptography import x509

from agent.trust.claim import Claim, read
from edge_centre.registrar.devices import Caller
from edge_centre.registrar.refusal import Refusal
from tests.support.registrar import ADDRESS, BOARD, NAME, OTHER_BOARD, OTHER_NAME, Board, Rules

pytestmark = pytest.mark.enrolment


def refused(rules: Rules, board: Board, claim: Claim | None = None, **login: str) -> Refusal:
    user, secret = (claim.name, claim.secret) if claim else (login["user"], login["secret"])
    with pytest.raises(Refusal) as refusal:
        rules.devices.enrol(board.asks(), Caller(ADDRESS, (user, secret)))
    assert not rules.told("issued") or refusal.value, "nothing was issued"
    return refusal.value


def test_a_claim_is_one_line_that_a_device_reads(rules: Rules) -> None:
    claim = rules.claim(board=BOARD)
    assert read(claim.text()) == claim
    assert len(claim.text()) < 1200, "it fits a QR code"


def test_a_device_and_its_probe_get_their_certificates_with_one_claim(rules: Rules) -> None:
    claim, board = rules.claim(), Board()
    names = [rules.enrol(asked, claim).subject.rfc4514_string() for asked in (board.asks(), board.asks_for_probe())]
    assert names == [f"CN={NAME}", f"CN={NAME}/up/alarm"]


def test_the_same_key_gets_its_certificate_again_after_a_power_cut(rules: Rules) -> None:
    claim, board = rules.claim(), Board()
    first = rules.enrol(board.asks(), claim)
    rules.now += 3 * 86_400
    assert rules.enrol(board.asks(), claim) == first
    assert rules.enrol(board.asks()) == first, "also without the claim: the key is proof enough"


def test_another_key_is_told_when_and_by_which_board_the_claim_was_used(rules: Rules) -> None:
    claim = rules.claim()
    rules.enrol(Board().asks(), claim)
    refusal = refused(rules, Board(serial=OTHER_BOARD), claim)
    assert f"by board {BOARD}" in str(refusal)
    assert "ask the office for a new one" in str(refusal)


def test_of_two_devices_with_one_claim_at_the_same_moment_one_wins_and_the_other_is_told_by_whom(rules: Rules) -> None:
    for round_ in range(20):
        name = f"kzn/durban-station/kiosk-{round_}"
        claim, begin = rules.claim(name), threading.Barrier(2)
        boards = [Board(name, serial) for serial in (BOARD, OTHER_BOARD)]
        won: list[Board] = []
        told: list[tuple[Board, str]] = []

        def ask(board: Board, claim: Claim = claim, begin: threading.Barrier = begin) -> None:
            asked = board.asks()
            begin.wait(10)
            try:
                rules.enrol(asked, claim)
                won.append(board)  # noqa: B023 - this round's, which waits for us
            except Refusal as refusal:
                told.append((board, str(refusal)))  # noqa: B023

        threads = [threading.Thread(target=ask, args=(board,)) for board in boards]
        for each in threads:
            each.start()
        for each in threads:
            each.join(10)
        assert len(won) == len(told) == 1
        assert f"by board {won[0].serial}" in told[0][1]


def test_an_expired_claim_is_refused_with_when_it_ended(rules: Rules) -> None:
    claim = rules.claim(hours=24)
    rules.now = claim.until
    assert "This claim ended on" in str(refused(rules, Board(), claim))


def test_a_claim_for_another_board_names_both(rules: Rules) -> None:
    text = str(refused(rules, Board(serial=OTHER_BOARD), rules.claim(board=BOARD)))
    assert BOARD in text
    assert OTHER_BOARD in text
    assert "check the label, or ask the office for a claim for this board" in text


def test_a_claim_for_a_board_is_refused_to_one_that_has_no_serial(rules: Rules) -> None:
    assert "a board without a serial" in str(refused(rules, Board(serial=None), rules.claim(board=BOARD)))


def test_a_claim_for_another_name_is_refused(rules: Rules) -> None:
    text = str(refused(rules, Board(OTHER_NAME), rules.claim(NAME)))
    assert NAME in text
    assert OTHER_NAME in text


def test_a_forged_secret_and_an_unknown_name_are_told_the_same(rules: Rules) -> None:
    claim = rules.claim()
    forged = refused(rules, Board(), user=claim.name, secret="A" * 22)
    unknown = refused(rules, Board(OTHER_NAME), user=OTHER_NAME, secret="A" * 22)
    assert (str(forged), forged.status) == (str(unknown), unknown.status)


@pytest.mark.parametrize("secret", ["", "é", "\x00", "A" * 10_000])
def test_any_secret_that_is_not_the_right_one_is_refused(rules: Rules, secret: str) -> None:
    assert refused(rules, Board(), user=rules.claim().name, secret=secret).status == 401


def test_a_claim_of_another_province_is_refused_by_its_name(rules: Rules) -> None:
    refusal = refused(rules, Board("gp/park-station/kiosk-0001"), user="gp/park-station/kiosk-0001", secret="A" * 22)
    assert "another province" in str(refusal)


def test_a_claim_gives_no_name_of_another_province(rules: Rules) -> None:
    assert "another province" in str(refused(rules, Board("gp/durban-station/kiosk-0001"), rules.claim()))


def test_a_site_that_the_province_does_not_have_is_refused(rules: Rules) -> None:
    with pytest.raises(Refusal, match="no site elsewhere"):
        rules.claim("kzn/elsewhere/kiosk-0001")


def test_a_name_that_brokers_would_not_know_again_is_refused_with_how_much_is_too_long(rules: Rules) -> None:
    # With the name of its probe it has to fit into the common name, which is what the brokers' access lists go by.
    fits = "kzn/durban-station/" + "k" * 36
    assert rules.enrol(Board(fits).asks(), rules.claim(fits))
    with pytest.raises(Refusal, match="2 letters too long"):
        rules.claim(f"{fits}22")
    with pytest.raises(Refusal, match="2 letters too long"):
        rules.enrol(Board(f"{fits}22").asks())


def test_a_new_claim_ends_the_older_one_of_its_name(rules: Rules) -> None:
    older, newer = rules.claim(), rules.claim()
    assert refused(rules, Board(), older).status == 401
    assert rules.enrol(Board().asks(), newer)


def test_a_name_that_lives_is_given_to_nobody_else_without_saying_so(rules: Rules) -> None:
    early = rules.claim()
    board = Board()
    rules.waits(board.asks())
    rules.office.decide(board.key_id, approve=True, who="thandi")
    rules.enrol(board.asks())
    with pytest.raises(Refusal, match="--replace"):
        rules.claim()
    refusal = refused(rules, Board(serial=OTHER_BOARD), early)
    assert f"{NAME} lives on board {BOARD}" in str(refusal)


def test_a_replaced_board_loses_its_certificates_at_once(rules: Rules) -> None:
    old, new = Board(), Board(serial=OTHER_BOARD)
    claim = rules.claim()
    shown = [rules.enrol(asked, claim) for asked in (old.asks(), old.asks_for_probe())]
    replacing = rules.claim(replaces=True)
    assert revoked(rules) == set()
    rules.enrol(new.asks(), replacing)
    assert revoked(rules) == {each.serial_number for each in shown}
    with pytest.raises(Refusal, match=f"replaced by board {OTHER_BOARD}"):
        rules.renew(old.asks(), shown[0])
    assert refused(rules, old, claim).status == 401


def test_a_claim_that_could_not_be_used_is_not_used_up(rules: Rules) -> None:
    claim = rules.claim(board=BOARD)
    refused(rules, Board(serial=OTHER_BOARD), claim)
    assert rules.enrol(Board().asks(), claim)


def test_a_key_that_was_revoked_gets_nothing_more_by_its_old_claim(rules: Rules) -> None:
    claim, board = rules.claim(), Board()
    rules.enrol(board.asks(), claim)
    rules.office.revoke(NAME, who="thandi", reason="stolen")
    assert refused(rules, board, claim).status == 401
    assert rules.enrol(board.asks(), rules.claim()), "a new claim is a new decision"


def test_a_key_under_its_name_on_another_board_is_a_copy(rules: Rules) -> None:
    claim, board = rules.claim(), Board()
    rules.enrol(board.asks(), claim)
    copy = Board(serial=OTHER_BOARD, key=board.key)
    assert "the card is a copy" in str(refused(rules, copy, claim))
    with pytest.raises(Refusal, match="the card is a copy"):
        rules.enrol(copy.asks())


def test_a_claim_gives_no_second_certificate_after_its_end(rules: Rules) -> None:
    claim, board = rules.claim(), Board()
    rules.enrol(board.asks(), claim)
    rules.now = claim.until
    with pytest.raises(Refusal, match="permission ended"):
        rules.enrol(board.asks_for_probe(), claim)


def test_the_journal_tells_who_made_a_claim_and_what_it_was_used_for(rules: Rules) -> None:
    rules.enrol(Board().asks(), rules.claim())
    assert [line[:2] for line in rules.told("claim")] == [("thandi", NAME)]
    assert [line[:2] for line in rules.told("issued")] == [("claim of thandi", NAME)]


def revoked(rules: Rules) -> set[int]:
    return {each.serial_number for each in x509.load_pem_x509_crl(rules.devices.revocation_list())}
