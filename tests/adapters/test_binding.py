import json
import logging
from pathlib import Path

import pytest

from agent.adapters.binding import BINDING, CURRENT, read_binding, refuse_a_copy
from agent.core.binding import Binding
from agent.core.errors import CopiedCard, StorageError

NAME = "kzn/durban-station/kiosk-0001"
MINE, ANOTHER = "10000000abcdef01", "10000000abcdef02"


def bound(state: Path, content: str | None = None, board: str | None = MINE) -> Path:
    """Credentials with this binding; returns the certificate's path."""
    current = state / CURRENT
    current.mkdir(parents=True)
    (current / BINDING).write_text(json.dumps({"name": NAME, "board": board}) if content is None else content)
    return current / "device.pem"


def test_credentials_of_another_board_are_refused_with_whose_they_are_and_what_to_do(tmp_path: Path) -> None:
    cert = bound(tmp_path)
    with pytest.raises(CopiedCard) as said:
        refuse_a_copy(cert, tmp_path, lambda: (ANOTHER,))
    assert str(said.value) == (
        f"this card is a copy of that of {NAME} (board {MINE}), and this is board {ANOTHER}: "
        "`sudo edge-agent enrol` with a claim for a name of its own, or with one made by --replace for the other "
        "board's place"
    )


@pytest.mark.parametrize("board", [MINE, MINE.upper(), None])
def test_those_of_this_board_are_used_and_those_that_are_bound_to_none(tmp_path: Path, board: str | None) -> None:
    refuse_a_copy(bound(tmp_path, board=board), tmp_path, lambda: (MINE,))


def test_a_machine_without_a_serial_number_uses_what_it_has(tmp_path: Path) -> None:
    refuse_a_copy(bound(tmp_path), tmp_path, lambda: ())


def test_credentials_bound_to_either_of_two_serial_numbers_are_this_boards(tmp_path: Path) -> None:
    refuse_a_copy(bound(tmp_path), tmp_path, lambda: (ANOTHER, MINE))


def test_credentials_of_another_name_than_the_settings_are_told_in_words_and_left_to_the_brokers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cert = bound(tmp_path)
    refuse_a_copy(cert, tmp_path, lambda: (MINE,), NAME)
    assert caplog.text == ""
    refuse_a_copy(cert, tmp_path, lambda: (MINE,), "kzn/durban-station/kiosk-0002")
    [said] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert said.startswith(
        f"the credentials are those of {NAME}, and the agent's settings say kzn/durban-station/kiosk-0002 ("
    )
    assert "`sudo edge-agent enrol` with the same claim" in said


def test_a_device_that_was_set_up_by_hand_has_no_binding_and_its_board_is_not_asked(tmp_path: Path) -> None:
    def asked() -> tuple[str, ...]:
        raise AssertionError("nothing is bound")

    bound(tmp_path)
    for cert in (None, Path("/etc/edge-agent/device.pem"), tmp_path / "credentials/device.pem"):
        refuse_a_copy(cert, tmp_path, asked)
    (tmp_path / CURRENT / BINDING).unlink()
    refuse_a_copy(tmp_path / CURRENT / "device.pem", tmp_path, asked)


def test_the_binding_is_that_of_the_directory_that_current_leads_to_now(tmp_path: Path) -> None:
    for name, board in (("first", MINE), ("second", ANOTHER)):
        place = tmp_path / "credentials" / name
        place.mkdir(parents=True)
        (place / BINDING).write_text(json.dumps({"name": NAME, "board": board}))
    current = tmp_path / CURRENT
    for name, board in (("first", MINE), ("second", ANOTHER)):
        current.unlink(missing_ok=True)
        current.symlink_to(name)
        assert read_binding(current / "device.pem", tmp_path) == Binding(NAME, board)


@pytest.mark.parametrize(
    "content", ["", "[]", "null", "{}", '{"name": 1, "board": "a"}', '{"name": "a", "board": 1}', "\0"]
)
def test_a_binding_that_can_not_be_read_is_logged_and_keeps_no_device_from_calling_for_help(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    cert = bound(tmp_path, content)
    with pytest.raises(StorageError, match=r"binding\.json can't be read"):
        read_binding(cert, tmp_path)
    with caplog.at_level(logging.WARNING):
        refuse_a_copy(cert, tmp_path, lambda: (ANOTHER,))
    assert "nobody can tell whether this card is a copy" in caplog.text
