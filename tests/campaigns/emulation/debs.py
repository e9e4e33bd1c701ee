"""Debian packages for another architecture, by an apt that has a configuration and a state of its own.

The host's own package system is neither asked nor changed, and no root is needed.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

_MIRROR = "http://deb.debian.org/debian"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_CONFIGURATION = """\
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; "{host}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "{home}/state";
Dir::State::status "{home}/status";
Dir::Cache "{home}/cache";
Dir::Etc::SourceList "{home}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
# Images of containers delete what they have downloaded.
DPkg::Post-Invoke "";
"""


class Archive:
    """One suite of Debian as it is now, seen from a machine of architecture `arch` with nothing on it."""

    def __init__(self, home: Path, suite: str, arch: str) -> None:
        self._home = home
        self._arch = arch
        for directory in ("state/lists/partial", "cache/archives/partial"):
            (home / directory).mkdir(parents=True)
        (home / "status").touch()
        (home / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {_MIRROR} {suite} main\n")
        configuration = _CONFIGURATION.format(home=home, arch=arch, host=host_architecture())
        (home / "apt.conf").write_text(configuration)
        self._run("apt-get", "update")

    def download(self, *packages: str) -> list[Path]:
        """These packages and no others; a name may end with :ARCH."""
        self._run("apt-get", "download", *packages, cwd=self._home / "cache")
        return [self._downloaded(each) for each in packages]

    def with_dependencies(self, packages: Sequence[str]) -> list[Path]:
        """These, everything essential, and all that they need: whatever a first system of them consists of."""
        essential = f"?narrow(?essential, ?architecture({self._arch}))"
        self._run("apt-get", "--yes", "--download-only", "install", essential, *packages)
        return sorted((self._home / "cache/archives").glob("*.deb"))

    def depends(self, package: str) -> list[str]:
        """The names of what it depends on directly."""
        text = self._run("apt-cache", "show", "--no-all-versions", package)
        found = re.search(r"^Depends: (.*)$", text, re.MULTILINE)
        return [] if found is None else [each.split()[0] for each in found[1].split(",")]

    def for_this_machine(self, package: str) -> str:
        """The name by which a package with programs for this machine's own processor is downloaded."""
        text = self._run("apt-cache", "show", "--no-all-versions", package)
        return package if "\nArchitecture: all\n" in text else f"{package}:{host_architecture()}"

    def _downloaded(self, package: str) -> Path:
        name, _, arch = package.partition(":")
        found = list((self._home / "cache").glob(f"{name}_*_{arch or '*'}.deb"))
        assert len(found) == 1, f"one package {package} was expected: {found}"
        return found[0]

    def _run(self, *command: str, cwd: Path | None = None) -> str:
        environment = {**os.environ, "APT_CONFIG": str(self._home / "apt.conf"), "LC_ALL": "C"}
        done = subprocess.run(
            [command[0], "-q", *command[1:]], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise OSError(f"{' '.join(command)} failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
        return done.stdout


def host_architecture() -> str:
    """Of this machine, in Debian's words."""
    done = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def unpack(deb: Path, directory: Path, *members: str) -> None:
    """Lay its files below `directory`; only these paths, if any are given. Runs nothing of the package."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as archive:
        command = ["tar", "-x", "--keep-directory-symlink", "-C", str(directory), *members]
        subprocess.run(command, stdin=archive.stdout, check=True)


def contents(deb: Path) -> Iterator[str]:
    """The path of each file and directory in it, as dpkg lists them."""
    done = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE, check=True)
    listed = subprocess.run(["tar", "-t"], input=done.stdout, stdout=subprocess.PIPE, check=True)
    for line in listed.stdout.decode().splitlines():
        yield line.removeprefix(".").rstrip("/") or "/."
