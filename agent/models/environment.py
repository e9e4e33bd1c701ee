"""A Python environment for the TensorFlow that a build needs, apart from the agent's own."""

import importlib.util
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from agent.core.errors import ModelError

SPACE_NEEDED_BYTES = 2_500_000_000
"""TensorFlow and its dependencies, unpacked, plus the downloads."""
INSTALL_TIMEOUT_S = 3600
READY = "edge-agent-ready"
"""The file that is written last, so that an interrupted install is not taken for a good environment."""

_TENSORFLOW = {(3, 11): "2.16.*", (3, 12): "2.16.*", (3, 13): "2.20.*"}
_OPENCV = "opencv-python-headless==4.11.*"  # the newest that works with numpy 1, which TensorFlow 2.16 needs


def requirements(version: tuple[int, int], machine: str) -> list[str]:
    """Return what to install for a Python version and a machine. Raises ModelError if TensorFlow has no packages."""
    if version not in _TENSORFLOW or machine not in {"x86_64", "aarch64", "arm64"}:
        raise ModelError(
            f"TensorFlow has no packages for Python {version[0]}.{version[1]} on {machine}: "
            "run `edge-agent model build` on a 64-bit PC, and copy what it made to this device"
        )
    package = "tensorflow-cpu" if machine == "x86_64" else "tensorflow"
    return [f"{package}=={_TENSORFLOW[version]}", _OPENCV]


class BuildEnvironment:
    """One directory with an interpreter and packages; the installer's output goes to `log`."""

    def __init__(self, directory: Path, log: Path) -> None:
        self.directory = directory
        self.python = directory / "bin" / "python"
        self.log = log

    @property
    def ready(self) -> bool:
        """Whether an earlier `create` has finished here."""
        return (self.directory / READY).is_file()

    def create(self) -> None:
        """Create it afresh, with TensorFlow. Raises ModelError."""
        wanted = requirements(sys.version_info[:2], platform.machine())
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.directory.parent).free
        if free < SPACE_NEEDED_BYTES:
            raise ModelError(
                f"{self.directory.parent} has {free / 1e9:.1f} GB free and the build needs "
                f"{SPACE_NEEDED_BYTES / 1e9:.1f} GB: free some, or point XDG_CACHE_HOME elsewhere"
            )
        venv.EnvBuilder(symlinks=True, with_pip=_installer_needs_pip_inside()).create(self.directory)
        self._install(wanted)
        (self.directory / READY).touch()

    def remove(self) -> None:
        """Delete it, as far as possible."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _install(self, packages: Sequence[str]) -> None:
        command = [*self._installer(), "--only-binary", ":all:", *packages]
        with self.log.open("ab") as output:
            try:
                subprocess.run(
                    command,
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=INSTALL_TIMEOUT_S,
                )
            except subprocess.SubprocessError as error:
                raise ModelError(
                    f"pip could not install {' and '.join(packages[-2:])}: check the network; "
                    f"what it said is in {self.log}"
                ) from error

    def _installer(self) -> list[str]:
        # Compiling all of TensorFlow to .pyc takes longer than the conversion, which uses only a little of it.
        if importlib.util.find_spec("pip") is not None:
            return [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--no-compile"]
        if shutil.which("uv"):
            return ["uv", "pip", "install", "--python", str(self.python)]
        return [str(self.python), "-m", "pip", "install", "--no-compile"]


def _installer_needs_pip_inside() -> bool:
    return importlib.util.find_spec("pip") is None and shutil.which("uv") is None
