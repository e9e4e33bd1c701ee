"""Other people's tools read the contract's documents: AsyncAPI's parser, ajv, and the compiler of TypeScript."""

import json
import subprocess
from pathlib import Path

import pytest

from edge_centre.schema.examples import EXAMPLES
from tests.support.asyncapi_subscriber import node, written
from tests.support.run import ran

pytestmark = pytest.mark.grading


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


BROKEN = [
    ("asyncapi.json", '"stage": "raised"', '"stage": "lifted"', "example of alarm.raised: "),
    ("schemas/health.json", '"type": "object"', '"type": "objekt"', "schemas/health.json: schema is invalid"),
]


def test_a_fault_in_them_is_found(tmp_path: Path) -> None:
    broken = written(tmp_path / "contract")
    for file, sound, spoilt, _ in BROKEN:
        text = (broken / file).read_text(encoding="utf-8")
        assert sound in text
        (broken / file).write_text(text.replace(sound, spoilt), encoding="utf-8")
    done = checked(broken)
    assert done.returncode == 1
    for *_, said in BROKEN:
        assert said in done.stdout

    document = broken / "asyncapi.json"
    document.write_text(document.read_text(encoding="utf-8").replace('"asyncapi": "3', '"servers": 7, "asyncapi": "3'))
    assert "asyncapi.json: servers: " in checked(broken).stdout


USE = """
export function shown(message: Message): string {
  switch (message.type) {
    case "edge.alarm.raised.v1": return message.data.held_by?.by ?? message.data.stage;
    case "edge.health.v1": return Object.values(message.data.cameras).map((each) => each.frame_age_ms ?? "none").join();
    default: return message.type;
  }
}
"""
"""What a subscriber would write."""


def compiled(directory: Path, *lines: str) -> "subprocess.CompletedProcess[str]":
    program = directory / "program.ts"
    program.write_text("\n".join(('import type { Message } from "./contract";', *lines, USE)), encoding="utf-8")
    return ran(*node("node_modules/typescript/bin/tsc", "--strict", "--noEmit", "--target", "es2022", program))


def test_the_types_of_typescript_take_every_example_and_nothing_else(directory: Path) -> None:
    messages = [each for each in EXAMPLES.values() if "specversion" in each]
    assert len(messages) > 40
    sound = [f"const m{place}: Message = {json.dumps(each)};" for place, each in enumerate(messages)]
    wrong = json.dumps(EXAMPLES["alarm.raised"]).replace('"stage": "raised"', '"stage": "lifted"')
    said = compiled(directory, *sound, f"const wrong: Message = {wrong};").stdout
    [fault] = [line for line in said.splitlines() if ": error " in line]
    assert f"program.ts({len(sound) + 2}," in fault
    assert "lifted" in said
