import argparse
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.cli import model
from agent.core import installation
from agent.core.errors import CameraError, ModelError, UsageError
from agent.models.store import ModelStore, default_directories
from deploy.lab import model as lab_model
from deploy.lab.models.build import BuildOptions
from tests.models.test_fetch import SHA256, server
from tests.models.test_store import manifest, put
from tests.support.hailo import MODEL as ON_A_HAILO
from tests.support.hailo import hailo, hailo_model
from tests.support.model_families import install

__all__ = ["hailo", "server"]


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
    assert run("verify", "movenet-person-int8", "--directory", str(tmp_path)) == 1
    assert "make model" in capsys.readouterr().out


def test_nothing_to_verify_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="make model"):
        run("verify", "--directory", str(tmp_path))


def test_a_model_is_tried_on_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(tmp_path, "YOLOv8")
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[16:32, 32:48] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / "street.png"), pixels)
    where = ["--directory", str(tmp_path)]

    assert run("try", "small", str(tmp_path / "street.png"), *where) == 0
    told = capsys.readouterr()
    assert told.out == "1.00 32 16 16 16\n"
    assert "1 found in " in told.err

    assert run("try", "small", str(tmp_path / "street.png"), "--delegate", "libnowhere.so", *where) == 0
    assert "the processor runs the model instead" in capsys.readouterr().err


@pytest.mark.usefixtures("hailo")
def test_a_model_for_a_hailo_is_listed_verified_and_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hailo_model(tmp_path)
    cv2.imwrite(str(tmp_path / "nobody.png"), np.zeros((64, 64, 3), np.uint8))
    where = ["--directory", str(tmp_path)]

    assert [run("list", *where), run("verify", *where)] == [0, 0]
    assert capsys.readouterr().out.count(f"{tmp_path}/{ON_A_HAILO}.hef") == 2
    assert run("try", ON_A_HAILO, str(tmp_path / "nobody.png"), "--delegate", "hailo", *where) == 0
    assert f"ms by {ON_A_HAILO} on hailort 4.23.0" in capsys.readouterr().err
    with pytest.raises(ModelError, match='set delegate = "hailo"'):
        run("try", ON_A_HAILO, str(tmp_path / "nobody.png"), *where)


def test_a_picture_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    install(tmp_path, "YOLOv8")
    with pytest.raises(CameraError, match="use JPEG or PNG"):
        run("try", "small", str(tmp_path / "small.json"), "--directory", str(tmp_path))


def test_what_is_built_or_fetched_with_the_package_goes_where_the_agent_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    into: list[Path] = []

    def build(options: BuildOptions, report: object) -> list[Path]:
        into.append(options.directory)
        return []

    monkeypatch.setattr(installation, "_CODE", Path("/opt/edge-agent/lib/agent/core/installation.py"))
    monkeypatch.setattr(lab_model, "build", build)
    monkeypatch.setattr(model, "fetch", lambda url, sha256, manifest, directory, progress: into.append(directory))
    parser = argparse.ArgumentParser()
    lab_model.add_parser(parser.add_subparsers(required=True))
    parsed = parser.parse_args(["model", "build"])
    assert parsed.run(parsed) == 0
    run("fetch", "https://x.example/street.tflite", "--sha256", "0" * 64)
    assert into == [Path("/etc/edge-agent/models")] * 2
    assert into[0] in default_directories()


def test_a_list_names_models_with_their_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, manifest("street"))
    assert run("list", "--directory", str(tmp_path)) == 0
    out = capsys.readouterr().out
    assert "300x300 uint8" in out
    assert str(path) in out


def test_a_model_is_fetched_by_its_address_and_hash(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--directory", str(tmp_path)]
    assert run("fetch", f"{server}/Street_2.tflite?x=1", "--sha256", SHA256, *where) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'street-2.tflite'}\n"
    assert run("verify", "street-2", *where) == 0


def test_a_model_is_fetched_with_the_manifest_that_describes_it(server: str, tmp_path: Path) -> None:
    described = manifest("street").model_copy(update={"labels": ("person",)})
    (tmp_path / "given").mkdir()
    path = tmp_path / "given" / "street.json"
    path.write_text(described.model_dump_json())
    where = ["--directory", str(tmp_path / "models"), "--manifest", str(path)]
    assert run("fetch", f"{server}/m", "--sha256", SHA256.upper(), *where) == 0
    assert ModelStore([tmp_path / "models"]).load("street")[0].labels == ("person",)


def test_a_name_that_can_not_be_one_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--name"):
        run("fetch", "https://h/model%20one.tflite", "--sha256", SHA256, "--directory", str(tmp_path))


def test_a_hash_that_is_none_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run("fetch", "https://h/m", "--sha256", "abc")
    assert caught.value.code == 2
    assert "sha256sum" in capsys.readouterr().err
