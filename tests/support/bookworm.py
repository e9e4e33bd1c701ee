"""A Debian 12 in a directory: to install a package in, and to boot. Needs root."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.models.store import cache_directory
from tests.support.wait import wait_for

_INCLUDED = "python3,systemd-sysv,ca-certificates"
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "DEBIAN_FRONTEND": "noninteractive",
    "LC_ALL": "C",
}
Done = subprocess.CompletedProcess[str]


def missing() -> str:
    """What this machine lacks to make one, or nothing."""
    if os.geteuid() != 0:
        return "only root can install a package for a test"
    return "" if shutil.which("mmdebstrap") else "no mmdebstrap on this machine: apt-get install mmdebstrap"


class Bookworm:
    """One system below `root`, unpacked from an archive that is made once a machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        subprocess.run(["tar", "-C", root, "-xf", _archive()], check=True)
        # Nobody needs this after a power cut.
        (root / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")

    def run(self, script: str) -> Done:
        """Run `script` in a plain chroot: no service manager, not even /proc."""
        return _run(["chroot", str(self.root), "/bin/sh", "-c", script])

    @contextmanager
    def booted(self) -> Iterator["Machine"]:
        """The system, started with its own systemd; off at the end. Raises OSError where that is not possible."""
        command = ["systemd-nspawn", "--quiet", "--boot", f"--directory={self.root}", "--register=no", "--keep-unit"]
        command += ["--private-network", "--console=pipe"]
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
        return bool(self._leader()) and self.run("systemctl is-system-running").stdout.strip() in {
            "running",
            "degraded",
        }

    def run(self, script: str) -> Done:
        """Run `script` in it as root."""
        enter = [
            "nsenter",
            f"--target={self._leader()}",
            "--mount",
            "--uts",
            "--ipc",
            "--pid",
            "--net",
            "--root",
            "--cgroup",
        ]
        return _run([*enter, "/bin/sh", "-c", script])

    def _leader(self) -> str:
        pid = self._process.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()


def _run(command: list[str]) -> Done:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=_ENVIRONMENT,
        cwd="/",
    )


def _archive() -> Path:
    archive = cache_directory() / "dist" / "bookworm-amd64.tar.zst"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        new = archive.with_name(f".{os.getpid()}-{archive.name}")
        command = [
            "mmdebstrap",
            "--quiet",
            "--variant=apt",
            "--arch=amd64",
            f"--include={_INCLUDED}",
            "bookworm",
            str(new),
        ]
        subprocess.run([*command, "http://deb.debian.org/debian"], check=True)
        new.rename(archive)
    return archive
