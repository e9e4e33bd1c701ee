"""A device without a claim waits until a person has let it in; nothing is carried, and the code is its key's own."""

from contextlib import suppress

import pytest

from edge_centre.registrar import csr
from edge_centre.registrar.devices import MOST_FROM_ONE, MOST_REQUESTS
from edge_centre.registrar.refusal import Refusal
from edge_centre.registrar.store import Issued, StoredRequest
from tests.support.registrar import BOARD, NAME, OTHER_BOARD, OTHER_NAME, Board, Rules

pytestmark = pytest.mark.enrolment

HOUR = 3600


def only(rules: Rules) -> tuple[StoredRequest, Issued | None]:
    """The one request that waits, and whom it would replace."""
    [waiting] = rules.office.requests()
    return waiting.request, waiting.other


def approved(rules: Rules, board: Board) -> None:
    rules.waits(board.asks())
    rules.office.decide(board.key_id, approve=True, who="thandi")


def test_a_device_waits_with_its_code_until_it_is_approved(rules: Rules) -> None:
    board = Board()
    pending = rules.waits(board.asks(), place="Platform 3")
    assert pending.code in pending.text
    waiting, other = only(rules)
    assert (waiting.name, waiting.board, waiting.code, waiting.place) == (NAME, BOARD, pending.code, "Platform 3")
    assert other is None
    rules.office.decide(waiting.key, approve=True, who="thandi")
    certificate = rules.enrol(board.asks())
    assert certificate.subject.rfc4514_string() == f"CN={NAME}"
    assert rules.enrol(board.asks_for_probe())
    assert rules.devices.device(certificate) == (NAME, "Platform 3")
    assert rules.told("issued")[0][0] == "approval by thandi"


def test_whoever_polls_makes_no_second_request(rules: Rules) -> None:
    board = Board()
    assert {rules.waits(board.asks()).code for _ in range(5)} == {board.asks().code}
    assert len(rules.office.requests()) == len(rules.told("asked")) == 1


def test_a_refused_device_is_told_why_and_may_ask_again_after_ten_minutes(rules: Rules) -> None:
    board = Board()
    rules.waits(board.asks())
    rules.office.decide(board.key_id, approve=False, who="thandi", reason="not our kiosk")
    with pytest.raises(Refusal, match="not our kiosk"):
        rules.enrol(board.asks())
    rules.now += 601
    rules.waits(board.asks())


def test_a_request_is_decided_once(rules: Rules) -> None:
    board = Board()
    approved(rules, board)
    with pytest.raises(Refusal, match="was approved by thandi") as refusal:
        rules.office.decide(board.key_id, approve=False, who="sipho")
    assert refusal.value.status == 409


def test_a_request_ends_after_a_day(rules: Rules) -> None:
    board = Board()
    rules.waits(board.asks())
    rules.now += 24 * HOUR + 1
    assert rules.office.requests() == []
    with pytest.raises(Refusal) as refusal:
        rules.office.decide(board.key_id, approve=True, who="thandi")
    assert refusal.value.status == 404


def test_an_approval_that_nobody_has_used_ends_after_a_day(rules: Rules) -> None:
    board = Board()
    approved(rules, board)
    rules.now += 24 * HOUR + 1
    rules.waits(board.asks())


def test_an_approval_says_whom_it_replaces_and_then_revokes_it(rules: Rules) -> None:
    old, new = Board(), Board(serial=OTHER_BOARD)
    shown = rules.enrol(old.asks(), rules.claim())
    rules.waits(new.asks())
    waiting, other = only(rules)
    assert other is not None
    assert other.board == BOARD
    rules.office.decide(waiting.key, approve=True, who="thandi")
    assert rules.renew(old.asks(), shown), "the old one works until the new one has its certificate"
    rules.enrol(new.asks())
    with pytest.raises(Refusal, match="was revoked"):
        rules.renew(old.asks(), shown)


def test_an_approval_of_who_looked_before_another_board_got_the_name_does_not_count(rules: Rules) -> None:
    board = Board(serial=OTHER_BOARD)
    rules.waits(board.asks())
    assert [each.replaces for each in rules.office.requests()] == [None]
    rules.enrol(Board().asks(), rules.claim())
    with pytest.raises(Refusal, match="look at this request again") as refusal:
        rules.office.decide(board.key_id, approve=True, who="thandi", seen=(None,))
    assert refusal.value.status == 409
    [waiting] = rules.office.requests()
    assert waiting.replaces == BOARD
    rules.office.decide(board.key_id, approve=True, who="thandi", seen=(waiting.replaces,))
    assert rules.enrol(board.asks())


def test_an_approval_replaces_nobody_whom_the_operator_has_not_seen(rules: Rules) -> None:
    first, second = Board(), Board(serial=OTHER_BOARD)
    claim = rules.claim()
    approved(rules, second)
    shown = rules.enrol(first.asks(), claim)
    rules.waits(second.asks())
    waiting, other = only(rules)
    assert other is not None
    assert waiting.key == second.key_id
    assert rules.renew(first.asks(), shown)


def test_an_approval_counts_for_its_name_its_key_and_its_board_alone(rules: Rules) -> None:
    board = Board()
    approved(rules, board)
    rules.waits(Board().asks())
    rules.waits(Board(serial=OTHER_BOARD, key=board.key).asks())


