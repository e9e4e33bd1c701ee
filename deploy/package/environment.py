"""A product's own Python environment below /opt: wheels of the lock, our own, and nothing to build."""

import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.package import python
from deploy.package.kept import made_once, sweep
from deploy.package.target import DIRECTORY, Target

_PYVENV = "home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n"
# Only Debian's own packages, after ours, and not what somebody has put below /usr/local. For picamera2 and libcamera,
# which have no wheels, and on armhf for more.
_DEBIAN_PACKAGES = "/usr/lib/python3/dist-packages\n"
# -I: neither PYTHONPATH nor a user's own packages nor the current directory can change what runs.
_PROGRAM = """\
#!/{home}/bin/python3 -I
import sys

from {module}.__main__ import main

sys.exit(main())
"""
_SOURCES = {"edge-agent": (".", "agent"), "edge-centre": ("deploy/centre", "edge_centre")}
"""Of each product, the folder of its wheel and the package with its program."""
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
_ZIP_BEGINS_S = 315532800
"""1980: no file in a wheel can be older."""
PRUNED = (
    "**/tests",
    "**/*.pyi",
    "**/include",
    "cv2/data",  # finds faces, which nobody here may
    "ai_edge_litert/aot",
    "ai_edge_litert/tools",
    "ai_edge_litert/vendors",
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so",
)
"""What no device needs."""


def build(target: Target, root: Path, wheels: Path, cache: Path, say: Callable[[str], None]) -> None:
    """Make the environment below `root`. `wheels` is where our own are; what the libraries become is kept in `cache`.

    `say` hears of each step.
    """
    shutil.copytree(_libraries(target, cache, say) / target.home, root / target.home)
    say("adding what is our own")
    own = root.with_name("own")
    _install(own / target.site_packages, "--no-deps", f"--find-links={wheels}", "edge-agent-common", target.product)
    _list_what_is_there(own / target.site_packages)
    _compile(own, target, python.find(target.release, cache, say))
    shutil.copytree(own, root, dirs_exist_ok=True)
    (root / target.site_packages / "debian.pth").write_text(_DEBIAN_PACKAGES)
    (root / target.home / "pyvenv.cfg").write_text(_PYVENV.format(python=target.release.python))
    program = root / target.home / "bin" / target.product
    program.parent.mkdir()
    program.write_text(_PROGRAM.format(home=target.home, module=_SOURCES[target.product][1]))
    (program.parent / "python3").symlink_to("/usr/bin/python3")


def own_wheels(project: Path, directory: Path, time_s: int, product: str = "edge-agent") -> Path:
    """Make wheels of a product and of what both share in `directory`; their files bear `time_s`."""
    for each in (project / "agent", project / _SOURCES[product][0]):
        _pip("wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={directory}", str(each), time_s=time_s)
    return directory


def _libraries(target: Target, cache: Path, say: Callable[[str], None]) -> Path:
    """The locked wheels, unpacked and compiled as below the root of a device; made once for each lock."""
    ingredients = (target.lock, DIRECTORY / "target.py", Path(__file__))
    recipe = b"".join(path.read_bytes() for path in ingredients)

    def make(made: Path) -> None:
        site_packages = made / target.site_packages
        _install_locked(target, site_packages, cache / "wheels" / target.name, say)
        for pattern in PRUNED:
            for path in list(site_packages.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        _list_what_is_there(site_packages)
        say("compiling the libraries to byte code")
        _compile(made, target, python.find(target.release, cache, say))

    directory = cache / "libraries"
    kept = made_once(directory / f"{target.name}-{hashlib.sha256(recipe).hexdigest()[:16]}", make)
    sweep(directory, f"{target.name}-*")
    return kept


def _install_locked(target: Target, site_packages: Path, downloads: Path, say: Callable[[str], None]) -> None:
    """From what has been downloaded before, if that is all of it."""
    locked = ["--no-deps", "--require-hashes", f"--requirement={target.lock}", *target.pip_options()]
    downloads.mkdir(parents=True, exist_ok=True)
    try:
        _pip("download", "--no-index", f"--find-links={downloads}", f"--dest={downloads}", *locked, silent=True)
    except subprocess.CalledProcessError:
        _download(target, [f"--dest={downloads}", *locked], say)
    say("unpacking the wheels")
    _install(site_packages, f"--find-links={downloads}", *locked)


def _download(target: Target, arguments: Sequence[str], say: Callable[[str], None]) -> None:
    """Once a machine. Raises CalledProcessError."""
    command = [*_PIP, "download", *arguments]
    total, begun = target.lock.read_text().count("--hash="), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if found := re.match(r"Collecting (\S+)==", line):
                begun += 1
                say(f"downloading library {begun} of {total}: {found[1]}")
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _install(site_packages: Path, *arguments: str) -> None:
    """By name: for a file, pip would note its path. Its launchers have the path of this machine's Python."""
    _pip("install", "--no-compile", "--no-index", f"--target={site_packages}", *arguments)
    shutil.rmtree(site_packages / "bin", ignore_errors=True)


def _list_what_is_there(site_packages: Path) -> None:
    """Take out of each list of files what has been removed; its digest of a launcher is of a path of this machine."""
    for record in site_packages.glob("*.dist-info/RECORD"):
        lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
        names = [name for name, *_ in csv.reader(lines)]
        kept = [line for name, line in zip(names, lines, strict=True) if (site_packages / name).exists()]
        record.write_text("".join(kept), encoding="utf-8")


def _compile(root: Path, target: Target, command: python.Command) -> None:
    """Byte code that is never checked against its source: the root may be read-only, and a Zero is slow.

    One process, with sets in one order: so two builds give the same bytes.
    """
    compiling = [*command, "-s", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash"]
    compiling += ["-s", str(root), "-p", "/", str(root / target.home / "lib")]
    subprocess.run(compiling, check=True, env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"})


def _pip(command: str, *arguments: str, silent: bool = False, time_s: int = _ZIP_BEGINS_S) -> None:
    """`silent` where an error is expected."""
    subprocess.run(
        [*_PIP, command, "--quiet", *arguments],
        check=True,
        stderr=subprocess.DEVNULL if silent else None,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(time_s)},
    )
