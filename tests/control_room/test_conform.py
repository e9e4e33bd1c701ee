"""The control room's worker keeps the contract's rules: `edge-centre conform centre` grades what it tells its page."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_centre.__main__ import main
from edge_centre.conform import centre
from edge_centre.key_files import make_key, private_path
from tests.support.control_room import ROOT, program
from tests.support.mosquitto import Mosquitto

MINUTE, SOON = "REPEAT_MS = 6e4;", "REPEAT_MS = 3e3;"
"""The worker repeats its own state sooner here than once a minute; room_program.ts waits for that, in fast time."""


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[list[str]]:
    with Mosquitto(tmp_path / "first") as first, Mosquitto(tmp_path / "second") as second:
        yield [first.url, second.url]


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return private_path(tmp_path / "keys", make_key("operator", tmp_path / "keys"))


@pytest.fixture
def worker(key_file: Path, brokers: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    written = program("conform_view", tmp_path_factory).read_text()
    assert written.count(MINUTE) == 1
    soon = key_file.parent / "soon.mjs"
    soon.write_text(written.replace(MINUTE, SOON))
    words = ["node", str(soon), str(key_file), *brokers]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield
    finally:
        _, said = process.communicate(timeout=10)
    assert (process.returncode, said) == (0, "")


def test_the_worker_passes_every_scenario(tmp_path: Path, worker: None, brokers: list[str], key_file: Path) -> None:
    report = tmp_path / "report.json"
    where = [word for url in brokers for word in ("--broker", url)]
    code = main(["conform", "centre", *where, "--key", str(key_file), "--report", str(report)])
    findings = json.loads(report.read_text())["report"]["findings"]
    assert {each["name"]: each["faults"] for each in findings if each["verdict"] != "passed"} == {}
    assert len(findings) == 1 + len(centre.SCENARIOS)
    assert code == 0