def test_a_device_that_changes_its_name_asks_anew(rules: Rules) -> None:
    board = Board()
    approved(rules, board)
    rules.waits(Board("kzn/durban-station/kiosk-0002", key=board.key).asks())
    assert [each.request.name for each in rules.office.requests()] == ["kzn/durban-station/kiosk-0002"]


def test_what_an_operator_has_before_them_can_not_be_changed_under_their_hand(rules: Rules) -> None:
    alive = Board()
    shown = rules.enrol(alive.asks(), rules.claim())
    harmless = Board("kzn/durban-station/kiosk-0002", serial=OTHER_BOARD)
    rules.waits(harmless.asks())
    for changed in (Board(NAME, serial=OTHER_BOARD, key=harmless.key), Board(OTHER_NAME, key=harmless.key)):
        with pytest.raises(Refusal, match=f"waits as {OTHER_NAME} on board {OTHER_BOARD} already") as refusal:
            rules.enrol(changed.asks())
        assert refusal.value.status == 409
    rules.office.decide(harmless.key_id, approve=True, who="thandi")
    rules.waits(Board(NAME, serial=OTHER_BOARD, key=harmless.key).asks())
    assert rules.renew(alive.asks(), shown)


def flood(rules: Rules, addresses: list[str]) -> None:
    """Strangers take all places."""
    for number in range(MOST_REQUESTS):
        rules.now += 1
        with suppress(Refusal):
            rules.waits(Board().asks(), address=addresses[number % len(addresses)])
    assert len(rules.office.requests()) == MOST_REQUESTS


TEN = [f"198.51.{number}.7" for number in range(10)]


@pytest.mark.parametrize(
    "addresses",
    [
        TEN,
        [f"203.0.113.{number}" for number in range(10, 20)],  # of the technician's own network
        [f"2001:db8:0:{number:x}::/64" for number in range(10)],
        [f"2001:db8:7:{number:x}::/64" for number in range(MOST_REQUESTS)],  # of one customer
    ],
    ids=["ten networks", "the technician's network", "ten of IPv6", "200 of one /48"],
)
def test_a_technician_gets_a_place_when_strangers_have_taken_all(rules: Rules, addresses: list[str]) -> None:
    early = Board()
    rules.waits(early.asks(), address="192.0.2.1")
    flood(rules, addresses)
    board = Board()
    pending = rules.waits(board.asks())
    for address in addresses:  # who go on
        with suppress(Refusal):
            rules.waits(Board().asks(), address=address)

    codes = [each.request.code for each in rules.office.requests()]
    assert pending.code in codes
    assert early.asks().code in codes, "nor does one who waited before lose theirs"
    assert len(codes) == MOST_REQUESTS


def test_a_site_that_starts_many_devices_at_once_gets_a_fair_share_of_a_full_list(rules: Rules) -> None:
    flood(rules, TEN)
    boards = [Board() for _ in range(18)]
    for board in boards:
        rules.waits(board.asks())
    with pytest.raises(Refusal, match="Too many devices") as refusal:
        rules.waits(Board().asks())
    assert refusal.value.status == 429
    assert {each.asks().code for each in boards} <= {each.request.code for each in rules.office.requests()}
    assert len(rules.told("made room")) == len(boards)


def test_only_so_many_wait_from_one_address(rules: Rules) -> None:
    for _ in range(MOST_FROM_ONE):
        rules.waits(Board().asks())
    with pytest.raises(Refusal, match="Too many devices"):
        rules.waits(Board().asks())
    rules.waits(Board().asks(), address="198.51.100.1")


def test_a_second_key_with_the_code_of_one_that_waits_is_refused(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    # To find such a key takes 2^40 tries, which somebody may make.
    monkeypatch.setattr(csr, "code", lambda _: "7K3D-M9QX-A4TV")
    rules.waits(Board().asks())
    with pytest.raises(Refusal, match="Another device with this code"):
        rules.waits(Board().asks())


@pytest.mark.parametrize("name", ["gp/durban-station/kiosk-0001", "kzn/elsewhere/kiosk-0001"])
def test_a_name_that_is_not_ours_to_give_does_not_wait(rules: Rules, name: str) -> None:
    with pytest.raises(Refusal):
        rules.waits(Board(name).asks())
    assert rules.office.requests() == []


def test_the_operator_learns_that_a_key_or_a_board_was_revoked(rules: Rules) -> None:
    board = Board()
    approved(rules, board)
    rules.enrol(board.asks())
    rules.office.revoke(NAME, who="thandi", reason="stolen")
    rules.waits(board.asks())
    rules.waits(Board(OTHER_NAME, serial=board.serial).asks())
    rules.waits(Board(OTHER_NAME, serial=OTHER_BOARD).asks())
    same_key, same_board, stranger = [each.remark for each in rules.office.requests()]
    assert same_key is not None
    assert f"board {BOARD} was {NAME}, revoked on" in same_key
    assert same_key.endswith("(stolen)")
    assert same_board == same_key
    assert stranger is None


def test_the_operator_learns_that_a_board_lives_under_another_name(rules: Rules) -> None:
    rules.enrol(Board().asks(), rules.claim())
    rules.waits(Board(OTHER_NAME).asks())
    rules.waits(Board().asks())
    other_name, same_name = [each.remark for each in rules.office.requests()]
    assert other_name is not None
    assert other_name.startswith(f"{NAME} lives on board {BOARD}")
    assert same_name is None, "that it replaces itself is said otherwise"
