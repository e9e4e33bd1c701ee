"""The commands of the office, on the registrar's database."""

from pathlib import Path

import pytest

from agent.trust.claim import Claim, read
from tests.support.registrar import BOARD, NAME, OTHER_BOARD, OTHER_NAME, Board, Rules, run_registrar

pytestmark = pytest.mark.enrolment


@pytest.fixture
def config(rules: Rules, tmp_path: Path) -> Path:
    return tmp_path / "registrar.toml"


def test_a_claim_is_printed_and_written_for_the_card_and_as_a_qr_code(config: Path, tmp_path: Path) -> None:
    printed = run_registrar(config, "claim", "durban-station", "kiosk-0001", "--board", BOARD.upper())
    claim = read(printed.stdout)
    assert isinstance(claim, Claim)
    assert (claim.name, claim.board) == (NAME, BOARD)
    assert "Good once" in printed.stderr
    assert claim.service_code
    assert f"service page: {claim.service_code[:4]} {claim.service_code[4:]}\n" in printed.stderr
    card, picture = tmp_path / "edge-agent.claim", tmp_path / "claim.svg"
    for file in (card, picture):  # of an older claim, and open to everybody
        file.touch(0o644)
    done = run_registrar(
        config, "claim", "durban-station", "kiosk-0001", "--out", str(card), "--qr", str(picture), "--hours", "1"
    )
    assert done.returncode == 0, done.stderr
    assert isinstance(read(card.read_text()), Claim)
    assert card.stat().st_mode & 0o777 == picture.stat().st_mode & 0o777 == 0o600
    assert "<svg" in picture.read_text()


def test_a_claim_that_can_not_be_written_is_told_and_takes_no_older_ones_place(
    config: Path, rules: Rules, tmp_path: Path
) -> None:
    claim = read(run_registrar(config, "claim", "durban-station", "kiosk-0001").stdout)
    assert isinstance(claim, Claim)
    for words in (
        ("--out", str(tmp_path / "no/file")),
        ("--qr", str(tmp_path / "no/file.svg")),
        ("--qr", str(tmp_path / "claim.doc")),
    ):
        done = run_registrar(config, "claim", "durban-station", "kiosk-0001", *words)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr
    assert list(tmp_path.glob("claim.*")) == []
    assert rules.enrol(Board().asks(), claim)


def test_a_device_is_approved_by_the_code_that_the_technician_reads_out(config: Path, rules: Rules) -> None:
    assert "No device waits" in run_registrar(config, "requests").stdout
    old, board = Board(), Board(serial=OTHER_BOARD)
    rules.enrol(old.asks(), rules.claim())
    code = rules.waits(board.asks(), place="Platform 3").code
    shown = run_registrar(config, "requests").stdout
    for text in (code, NAME, OTHER_BOARD, "Platform 3", f"REPLACES board {BOARD}"):
        assert text in shown
    assert f"{NAME} is approved" in run_registrar(config, "approve", code.lower()).stdout
    assert rules.enrol(board.asks())
    listed = run_registrar(config, "list").stdout
    rules.waits(Board(OTHER_NAME, serial=OTHER_BOARD).asks())
    assert f"NOTE: {NAME} lives on board {OTHER_BOARD}" in run_registrar(config, "requests").stdout
    assert f"{NAME}  board {OTHER_BOARD}  until" in listed


def test_a_device_is_refused_with_a_reason(config: Path, rules: Rules) -> None:
    code = rules.waits(Board().asks()).code
    assert "is refused" in run_registrar(config, "refuse", code, "--reason", "not ours").stdout
    again = run_registrar(config, "approve", code)
    assert again.returncode == 1
    assert "No device with the code" in again.stderr


def test_a_stolen_device_is_shut_out(config: Path, rules: Rules) -> None:
    rules.enrol(Board().asks(), rules.claim())
    assert "1 certificates revoked" in run_registrar(config, "revoke", NAME, "--reason", "stolen").stdout
    assert "REVOKED" in run_registrar(config, "list").stdout
    again = run_registrar(config, "revoke", NAME, "--reason", "stolen")
    assert (again.returncode, again.stdout) == (1, "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("claim", "elsewhere", "kiosk-0001"), "no site elsewhere"),
        (("claim", "durban-station", "Kiosk 1"), "province/site/id"),
        (("claim", "durban-station", "kiosk-0001", "--board", "a b"), "serial"),
        (("claim", "durban-station", "kiosk-0001", "--hours", "0"), "hours"),
        (("claim", "durban-station", "kiosk-0001", "--hours", "nan"), "hours"),
        (("claim", "durban-station", "kiosk-0001", "--place", "two\nlines"), "place"),
    ],
)
def test_a_mistake_is_told_in_one_line(config: Path, words: tuple[str, ...], told: str) -> None:
    done = run_registrar(config, *words)
    assert done.returncode in {1, 2}
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_every_command_has_help_with_an_example(config: Path) -> None:
    for command in ("serve", "claim", "requests", "approve", "refuse", "list", "revoke", "copy", "adopt"):
        assert f"example: sudo registrar {command}" in run_registrar(config, command, "--help").stdout
