"""What a visitor needs, and no more."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from edge_centre.__main__ import main
from edge_centre.signage.words import BEFORE, CALL, OTHER_TIMES
from tests.support.run import ran

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
FIRST_SCREEN = "\n".join(README[:24])


def test_the_first_screen_says_what_was_not_tried_how_to_begin_and_shows_the_lamps() -> None:
    assert "It has not been tested on a real Raspberry Pi yet" in FIRST_SCREEN
    assert re.findall(r"^make (\w+) ", FIRST_SCREEN, re.MULTILINE) == ["run", "test"]
    assert "(docs/lamps.svg)" in FIRST_SCREEN


def test_there_is_a_door_for_whoever_installs_answers_or_lives_there() -> None:
    assert re.findall(r"^\*\*(I .*)\.\*\*", "\n".join(README), re.MULTILINE) == ["I install", "I answer", "I live here"]


def test_tables_that_a_program_writes_are_elsewhere() -> None:
    assert not any(line.startswith("<!--") for line in README)


def test_its_table_of_lamps_is_that_of_the_pictures() -> None:
    begin = README.index("| yellow | green | beacon | it means |") + 2
    end = README.index("", begin)
    rows = [tuple(cell.strip().replace(" ", "-") for cell in row.split("|")[1:4]) for row in README[begin:end]]
    lamps = [moment.lamps for moment in (*CALL, *OTHER_TIMES[:-1], *BEFORE, OTHER_TIMES[-1])]
    assert rows == [(each.yellow, each.green, each.beacon) for each in lamps]


def test_whoever_changes_something_has_it_tested_by_one_of_the_commands_that_the_readme_names() -> None:
    """`-n` prints the commands and runs none."""
    assert "tests of every room, and all that docs/promise.md names; make test-all runs the rest too" in FIRST_SCREEN
    printed = ran("make", "-n", "test-all", cwd=ROOT).stdout
    suite, rest = (re.search(rf'-m "(not campaign and {begin}[^"]*)"', printed) for begin in (r"\(", "not"))
    assert suite is not None
    assert rest is not None
    subjects = re.search(r"not \((.*)\)\)$", suite[1])
    assert subjects is not None
    assert rest[1] == f"not campaign and not rare and not promised and ({subjects[1]})", "each test is in one of them"
    left_out = set(re.findall(r"--ignore=([\w/]+)", printed))
    assert left_out == {"tests/campaigns/brokers", "tests/control_room"}
    others = ('-m "campaign and not rare" tests/campaigns', '-m "not rare" tests/control_room', "-m rare")
    assert all(each in printed for each in others)


def test_a_newcomer_can_run_the_examples_as_they_are_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that they name are in the repository, or made by an example. Words in capitals are to be filled in."""
    examples = [row.split("|")[3] for row in README if row.startswith("| `edge-")]
    files = [each for row in examples for each in re.findall(r"--(?:config|key) ([a-z]\S*)", row)]
    assert files
    (tmp_path / "firmware_configs").symlink_to(ROOT / "firmware_configs")
    monkeypatch.chdir(tmp_path)
    assert main(["keygen", "--role", "operator", "--out", "keys"]) == 0
    assert [each for each in files if not list(tmp_path.glob(each))] == []


@pytest.mark.parametrize("is_ended", [True, False], ids=["Ctrl-C", "a failure"])
def test_a_newcomer_who_ends_make_run_with_ctrl_c_reads_no_error(tmp_path: Path, *, is_ended: bool) -> None:
    program = tmp_path / "edge-agent"
    waits = "trap 'exit 130' INT; echo begun; while :; do :; done"
    program.write_text(f"#!/bin/sh\n{waits if is_ended else 'echo begun; exit 1'}\n")
    program.chmod(0o755)
    words = ("make", "-s", "run", f"LAB={program}", "NODE_AND_NPM=true", "MAKE=true")
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # not those of make test
    running = subprocess.Popen(
        words, cwd=ROOT, env=own, text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with running:
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
        if is_ended:
            os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all of them
        said = running.stdout.read()  # `communicate` would miss what came along with the first line
    assert running.returncode != 0
    assert ("Error" in said) is not is_ended, said
