import argparse
from pathlib import Path

import pytest

from agent.cli import model
from agent.core.errors import ModelError
from tests.models.test_store import manifest, put


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    model.add_parser(parser.add_subparsers(required=True))
    parsed = parser.parse_args(["model", *arguments])
    code = parsed.run(parsed)
    assert isinstance(code, int)
    return code


def test_whole_models_pass_and_an_altered_one_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, manifest("a"))
    bad = put(tmp_path, manifest("b"))
    assert run("verify", "a", "--directory", str(tmp_path)) == 0
    bad.write_bytes(b"altered")
    assert run("verify", "--directory", str(tmp_path)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("ok a ")
    assert lines[2].startswith("BAD b: ")


def test_a_model_that_is_not_there_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", "ssdlite-person-int8", "--directory", str(tmp_path)) == 1
    assert "edge-agent model build" in capsys.readouterr().out


def test_nothing_to_verify_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="edge-agent model build"):
        run("verify", "--directory", str(tmp_path))


def test_a_list_names_models_with_their_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, manifest("street"))
    assert run("list", "--directory", str(tmp_path)) == 0
    out = capsys.readouterr().out
    assert "300x300 uint8" in out
    assert str(path) in out


def test_a_hash_that_is_none_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run("fetch", "https://h/m", "--sha256", "abc")
    assert caught.value.code == 2
    assert "sha256sum" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["build", "fetch", "verify", "list", "demo-video"])
def test_every_action_explains_itself_with_an_example(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(action, "--help")
    assert caught.value.code == 0
    assert f"Example:\n  edge-agent model {action}" in capsys.readouterr().out
