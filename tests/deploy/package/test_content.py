"""What is in the package, and that it is the same for whoever builds it."""

import csv
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
from agent.models.cache import cache_directory
from deploy.package import archive, manual, python, sizes
from deploy.package.target import BOOKWORM, TARGETS, TRIXIE, Target
from tests.support.debian import RELEASE
from tests.support.run import ran

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "deploy/README.md"
OWN = {target.arch: target for target in TARGETS.values() if target.release == RELEASE}
CHANGELOG = ROOT / "deploy/package/debian/changelog"
# From packages that it depends on.
GIVEN = re.compile(r"^(lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|z)\.so\.\d|ld-linux.*)$")
pytestmark = [pytest.mark.timeout(1200), pytest.mark.package]  # the first time it downloads the wheels


@pytest.fixture(scope="module")
def tree(amd64: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("tree") / "root"
    subprocess.run(["dpkg-deb", "--raw-extract", amd64, directory], check=True)
    yield directory
    shutil.rmtree(directory)


def test_two_builds_give_the_same_bytes_whoever_makes_them_and_where(armhf: Path, tmp_path: Path) -> None:
    wheels = Path("dist/wheels") / OWN["armhf"].name
    shutil.copytree(cache_directory() / wheels, tmp_path / wheels)
    changed = {"EDGE_AGENT_DIST_CACHE": str(tmp_path / "dist"), "TZ": "Asia/Kolkata", "PYTHONHASHSEED": "7"}
    command = [
        sys.executable,
        "-m",
        "deploy.package",
        "--arch=armhf",
        f"--release={RELEASE.name}",
        "--compression=none",
        f"--out={tmp_path}",
    ]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **changed}, umask=0o077, stdout=subprocess.DEVNULL)
    for first in armhf.parent.iterdir():
        assert digest(tmp_path / first.name) == digest(first), first.name


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.skipif(shutil.which("lintian") is None, reason="no lintian on this machine")
@pytest.mark.parametrize(
    "arch", [pytest.param(arch, marks=pytest.mark.rare if arch != "arm64" else ()) for arch in OWN]
)
def test_debians_own_checker_finds_nothing_and_each_exception_is_needed_and_has_its_reason(
    arch: str, request: pytest.FixtureRequest
) -> None:
    deb: Path = request.getfixturevalue(arch)
    # A published package is compressed.
    tags = "uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball"
    done = ran("lintian", "--allow-root", "--fail-on=error,warning", "--suppress-tags", tags, deb, timeout=900)
    # What one architecture has no case of is no mistake of the other's.
    told = [line for line in done.stdout.splitlines() if "unused-override" not in line]
    assert (done.returncode, told) == (0, [])
    overrides = (ROOT / "deploy/package/debian/lintian-overrides").read_text()
    assert overrides.startswith("# ")
    assert len(re.findall(r"^edge-agent: ", overrides, re.MULTILINE)) <= 12


def test_the_guide_has_the_sizes_of_todays_packages(arm64: Path, armhf: Path, amd64: Path) -> None:
    found = re.findall(r"^\| (\d+) \| (\w+) \| (\d+) \| (\d+) \|$", sizes.in_guide(GUIDE.read_text()), re.MULTILINE)
    assert [(int(row[0]), row[1]) for row in found] == [(each.release.number, each.arch) for each in TARGETS.values()]
    rows = [row[1:] for row in found if int(row[0]) == RELEASE.number]
    for deb, (arch, packed, installed) in zip((arm64, armhf, amd64), rows, strict=True):
        assert int(installed) == pytest.approx(sizes.installed_mib(deb), rel=0.03, abs=1), f"{arch}: make dist-sizes"
        assert 0.1 < int(packed) / int(installed) < 0.5


def test_a_table_of_sizes_that_is_not_there_is_told() -> None:
    with pytest.raises(LookupError, match="package sizes"):
        sizes.in_guide("nothing")


def test_byte_code_is_there_and_never_written_anew(tree: Path) -> None:
    sources = list((tree / "opt/edge-agent/lib").rglob("*.py"))
    assert len(sources) > 1000
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
        assert compiled.read_bytes()[4:8] == b"\x01\x00\x00\x00", f"{compiled} is checked against its source"


def test_lists_of_files_name_only_what_is_there(tree: Path) -> None:
    site_packages = tree / OWN["amd64"].site_packages
    records = list(site_packages.glob("*.dist-info/RECORD"))
    assert len(records) > 15
    for record in records:
        names = [name for name, *_ in csv.reader(record.read_text().splitlines())]
        assert [name for name in names if not (site_packages / name).exists()] == []


