import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from agent.core.errors import ModelError
from deploy.lab.models import demo_video
from deploy.lab.models.demo_video import ensure_demo_video

VIDEO = b"moving pictures"

APT = """\
#!/bin/sh
for last; do :; done
[ "$last" = opencv-doc ] || exit 9
echo apt says hello
touch opencv-doc_1_all.deb
"""
DPKG = """\
#!/bin/sh
[ "$1" = --fsys-tarfile ] || exit 9
cat {tree}
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is the whole PATH but for the shell's own tools; the cache is in tmp_path."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    known = dict.fromkeys(("vtest.avi", "Megamind.avi", "tree.avi"), hashlib.sha256(VIDEO).hexdigest())
    monkeypatch.setattr(demo_video, "SHA256", known)
    monkeypatch.setenv("PATH", str(directory))
    return directory


def tool(directory: Path, name: str, text: str) -> None:
    path = directory / name
    path.write_text(text.replace("#!/bin/sh\n", "#!/bin/sh\nPATH=/usr/bin:/bin\n"))
    path.chmod(0o755)


def package_with(tools: Path, *names: str, content: bytes) -> None:
    with tarfile.open(tools.parent / "tree.tar", "w") as tree:
        for name in ("copyright", *names):
            member = tarfile.TarInfo(f"./usr/share/doc/{name}")
            member.size = len(content)
            tree.addfile(member, io.BytesIO(content))
    tool(tools, "apt-get", APT)
    tool(tools, "dpkg-deb", DPKG.format(tree=tools.parent / "tree.tar"))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_the_video_is_taken_from_the_package(tools: Path, packed: bool) -> None:
    package_with(tools, "vtest.avi.gz" if packed else "vtest.avi", content=gzip.compress(VIDEO) if packed else VIDEO)
    log = tools.parent / "log"
    path = ensure_demo_video(log)
    assert path.read_bytes() == VIDEO
    assert [entry.name for entry in path.parent.iterdir()] == ["vtest.avi"]
    assert "apt says hello" in log.read_text()


def test_a_video_that_is_there_is_not_fetched_again(tools: Path) -> None:
    package_with(tools, "vtest.avi", content=VIDEO)
    path = ensure_demo_video()
    tool(tools, "apt-get", "#!/bin/sh\nexit 1\n")
    assert ensure_demo_video() == path


def test_an_altered_video_is_fetched_again(tools: Path) -> None:
    package_with(tools, "vtest.avi", content=VIDEO)
    ensure_demo_video().write_bytes(b"half")
    assert ensure_demo_video().read_bytes() == VIDEO


def test_another_video_under_that_name_is_refused(tools: Path) -> None:
    package_with(tools, "vtest.avi", content=b"something else")
    with pytest.raises(ModelError, match="not the one that we know"):
        ensure_demo_video()
    assert not demo_video.demo_video_path().exists()


def test_a_package_without_the_video_is_named(tools: Path) -> None:
    package_with(tools, "tree.avi", content=VIDEO)
    with pytest.raises(ModelError, match=r"vtest.avi of opencv-doc_1_all.deb is missing"):
        ensure_demo_video()


def test_one_download_brings_the_other_videos_along(tools: Path) -> None:
    package_with(tools, "vtest.avi", "tree.avi", content=VIDEO)
    ensure_demo_video()
    tool(tools, "apt-get", "#!/bin/sh\nexit 1\n")
    assert ensure_demo_video(file="tree.avi").read_bytes() == VIDEO


def test_of_two_files_with_the_same_name_the_known_one_is_kept(tools: Path) -> None:
    package_with(tools, "vtest.avi", content=VIDEO)
    with tarfile.open(tools.parent / "tree.tar", "a") as tree:
        tree.addfile(tarfile.TarInfo("./usr/share/doc/html/vtest.avi"), io.BytesIO())
    assert ensure_demo_video().read_bytes() == VIDEO


def test_a_failed_download_says_what_to_do(tools: Path) -> None:
    package_with(tools, "vtest.avi", content=VIDEO)
    tool(tools, "apt-get", "#!/bin/sh\nexit 100\n")
    with pytest.raises(ModelError, match="check the network"):
        ensure_demo_video()


def test_a_package_that_is_cut_short_says_what_to_do(tools: Path) -> None:
    package_with(tools, "vtest.avi", content=VIDEO * 1000)
    tool(tools, "dpkg-deb", "#!/bin/sh\nhead -c 5000 " + str(tools.parent / "tree.tar"))
    with pytest.raises(ModelError, match=r"could not unpack opencv-doc_1_all\.deb"):
        ensure_demo_video()
    assert not demo_video.demo_video_path().exists()


def test_without_package_lists_apt_is_given_its_own(tools: Path) -> None:
    package_with(tools, "vtest.avi", content=VIDEO)
    fresh = """\
#!/bin/sh
case "$*" in
  *Dir::State::lists=*update) mkdir -p lists && touch lists/known; exit 0;;
esac
[ -e lists/known ] || exit 100
"""
    tool(tools, "apt-get", fresh + APT.removeprefix("#!/bin/sh\n"))
    assert ensure_demo_video().read_bytes() == VIDEO


def test_a_system_without_apt_says_where_to_put_the_video(tools: Path) -> None:
    with pytest.raises(ModelError, match=f"no apt-get: .* to {demo_video.demo_video_path()}"):
        ensure_demo_video()
