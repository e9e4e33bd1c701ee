from pathlib import Path

import pytest

from agent.adapters.systemd_unit import Unit, ask_unit

LOADED = """LoadState=loaded
ActiveState=activating
SubState=auto-restart
NRestarts=7
SupplementaryGroups=gpio video
"""


@pytest.fixture
def systemctl(tmp_path: Path) -> Path:
    program = tmp_path / "systemctl"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/answer\n")
    program.chmod(0o755)
    return program


def test_the_unit_is_as_systemd_says(tmp_path: Path, systemctl: Path) -> None:
    (tmp_path / "answer").write_text(LOADED)
    assert ask_unit(str(systemctl)) == Unit("activating", "auto-restart", 7, frozenset({"gpio", "video"}))


@pytest.mark.parametrize("answer", [LOADED.replace("loaded", "not-found"), "", "nonsense\n", None])
def test_without_such_a_unit_there_is_none(tmp_path: Path, systemctl: Path, answer: str | None) -> None:
    if answer is not None:
        (tmp_path / "answer").write_text(answer)
    assert ask_unit(str(systemctl)) is None


def test_an_old_systemd_that_does_not_count_restarts_will_do(tmp_path: Path, systemctl: Path) -> None:
    (tmp_path / "answer").write_text(LOADED.replace("NRestarts=7\n", ""))
    found = ask_unit(str(systemctl))
    assert found is not None
    assert found.restarts == 0


def test_without_systemd_there_is_none(tmp_path: Path) -> None:
    assert ask_unit(str(tmp_path / "nothing")) is None


@pytest.mark.parametrize(
    ("active", "sub", "runs"),
    [
        ("active", "running", True),
        ("activating", "start", True),
        ("deactivating", "stop-sigterm", True),
        ("activating", "auto-restart", False),
        ("inactive", "dead", False),
        ("failed", "failed", False),
    ],
)
def test_a_unit_that_is_being_started_or_stopped_runs_and_one_that_waits_does_not(
    active: str, sub: str, runs: bool
) -> None:
    assert Unit(active, sub, 0, frozenset()).runs is runs


def test_systemd_is_asked_once_as_who_has_given_up_roots_rights_may_get_no_answer(
    tmp_path: Path, systemctl: Path
) -> None:
    (tmp_path / "answer").write_text(LOADED)
    before = ask_unit(str(systemctl))
    (tmp_path / "answer").unlink()
    assert ask_unit(str(systemctl)) is before
