"""What is in the package, and that it is the same for whoever builds it."""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from agent import __version__
from agent.__main__ import COMMANDS
from agent.models.store import cache_directory
from deploy.package import manual
from deploy.package.target import TARGETS

ROOT = Path(__file__).parents[2]
CHANGELOG = ROOT / "deploy/package/debian/changelog"
# From packages that it depends on.
GIVEN = re.compile(r"^(lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|z)\.so\.\d|ld-linux.*)$")
pytestmark = pytest.mark.timeout(600)  # the first time it downloads the wheels


@pytest.fixture(scope="module")
def tree(amd64: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("tree") / "root"
    subprocess.run(["dpkg-deb", "--raw-extract", amd64, directory], check=True)
    yield directory
    shutil.rmtree(directory)


def test_two_builds_give_the_same_bytes_whoever_makes_them_and_where(armhf: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "cache/wheels/armhf"
    shutil.copytree(cache_directory() / "dist/wheels/armhf", wheels)
    changed = {"EDGE_AGENT_DIST_CACHE": str(tmp_path / "cache"), "TZ": "Asia/Kolkata", "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-m", "deploy.package", "--arch=armhf", "--compression=none", f"--out={tmp_path}"]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **changed}, umask=0o077, stdout=subprocess.DEVNULL)
    for first in armhf.parent.iterdir():
        assert digest(tmp_path / first.name) == digest(first), first.name


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.skipif(shutil.which("lintian") is None, reason="no lintian on this machine")
def test_debians_own_checker_finds_no_error(armhf: Path) -> None:
    # A published package is compressed.
    tags = "uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball"
    command = ["lintian", "--allow-root", "--fail-on=error", "--suppress-tags", tags, str(armhf)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_byte_code_is_there_and_never_written_anew(tree: Path) -> None:
    sources = list((tree / "opt/edge-agent/lib").rglob("*.py"))
    assert len(sources) > 1000
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-311.pyc"
        assert compiled.read_bytes()[4:8] == b"\x01\x00\x00\x00", f"{compiled} is checked against its source"


def test_every_library_that_a_wheel_needs_is_in_it_or_depended_on(tree: Path) -> None:
    libraries = [path for path in tree.rglob("*.so*") if path.is_file()]
    names = {path.name for path in libraries}
    needed: set[str] = set()
    for path in libraries:
        told = subprocess.run(["readelf", "--dynamic", path], capture_output=True, text=True, check=True).stdout
        needed |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", told))
    assert len(needed) > 10
    assert {name for name in needed - names if not GIVEN.match(name)} == set()


def test_the_program_is_the_services_and_on_everybodys_path(tree: Path) -> None:
    unit = (tree / "usr/lib/systemd/system/edge-agent.service").read_text()
    command = (tree / "usr/bin/edge-agent").readlink()
    assert f"ExecStart={command} run " in unit
    assert os.access(tree / command.relative_to("/"), os.X_OK)


def test_profiles_and_model_lie_where_agent_and_technician_look(tree: Path) -> None:
    shared = tree / "usr/share/edge-agent"
    sources = [path for path in (ROOT / "firmware_configs").rglob("*") if path.is_file()]
    assert len(sources) > 10
    for source in sources:
        assert (shared / "profiles" / source.relative_to(ROOT / "firmware_configs")).read_bytes() == source.read_bytes()
    manifest = json.loads((shared / "models/ssdlite-person-int8.json").read_text())
    assert digest(shared / "models" / manifest["file"]) == manifest["sha256"]


def test_nothing_in_it_tells_of_the_machine_that_built_it(tree: Path) -> None:
    hidden = [str(ROOT).encode(), str(Path.home()).encode() + b"/", b"edge-agent-dist-"]
    texts = [path for path in tree.rglob("*") if path.is_file() and path.suffix in {"", ".py", ".pyc", ".json", ".pth"}]
    found = [path for path in texts for each in hidden if each in path.read_bytes()]
    assert [path for path in found if "agent" in path.parts or "dist-info" in str(path)] == []


def test_the_changelog_begins_with_this_version() -> None:
    assert CHANGELOG.read_text().startswith(f"edge-agent ({__version__}) ")


def test_the_man_page_has_each_command_with_its_example_and_troff_takes_it(tree: Path) -> None:
    page = gzip.decompress((tree / "usr/share/man/man1/edge-agent.1.gz").read_bytes()).decode()
    for name in COMMANDS:
        section = page.partition(manual.plain(f".SS edge-agent {name}\n")[2:])[2].partition("\n.SH")[0]
        assert "Example" in section
    assert ".SS edge\\-agent model build\n" in page
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z"], input=page, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_text_that_looks_like_a_command_of_troff_is_text() -> None:
    assert manual.plain(".so /etc/shadow\n'br\\n-x") == "\\&.so /etc/shadow\n\\&'br\\en\\-x"


def test_every_wheel_is_in_the_bill_of_materials_and_in_the_licences(amd64: Path, tree: Path) -> None:
    text = amd64.with_suffix(".cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = {each["name"].lower().replace("_", "-"): each for each in json.loads(text)["components"]}
    licences = amd64.with_suffix(".licences.txt").read_text()
    assert (tree / "usr/share/doc/edge-agent/copyright").read_text() == licences
    for name, version, sha256 in re.findall(
        r"^(\S+)==(\S+) --hash=sha256:(\S+)$", TARGETS["amd64"].lock.read_text(), re.MULTILINE
    ):
        part = listed[name]
        assert (part["version"], part["hashes"][0]["content"]) == (version, sha256)
        assert part["licenses"]
        assert f"{part['name']} {version}, https://" in licences
    assert "libavcodec" in {inner["name"] for inner in listed["opencv-python-headless"]["components"]}
    assert "ssdlite-person-int8" in listed


def test_it_wants_the_python_that_its_byte_code_is_for_and_on_32_bits_what_only_debian_has(
    amd64: Path, armhf: Path
) -> None:
    def field(deb: Path, name: str) -> str:
        return subprocess.run(["dpkg-deb", "-f", deb, name], capture_output=True, text=True, check=True).stdout

    assert "python3 (>= 3.11), python3 (<< 3.12)" in field(amd64, "Depends")
    assert "python3-cryptography" not in field(amd64, "Depends")
    assert "python3-cryptography" in field(armhf, "Depends")
    assert "python3-opencv" in field(armhf, "Suggests")


@pytest.mark.parametrize("arch", ["amd64", "arm64", "armhf"])
def test_the_lock_pins_gpio_access_and_keeps_to_numpy_1(arch: str) -> None:
    lock = TARGETS[arch].lock.read_text()
    assert "\nlgpio==0.2.2.0 " in lock
    assert "\nnumpy==2" not in lock
