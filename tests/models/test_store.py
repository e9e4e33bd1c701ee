import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from agent.core import installation
from agent.core.camera.model_decoders import AnchorFile, SsdRaw
from agent.core.camera.model_manifest import ModelInput, ModelManifest, ModelSource
from agent.core.errors import ModelError, ModelRefusedError
from agent.models.cache import cache_directory
from agent.models.store import ModelStore, default_directories, install

CONTENT = b"weights"


def manifest(name: str = "movenet-person-int8", content: bytes = CONTENT) -> ModelManifest:
    return ModelManifest(
        name=name,
        file=f"{name}.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        input=ModelInput(width=300, height=300, dtype="uint8"),
        decoder=SsdRaw(),
        labels=("background", "person"),
        source=ModelSource(package="somewhere", version="1"),
        licence="MIT",
        made_at="2026-11-24T12:00:00Z",
    )


def put(directory: Path, made: ModelManifest, content: bytes = CONTENT) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / "new"
    temporary.write_bytes(content)
    return install(made, temporary, directory)


def test_a_model_that_was_installed_is_found_with_its_manifest(tmp_path: Path) -> None:
    path = put(tmp_path, manifest())
    assert ModelStore([tmp_path / "absent", tmp_path]).load("movenet-person-int8") == (manifest(), path, CONTENT)
    assert path.read_bytes() == CONTENT


def test_the_first_directory_wins(tmp_path: Path) -> None:
    put(tmp_path / "b", manifest())
    first = put(tmp_path / "a", manifest(content=b"other"), b"other")
    store = ModelStore([tmp_path / "a", tmp_path / "b"])
    assert store.load("movenet-person-int8")[1] == first
    assert [path for _, path in store.list()] == [first]


def test_a_missing_model_names_the_directories_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        ModelStore([tmp_path]).load("movenet-person-int8")
    assert str(tmp_path) in str(caught.value)
    assert "`make model`" in str(caught.value)


def test_a_missing_model_of_someone_elses_is_to_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="edge-agent model fetch"):
        ModelStore([tmp_path]).load("yolo-mine")


@pytest.mark.parametrize("content", [b"weighty", b"weight"], ids=["same size", "other size"])
def test_an_altered_model_is_refused(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, manifest()).write_bytes(content)
    with pytest.raises(ModelError, match="make model --force"):
        ModelStore([tmp_path]).load("movenet-person-int8")


def test_a_model_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    put(tmp_path, manifest()).unlink()
    with pytest.raises(ModelError, match="is missing: run `make model --force`"):
        ModelStore([tmp_path]).load("movenet-person-int8")


def test_a_file_that_is_not_what_the_manifest_says_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        put(tmp_path, manifest(), b"nonsense")
    assert not (tmp_path / "movenet-person-int8.tflite").exists()


def test_a_manifest_can_not_name_a_file_elsewhere(tmp_path: Path) -> None:
    text = manifest().model_dump_json().replace("movenet-person-int8.tflite", "../../etc/passwd")
    (tmp_path / "movenet-person-int8.json").write_text(text)
    with pytest.raises(
        ModelError,
        match="file: Value error, a file name without a directory, of letters, digits, dot, dash and underscore",
    ):
        ModelStore([tmp_path]).load("movenet-person-int8")


def test_a_manifest_with_an_unknown_name_in_it_is_refused(tmp_path: Path) -> None:
    text = manifest().model_dump_json().replace('"decoder"', '"decodr"')
    (tmp_path / "movenet-person-int8.json").write_text(text)
    with pytest.raises(ModelError, match="is not a manifest: decod"):
        ModelStore([tmp_path]).list()


def with_anchors(directory: Path, text: bytes) -> ModelManifest:
    """A model whose anchors are `text` in a file beside it, as its manifest says."""
    anchors = AnchorFile(formula="file", file="anchors.csv", sha256=hashlib.sha256(text).hexdigest())
    made = manifest().model_copy(update={"decoder": SsdRaw(anchors=anchors)})
    put(directory, made)
    (directory / "anchors.csv").write_bytes(text)
    return made


def test_anchors_beside_the_model_are_verified_with_it(tmp_path: Path) -> None:
    made = with_anchors(tmp_path, b"0.5,0.5,1,1\n")
    assert ModelStore([tmp_path]).load(made.name)[0] == made
    (tmp_path / "anchors.csv").write_bytes(b"0.5,0.5,1,2\n")
    with pytest.raises(ModelError, match=r"anchors\.csv is not the file .* put the file of the manifest beside it"):
        ModelStore([tmp_path]).load(made.name)


def test_anchors_that_are_missing_are_named(tmp_path: Path) -> None:
    made = with_anchors(tmp_path, b"0.5,0.5,1,1\n")
    (tmp_path / "anchors.csv").unlink()
    with pytest.raises(ModelError, match=r"anchors\.csv is missing"):
        ModelStore([tmp_path]).load(made.name)


@pytest.mark.parametrize(
    ("decoder", "text"),
    [
        ('"yolo9"', "decoder: Input tag 'yolo9' .*'ssd-raw', 'ssd-postprocessed', 'yolo'"),
        ('"yolo"', r"decoder\.yolo\.layout: Field required"),
        ('{"name": "ssd-raw", "nms_iou": 2}', r"decoder\.ssd-raw\.nms_iou: .*less than or equal to 1"),
        ('{"name": "ssd-raw", "anchors": {"formula": "magic"}}', r"decoder\.ssd-raw\.anchors: Input tag 'magic'"),
    ],
)
def test_a_decoder_that_is_described_wrongly_is_told_with_its_place(tmp_path: Path, decoder: str, text: str) -> None:
    fields = json.loads(manifest().model_dump_json()) | {"decoder": json.loads(decoder)}
    (tmp_path / "movenet-person-int8.json").write_text(json.dumps(fields))
    with pytest.raises(ModelError, match=text):
        ModelStore([tmp_path]).load("movenet-person-int8")


