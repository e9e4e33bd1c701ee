"""A disk on which a technician has installed the package: once for each package, as that takes the emulator long."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.campaigns.emulation import root
from tests.campaigns.emulation.architecture import AMD64, ARM64, Architecture
from tests.campaigns.emulation.cache import made
from tests.campaigns.emulation.kernel import kernel
from tests.campaigns.emulation.machine import Machine
from tests.campaigns.emulation.package import package
from tests.support.agent_process import FILES

STICK = "/mnt"
"""Where the machine sees the stick."""
INSTALL_FILES = f"""\
install -m 640 -g edge-agent ca.pem /etc/edge-agent/server-ca.pem
install -m 640 -g edge-agent {FILES}.pem /etc/edge-agent/device.pem
install -m 640 -g edge-agent {FILES}.key /etc/edge-agent/device.key
install -m 640 -g edge-agent keys.json /etc/edge-agent/command-keys.json"""
"""What is on the stick goes where the settings name it."""
_UP_S = 90.0
_INSTALL_S = 240.0


@dataclass(frozen=True, slots=True)
class Installation:
    """How it went."""

    date: str
    """When, with seconds and the offset from UTC."""
    seconds: float
    advice: tuple[str, ...]
    """What the package itself said to the technician."""


@dataclass(frozen=True, slots=True)
class InstalledDisk:
    """Lies in the cache: a machine gets a copy."""

    image: Path
    installation: Installation


def prepare(architectures: Sequence[Architecture]) -> None:
    """Make all that these machines need, if nobody has: the first here, each other one in a process beside it.

    Raises what the making raises, and OSError for the others, which have said why.
    """
    first, *others = architectures
    command = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", __name__]
    beside = [subprocess.Popen([*command, architecture.name]) for architecture in others]
    try:
        installed_disk(first, package(first))
        for process, architecture in zip(beside, others, strict=True):
            if process.wait():
                raise OSError(f"the {architecture.name} machine could not be made (code {process.returncode})")
    finally:
        for process in beside:
            process.terminate()
            process.wait()


def installed_disk(architecture: Architecture, deb: Path) -> InstalledDisk:
    """From the cache, or made by booting a machine and installing. Raises MachineError when that fails."""
    bare = root.root_image(architecture, kernel(architecture))
    # The directories of the cache are named after all that went into what is in them.
    ingredients: list[str | Path] = [architecture.name, bare.parent.name, deb.parent.name, Path(__file__)]
    directory = made(f"installed-{architecture.name}", ingredients, lambda new: _install(architecture, deb, new))
    record = json.loads((directory / "installation.json").read_text())
    return InstalledDisk(directory / "root.img", Installation(**{**record, "advice": tuple(record["advice"])}))


def _install(architecture: Architecture, deb: Path, new: Path) -> None:
    with tempfile.TemporaryDirectory(dir=new.parent) as scratch:
        stick = Path(scratch) / "stick"
        stick.mkdir()
        shutil.copy(deb, stick)
        with Machine(architecture, Path(scratch) / "machine", stick=stick) as machine:
            machine.boot()
            machine.run("systemctl is-system-running --wait", _UP_S)
            machine.check(f"mount -o ro /dev/vdb {STICK}")
            began_s = time.monotonic()
            said = machine.check(f"apt-get install -y -q {STICK}/{deb.name}", _INSTALL_S)
            seconds = round(time.monotonic() - began_s, 1)
            machine.shut_down()
            machine.disk.rename(new / "root.img")
    advice = tuple(line for line in said.splitlines() if line.startswith("edge-agent: "))
    installation = Installation(datetime.now(UTC).isoformat(timespec="seconds"), seconds, advice)
    (new / "installation.json").write_text(json.dumps(asdict(installation), indent=2) + "\n")


if __name__ == "__main__":
    prepare([each for each in (ARM64, AMD64) if each.name in sys.argv[1:]])
