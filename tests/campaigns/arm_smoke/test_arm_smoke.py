"""The smoke test's own logic, without the emulator."""

import math
import os
import textwrap
from pathlib import Path
from typing import Any

import pytest

from deploy.package.target import TARGETS
from tests.campaigns.arm_smoke import emulator, modules, probe, verdict
from tests.campaigns.arm_smoke.emulator import Ended
from tests.campaigns.arm_smoke.probe import SIDE
from tests.campaigns.arm_smoke.verdict import Told, judge, misseen, remedy

ROOT = Path(__file__).parents[3]
ARM64 = TARGETS["bookworm-arm64"]
PERSON = [380.0, 180.0, 30.0, 80.0, 0.9]


def a_good_run() -> Told:
    return Told(imported=2, decoded=0.7, seen=[PERSON])


def faults_of(told: Told) -> list[str]:
    return judge(told, ARM64, "cortex-a53", [PERSON], most_different=1.5)


def test_a_run_in_which_all_is_well_has_no_fault() -> None:
    assert faults_of(a_good_run()) == []


def test_what_a_function_imports_is_tried_too_with_every_module_of_the_agent(tmp_path: Path) -> None:
    write(tmp_path / "agent/__init__.py", "")
    write(
        tmp_path / "agent/later.py",
        "def f():\n    from ai_edge_litert import interpreter, Missing\n    import os, cv2\n",
    )
    write(tmp_path / "ai_edge_litert/interpreter.py", "")
    expected = ["ai_edge_litert", "ai_edge_litert.interpreter", "cv2", "agent", "agent.later"]
    assert modules.needed(tmp_path) == expected


def test_every_library_is_tried_though_the_agent_names_none_of_its_modules(tmp_path: Path) -> None:
    write(tmp_path / "lgpio-0.2.dist-info/METADATA", "Name: lgpio\nVersion: 0.2\n")
    write(
        tmp_path / "lgpio-0.2.dist-info/RECORD",
        "lgpio.py,,\n_lgpio.cpython-311-aarch64-linux-gnu.so,,\nmore/__init__.py,,\nmore/inner/__init__.py,,\n",
    )
    assert modules.needed(tmp_path) == ["_lgpio", "lgpio", "more"]


def test_what_is_excepted_is_really_there() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "agent").rglob("*.py"))
    assert [
        name for name in modules.ELSEWHERE if f"import {name}" not in sources and f"from {name}" not in sources
    ] == []


def test_an_import_that_fails_is_told_and_the_next_one_is_tried() -> None:
    lines: list[dict[str, Any]] = []
    probe.import_all(["json", "no_such_module", "csv"], lines.append)
    assert [line["trying"] for line in lines if "trying" in line][-1] == "to import csv"
    assert [line for line in lines if "failed" in line] == [
        {"failed": "no_such_module", "error": "ModuleNotFoundError: No module named 'no_such_module'"}
    ]


@pytest.mark.parametrize(
    ("error", "what_to_do"),
    [
        ("ImportError: libatomic.so.1: cannot open shared object file: No such file", "what has libatomic.so.1"),
        ("ImportError: /lib/libc.so.6: version `GLIBC_2.38' not found (required by x.so)", "newer Debian (GLIBC_2.38"),
        ("ImportError: /lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found", "newer Debian (GLIBCXX_3.4.32"),
        ("ModuleNotFoundError: No module named 'tqdm.auto'", "must not exclude tqdm"),
        ("ModuleNotFoundError: No module named 'backports'", "arm64.txt has no backports"),
        ("ModuleNotFoundError: No module named 'agent.new'", "the agent's wheel has no agent.new"),
        ("AttributeError: _ARRAY_API not found", "pin it in deploy/package/target.py"),
    ],
)
def test_an_import_that_fails_is_named_with_what_to_do(error: str, what_to_do: str) -> None:
    assert what_to_do in remedy(error, ARM64)
    told = a_good_run()
    told.hear({"failed": "agent.some", "error": error})
    assert faults_of(told) == [f"agent.some can't be imported: {error}\n      → {remedy(error, ARM64)}"]


def test_modules_that_fail_for_one_reason_are_one_fault() -> None:
    told = a_good_run()
    for name in ("cv2", "agent.bootstrap.cameras", "agent.vision.app"):
        told.hear({"failed": name, "error": "ImportError: no"})
    assert len(faults_of(told)) == 1
    assert faults_of(told)[0].startswith("cv2 (and 2 more")


def test_a_crash_is_told_with_what_was_tried_and_what_it_said() -> None:
    told = Told()
    told.hear({"trying": "to import numpy"})
    told.ended = Ended(-4, "uncaught target signal 4")
    (fault,) = faults_of(told)
    for part in ("to import numpy", "an instruction that cortex-a53 has not", "uncaught target signal 4"):
        assert part in fault


def test_a_run_that_ends_well_before_it_is_through_is_a_fault() -> None:
    told = Told()
    told.hear({"trying": "to import numpy"})
    assert faults_of(told) == ["it tries to import numpy, and ends before it is through"]


def test_a_picture_that_is_decoded_as_far_off_as_the_next_one_is_another_picture() -> None:
    told = a_good_run()
    told.hear({"decoded": 1.5})
    assert "decodes another picture" in faults_of(told)[0]


def steps_away(steps: int) -> list[float]:
    """A box that lies so many steps of each of the model's outputs beside `PERSON`."""
    left, top, width, height, score = PERSON
    cell = SIDE / 56
    logit = math.log(score / (1 - score)) - 0.154 * steps
    wide, high = width + 0.271 * cell * steps, height + 0.271 * cell * steps
    x, y = left + width / 2 + 0.034 * cell * steps, top + height / 2 + 0.034 * cell * steps
    return [x - wide / 2, y - high / 2, wide, high, 1 / (1 + math.exp(-logit))]


def test_two_steps_of_rounding_are_the_same_person_and_three_are_not() -> None:
    assert misseen([PERSON], [steps_away(2)]) == []
    assert misseen([PERSON], [steps_away(-2)]) == []
    assert len(misseen([PERSON], [steps_away(3)])) == 1


def test_somebody_more_or_less_is_a_fault_and_so_is_nobody_here() -> None:
    other = [100.0, 100.0, 30.0, 80.0, 0.9]
    assert misseen([PERSON], []) == ["it sees 0 people, and this machine sees 1"]
    assert misseen([PERSON], [PERSON, other]) == ["it sees 2 people, and this machine sees 1"]
    assert len(misseen([PERSON, other], [PERSON, PERSON])) == 1
    assert "make model" in misseen([], [])[0]


def test_boxes_that_lie_apart_share_nothing() -> None:
    assert verdict.overlap([0, 0, 10, 10, 1], [20, 20, 10, 10, 1]) == 0
    assert verdict.overlap([0, 0, 10, 10, 1], [0, 5, 10, 10, 1]) == pytest.approx(1 / 3)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the emulator's place; a test writes what it does."""
    program = tmp_path / "bin/qemu-aarch64"
    write(program, "")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


def test_a_program_that_dies_of_an_instruction_says_so(stand_in: Path, tmp_path: Path) -> None:
    write(stand_in, "#!/bin/sh\necho no such instruction >&2; kill -ILL $$\n")
    assert emulator.run(tmp_path, "cortex-a53", [], 60, print) == Ended(-4, "no such instruction")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