def test_where_this_machine_has_no_python_of_the_devices_version_debians_makes_the_same_byte_code(
    tmp_path: Path,
) -> None:
    if shutil.which("mmdebstrap") is None:
        pytest.skip("no mmdebstrap on this machine")
    source = tmp_path / "sets.py"
    source.write_text("def known(name):\n    return name in {'a', 'b', 'c'} and not f'{name!r}'.isspace()\n")
    made = []
    for command in (python.find(RELEASE, tmp_path, print), python.debians(RELEASE, cache_directory() / "dist", print)):
        compiling = [*command, "-s", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", str(source)]
        subprocess.run(compiling, check=True, env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"})
        compiled = tmp_path / f"__pycache__/sets.{sys.implementation.cache_tag}.pyc"
        made.append(compiled.read_bytes())
        compiled.unlink()
    assert made[0] == made[1]


def test_every_library_that_a_wheel_needs_is_in_it_or_depended_on(tree: Path) -> None:
    libraries = [path for path in tree.rglob("*.so*") if path.is_file()]
    names = {path.name for path in libraries}
    needed: set[str] = set()
    for path in libraries:
        told = ran("readelf", "--dynamic", path, check=True).stdout
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
    manifest = json.loads((shared / "models/movenet-person-int8.json").read_text())
    assert digest(shared / "models" / manifest["file"]) == manifest["sha256"]


def test_nothing_in_it_tells_of_the_machine_that_built_it(tree: Path) -> None:
    hidden = [str(ROOT).encode(), str(Path.home()).encode() + b"/", b"edge-agent-dist-"]
    texts = [path for path in tree.rglob("*") if path.is_file() and path.suffix in {"", ".py", ".pyc", ".json", ".pth"}]
    found = [path for path in texts for each in hidden if each in path.read_bytes()]
    assert [path for path in found if "agent" in path.parts or "dist-info" in str(path)] == []


def test_the_changelog_begins_with_this_version(tree: Path) -> None:
    assert CHANGELOG.read_text().startswith(f"edge-agent ({__version__}) ")
    packed = gzip.decompress((tree / "usr/share/doc/edge-agent/changelog.gz").read_bytes()).decode()
    assert packed.startswith(f"edge-agent ({__version__}{RELEASE.suffix}) {RELEASE.name}; ")


def test_the_time_of_the_build_is_that_of_the_newest_change_unless_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    changelog = tmp_path / "changelog"
    entry = "edge-agent (2) stable; urgency=medium\n\n  * It.\n\n -- One <one@example.org>  {}\n\n"
    changelog.write_text(
        entry.format("Thu, 01 Jan 1970 02:00:01 +0200") + entry.format("Thu, 01 Jan 1970 00:00:00 +0000")
    )
    assert archive.time_s(changelog) == 1
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "7")
    assert archive.time_s(changelog) == 7


def test_the_man_page_has_each_command_with_its_example_and_troff_takes_it(tree: Path) -> None:
    page = gzip.decompress((tree / "usr/share/man/man1/edge-agent.1.gz").read_bytes()).decode()
    for name in COMMANDS:
        section = page.partition(manual.plain(f".SS edge-agent {name}\n")[2:])[2].partition("\n.SH")[0]
        assert "Example" in section
    assert ".SS edge\\-agent model fetch\n" in page
    done = ran("groff", "-man", "-Tutf8", "-ww", "-z", input=page, check=True)
    assert done.stderr == ""


def test_it_brings_what_bash_and_zsh_complete(tree: Path) -> None:
    assert "complete -o" in (tree / "usr/share/bash-completion/completions/edge-agent").read_text()
    assert (tree / "usr/share/zsh/vendor-completions/_edge-agent").read_text().startswith("#compdef edge-agent")


def test_text_that_looks_like_a_command_of_troff_is_text() -> None:
    assert manual.plain(".so /etc/shadow\n'br\\n-x") == "\\&.so /etc/shadow\n\\&'br\\en\\-x"


def test_every_wheel_is_in_the_bill_of_materials_and_in_the_licences(amd64: Path, tree: Path) -> None:
    text = amd64.with_suffix(".cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = {each["name"].lower().replace("_", "-"): each for each in json.loads(text)["components"]}
    licences = amd64.with_suffix(".licences.txt").read_text()
    assert (tree / "usr/share/doc/edge-agent/copyright").read_text() == licences
    for name, version, sha256 in re.findall(
        r"^(\S+)==(\S+) --hash=sha256:(\S+)$", OWN["amd64"].lock.read_text(), re.MULTILINE
    ):
        part = listed[name]
        assert (part["version"], part["hashes"][0]["content"]) == (version, sha256)
        assert part["licenses"]
        assert f"{part['name']} {version}, https://" in licences
    assert "libavcodec" in {inner["name"] for inner in listed["opencv-python-headless"]["components"]}
    assert "movenet-person-int8" in listed
    for name in ("preact", "@preact/signals", "@noble/curves", "@noble/hashes"):
        assert listed[name]["purl"].startswith(f"pkg:npm/{name.replace('@', '%40')}@")
        assert f"\n {name} {listed[name]['version']}, https://" in licences
    assert re.search(
        r"^Files: \S*/agent/service_page/static/page\.js\nCopyright: Copyright .*\n", licences, re.MULTILINE
    )


def test_it_wants_the_python_that_its_byte_code_is_for_and_on_32_bits_what_only_debian_has(
    amd64: Path, armhf: Path
) -> None:
    def field(deb: Path, name: str) -> str:
        return ran("dpkg-deb", "-f", deb, name, check=True).stdout

    major, minor = RELEASE.python.split(".")
    assert f"python3 (>= {RELEASE.python})" in field(amd64, "Depends")
    assert f"python3 (<< {major}.{int(minor) + 1})" in field(amd64, "Depends")
    assert field(amd64, "Version") == f"{__version__}{RELEASE.suffix}\n"
    assert "python3-cryptography" not in field(amd64, "Depends")
    assert "python3-cryptography" in field(armhf, "Depends")
    # No runtime of models is to be had for it: then nothing is suggested for a camera.
    assert ("python3-opencv" in field(armhf, "Suggests")) == (RELEASE == BOOKWORM)


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_the_lock_has_the_right_gpio_access_or_none_and_the_numpy_of_debians_picamera2(target: Target) -> None:
    lock = target.lock.read_text()
    # For Python 3.13 pip would take 0.0.0.2 in silence.
    assert re.findall(r"^lgpio==(\S+)", lock, re.MULTILINE) == (["0.2.2.0"] if target.release == BOOKWORM else [])
    assert ("python3-lgpio" in target.recommends) == (target.release == TRIXIE)
    wanted = {"bookworm-armhf": [], "trixie-armhf": []}.get(target.name, ["1" if target.release == BOOKWORM else "2"])
    assert re.findall(r"^numpy==(\d+)", lock, re.MULTILINE) == wanted
