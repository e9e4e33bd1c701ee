"""A Debian in a directory: to install a package in, and to boot. Needs root."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from agent.models.cache import cache_directory
from deploy.package.target import BOOKWORM, RELEASES
from tests.support.run import ran
from tests.support.wait import wait_for

RELEASE = next((each for each in RELEASES if each.python == f"3.{sys.version_info.minor}"), BOOKWORM)
"""The Debian that this Python is of: each run of the tests looks at its package."""
_INCLUDED = "python3,systemd-sysv,ca-certificates,mosquitto,mosquitto-clients"
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "DEBIAN_FRONTEND": "noninteractive",
    "LC_ALL": "C",
}
Done = subprocess.CompletedProcess[str]


def missing() -> str:
    """What this machine lacks to make one, or nothing."""
    return "" if shutil.which("mmdebstrap") else "no mmdebstrap on this machine: apt-get install mmdebstrap"


class Debian:
    """One system of RELEASE below `root`, unpacked from an archive that is made once a machine. It has the packages
    `included`, and those of `at_hand` where its own apt-get finds them without a network."""

    def __init__(self, root: Path, included: str = _INCLUDED, at_hand: str = "") -> None:
        self.root = root
        root.mkdir()
        subprocess.run(["tar", "-C", root, "-xf", archive(included, at_hand)], check=True)
        # Nobody needs this after a power cut.
        (root / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")
        if included == _INCLUDED:
            self.run("systemctl disable mosquitto")

    def run(self, script: str) -> Done:
        """Run `script` in a plain chroot: no service manager, not even /proc."""
        return _run(self._chroot(script))

    def cut_off(self, script: str, when: Callable[[], object]) -> Done:
        """Run `script` in a plain chroot, and kill it and all that it has started as soon as `when` is true."""
        return _cut_off(self._chroot(script), when)

    def _chroot(self, script: str) -> list[str]:
        return ["chroot", str(self.root), "/bin/sh", "-c", script]

    @contextmanager
    def booted(self, network: str = "--private-network") -> Iterator["Machine"]:
        """The system, started with its own systemd; off at the end. `network` is an option of systemd-nspawn. Raises
        OSError where that is not possible."""
        command = ["systemd-nspawn", "--quiet", "--boot", f"--directory={self.root}", "--register=no", "--keep-unit"]
        # Its name is by default the directory's, and two of one name can't run at a time.
        command += [network, "--console=pipe", f"--machine={self.root.name}-{os.getpid()}"]
        with (self.root.with_suffix(".log")).open("w") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            machine = Machine(process)
            wait_for(machine.is_up, 60, f"{self.root} booted (see {log.name})")
            yield machine
        finally:
            process.terminate()  # it powers the machine off
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Machine:
    """A booted system."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def is_up(self) -> bool:
        """Has it started everything? Raises OSError when it has ended."""
        if self._process.poll() is not None:
            raise OSError("systemd-nspawn can't boot a system here")
        return bool(self.leader) and self.run("systemctl is-system-running").stdout.strip() in {
            "running",
            "degraded",
        }

    def run(self, script: str) -> Done:
        """Run `script` in it as root."""
        return _run(self._enter(script))

    def cut_off(self, script: str, when: Callable[[], object]) -> Done:
        """Run `script` in it as root, and kill it and all that it has started as soon as `when` is true."""
        return _cut_off(self._enter(script), when)

    @property
    def leader(self) -> str:
        """Its first process, by the number that it has here."""
        pid = self._process.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()

    def _enter(self, script: str) -> list[str]:
        enter = [
            "nsenter",
            f"--target={self.leader}",
            "--mount",
            "--uts",
            "--ipc",
            "--pid",
            "--net",
            "--root",
            "--cgroup",
        ]
        return [*enter, "/bin/sh", "-c", script]


def _run(command: list[str]) -> Done:
    return ran(*command, stdin=subprocess.DEVNULL, timeout=300, env=_ENVIRONMENT, cwd="/")


def _cut_off(command: list[str], when: Callable[[], object]) -> Done:
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_ENVIRONMENT, cwd="/"
    ) as process:
        try:
            wait_for(lambda: when() or process.poll() is not None, 300, "the moment to cut it off")
        finally:
            _kill_tree(process)
        said, _ = process.communicate()
    return Done(command, process.returncode, said.decode(), "")


def _kill_tree(process: "subprocess.Popen[bytes]") -> None:
    """Parents first, so that none of them can start another."""
    if process.poll() is None:
        tree = psutil.Process(process.pid)
        for each in [tree, *tree.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.kill()


def archive(included: str, at_hand: str) -> Path:
    """The archive of such a system, made once a machine, for which it needs a network."""
    recipe = hashlib.sha256(f"{included} {at_hand}".strip().encode()).hexdigest()[:16]
    made = cache_directory() / "dist" / f"{RELEASE.name}-amd64-{recipe}.tar.zst"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        new = made.with_name(f".{os.getpid()}-{made.name}")
        command = [
            "mmdebstrap",
            "--quiet",
            "--variant=apt",
            "--arch=amd64",
            f"--include={included}",
            *_kept_for_later(at_hand),
            RELEASE.name,
            str(new),
        ]
        subprocess.run([*command, "http://deb.debian.org/debian"], check=True)
        new.rename(made)
    return made


def _kept_for_later(packages: str) -> list[str]:
    if not packages:
        return []
    fetch = f"apt-get install -y -qq --no-install-recommends --download-only {packages.replace(',', ' ')} >/dev/null"
    return ["--skip=cleanup/apt", f"--customize-hook=chroot \"$1\" sh -c '{fetch}'"]
