"""Other people's tools read the contract's documents: AsyncAPI's parser, and ajv."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.asyncapi_subscriber import node, written
from tests.support.run import ran


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("contract"))


def checked(directory: Path) -> "subprocess.CompletedProcess[str]":
    return ran(*node("check.mjs", directory))


def test_the_documents_and_their_examples_are_valid(directory: Path) -> None:
    done = checked(directory)
    assert (done.returncode, done.stderr) == (0, "")
    counted = json.loads(done.stdout)
    assert counted["faults"] == 0
    assert counted["schemas"] == len([*(directory / "schemas").iterdir()])
    assert counted["examples"] > 40


@pytest.mark.parametrize(
    ("file", "sound", "broken"),
    [
        ("asyncapi.json", '"asyncapi": "3.0.0"', '"asyncapi": "3.0.0", "servers": 7'),
        ("schemas/alarm.raised.json", '"type": "object"', '"type": "objekt"'),
        ("asyncapi.json", '"stage": "raised"', '"stage": "lifted"'),
    ],
)
def test_a_fault_in_them_is_found(directory: Path, tmp_path: Path, file: str, sound: str, broken: str) -> None:
    copy = written(tmp_path / "contract")
    text = (copy / file).read_text(encoding="utf-8")
    assert sound in text
    (copy / file).write_text(text.replace(sound, broken), encoding="utf-8")
    assert checked(copy).returncode == 1
