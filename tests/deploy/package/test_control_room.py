"""The package of the operators' page."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from agent import __version__
from deploy.package import control_room
from tests.control_room.conftest import built_page
from tests.support.mosquitto import SERVING
from tests.support.run import ran

pytestmark = pytest.mark.package

__all__ = ["built_page"]


@pytest.fixture
def package(built_page: Path, tmp_path: Path) -> Path:
    return control_room.build(tmp_path / "dist", "gzip")


@pytest.fixture
def tree(package: Path, tmp_path: Path) -> Path:
    ran("dpkg-deb", "--raw-extract", package, tmp_path / "root", check=True)
    return tmp_path / "root"


def test_it_holds_the_built_page_and_not_the_settings_of_the_example(tree: Path, built_page: Path) -> None:
    page = tree / "usr/share/edge-agent-control-room/page"
    packed = {path.relative_to(page): path.read_bytes() for path in page.rglob("*") if path.is_file()}
    built = {path.relative_to(built_page): path.read_bytes() for path in built_page.rglob("*") if path.is_file()}
    del built[Path("control-room.json")]
    assert packed == built


def test_its_site_serves_what_is_in_it_and_its_examples_are_those_that_the_tests_run(tree: Path) -> None:
    examples = tree / "usr/share/doc/edge-agent-control-room/examples"
    for name in ("nginx.conf", "mosquitto.conf", "rabbitmq.conf"):
        assert (examples / name).read_bytes() == (SERVING / name).read_bytes()
    [served] = re.findall(r"^  root /(.+);$", (examples / "nginx.conf").read_text(), re.MULTILINE)
    assert (tree / served / "index.html").is_file()


def test_its_program_for_logins_can_be_called(tree: Path) -> None:
    done = ran(tree / "usr/share/edge-agent-control-room/login.sh", "list", env={"FILES": "/none", "PATH": "/bin"})
    assert "can't be written" in done.stderr


def test_two_builds_give_the_same_bytes(package: Path, built_page: Path, tmp_path: Path) -> None:
    assert control_room.build(tmp_path / "again", "gzip").read_bytes() == package.read_bytes()


def test_every_library_in_the_scripts_has_its_licence(tree: Path) -> None:
    terms = (tree / "usr/share/doc/edge-agent-control-room/copyright").read_text()
    for name in ("preact", "@preact/signals", "mqtt", "mqtt-packet", "leaflet", "pmtiles", "fflate"):
        [text] = re.findall(rf"^ {name} \d[\d.]*: (?:.*\n)((?: .*\n){{10}})", terms, re.MULTILINE)
        assert "opyright" in text
    for name in ("esbuild", "typescript", "axe-core"):
        assert not re.search(rf"^ {name} \d", terms, re.MULTILINE)


def test_whoever_packs_waits_for_no_xz(built_page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took 285 of 333 s of the device's package, whose compression is the same."""
    monkeypatch.setattr(sys, "argv", ["control_room", "--out", str(tmp_path)])
    control_room.main()
    [package] = tmp_path.glob("*.deb")
    assert "data.tar.zst" in ran("ar", "t", package).stdout.split()


def test_its_name_says_version_and_that_it_is_for_every_architecture(package: Path) -> None:
    assert package.name == f"edge-agent-control-room_{__version__}_all.deb"
    fields = ran("dpkg-deb", "--field", package, "Depends", "Recommends", check=True).stdout
    assert fields == "Depends: nginx-light | nginx\nRecommends: mosquitto\n"


@pytest.mark.skipif(shutil.which("lintian") is None, reason="no lintian on this machine")
def test_debians_own_checker_finds_nothing(package: Path) -> None:
    done = ran("lintian", "--allow-root", "--fail-on=error,warning", package, timeout=900)
    assert (done.returncode, done.stdout) == (0, "")