def test_the_name_of_a_decoder_alone_takes_the_rest_for_granted(tmp_path: Path) -> None:
    fields = json.loads(manifest().model_dump_json()) | {"decoder": "ssd-raw"}
    (tmp_path / "movenet-person-int8.json").write_text(json.dumps(fields))
    assert ModelStore([tmp_path]).list()[0][0] == manifest()


def test_a_manifest_under_another_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(manifest().model_dump_json())
    with pytest.raises(ModelError, match=r"rename it to movenet-person-int8\.json"):
        ModelStore([tmp_path]).load("other")


def test_a_developers_cache_is_searched_before_the_administrators_and_the_packages_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "edge-agent"
    assert default_directories() == (
        tmp_path / "edge-agent/models",
        Path("/etc/edge-agent/models"),
        Path("/usr/share/edge-agent/models"),
    )


def test_the_packaged_agent_looks_nowhere_below_its_state_directory_where_its_cache_is_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/var/lib/edge-agent")
    monkeypatch.setattr(installation, "_CODE", Path("/opt/edge-agent/lib/agent/core/installation.py"))
    assert default_directories() == (Path("/etc/edge-agent/models"), Path("/usr/share/edge-agent/models"))
    with pytest.raises(ModelError, match=r"--reinstall \./edge-agent_\*\.deb"):
        ModelStore([]).load("movenet-person-int8")


def test_what_is_loaded_is_what_was_verified_though_the_file_is_another_one_by_now(tmp_path: Path) -> None:
    path = put(tmp_path, manifest())
    stored = ModelStore([tmp_path]).load("movenet-person-int8")
    path.write_bytes(b"swapped")
    assert stored.content == CONTENT


def test_a_model_that_the_agent_could_have_written_is_told_of_and_the_vouched_one_of_its_name_runs(
    tmp_path: Path,
) -> None:
    vouched = put(tmp_path / "package", manifest())
    put(tmp_path / "state", manifest(content=b"blind"), b"blind")
    stored, refused = ModelStore([tmp_path / "package"]).load_or_fall_back("movenet-person-int8", tmp_path / "state")
    assert stored == (manifest(), vouched, CONTENT)
    assert refused.startswith(f"using {vouched}, because {tmp_path}/state/movenet-person-int8.json is refused")
    assert "move its files to /etc/edge-agent/models and give them to root" in refused


def test_in_the_place_of_a_model_that_only_the_agent_could_have_written_the_packages_runs(tmp_path: Path) -> None:
    vouched = put(tmp_path / "package", manifest())
    put(tmp_path / "state", manifest("street"))
    stored, refused = ModelStore([tmp_path / "package"]).load_or_fall_back("street", tmp_path / "state")
    assert stored.path == vouched
    assert refused.startswith(f"using {vouched}, because {tmp_path}/state/street.json is refused")


def test_in_the_place_of_an_altered_model_the_first_whole_built_one_runs(tmp_path: Path) -> None:
    vouched = put(tmp_path / "package", manifest())
    altered = put(tmp_path / "own", manifest())
    altered.write_bytes(b"weighty")
    directories = [tmp_path / "own", tmp_path / "package"]
    stored, refused = ModelStore(directories).load_or_fall_back("movenet-person-int8", tmp_path)
    assert stored.path == vouched
    assert refused.startswith(f"using {vouched}, because {altered} is not the file that its manifest describes")


def test_a_refused_model_without_another_one_is_an_error_that_says_which(tmp_path: Path) -> None:
    put(tmp_path / "state", manifest())
    with pytest.raises(ModelRefusedError, match=r"state/movenet-person-int8\.json is refused"):
        ModelStore([tmp_path / "package"]).load_or_fall_back("movenet-person-int8", tmp_path / "state")


def test_in_the_place_of_a_retired_model_its_successor_runs(tmp_path: Path) -> None:
    put(tmp_path, manifest())
    stored, refused = ModelStore([tmp_path]).load_or_fall_back("ssdlite-person-int8", tmp_path / "state")
    assert stored.manifest.name == "movenet-person-int8"
    assert refused == ""


def test_a_retired_model_that_is_still_there_runs(tmp_path: Path) -> None:
    put(tmp_path, manifest())
    put(tmp_path, manifest("ssdlite-person-int8"))
    assert ModelStore([tmp_path]).load("ssdlite-person-int8").manifest.name == "ssdlite-person-int8"


def test_a_misspelt_model_gets_no_other_in_its_place(tmp_path: Path) -> None:
    put(tmp_path, manifest())
    with pytest.raises(ModelError, match="did you mean movenet-person-int8"):
        ModelStore([tmp_path]).load_or_fall_back("movenet-persn-int8", tmp_path / "state")


def test_a_relative_cache_setting_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache/edge-agent"


def test_a_file_name_may_have_capitals(tmp_path: Path) -> None:
    assert manifest("m").model_validate(manifest("m").model_dump() | {"file": "Model_V2-A.tflite"})


def test_the_names_of_an_installed_model_are_on_the_disk_when_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def fsync(number: int) -> None:
        if stat.S_ISDIR(os.fstat(number).st_mode):
            seen.append(sorted(os.listdir(number)))

    monkeypatch.setattr(os, "fsync", fsync)
    put(tmp_path, manifest())
    assert seen[-1:] == [["movenet-person-int8.json", "movenet-person-int8.tflite"]]
