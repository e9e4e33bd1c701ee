"""A province put onto a Debian by the playbook, as root: cut off, completed, run again, and checked.

`python -m tests.deploy.package.province_life RESULTS CONTROL_ROOM_PACKAGE` writes what each step has left.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from deploy.kit.__main__ import main as province
from tests.support.debian import Debian, Machine
from tests.support.wait import wait_for

ROOT = Path(__file__).parents[3]
_PACKAGES = ("nginx-light", "openssl", "curl", "python3-venv", "python3-packaging", "python3-apt")
# ssh, as far as Ansible needs it: its last word is the command.
_SSH = """\
#!/bin/bash
exec nsenter --target={leader} --mount --uts --ipc --pid --net --root --cgroup /bin/sh -c "${{@: -1}}"
"""


class Office:
    """The office of a province whose hosts are all one machine."""

    def __init__(self, folder: Path, package: Path, machine: Machine) -> None:
        self.folder = folder
        assert province(["new", "kzn", "--on", "localhost", "--out", str(folder)]) == 0
        ssh = folder / "ssh"
        ssh.write_text(_SSH.format(leader=machine.leader))
        ssh.chmod(0o700)
        given = {
            "ansible_connection": "ssh",
            "ansible_ssh_executable": str(ssh),
            "ansible_become": False,  # it is root already
            "ansible_python_interpreter": "/usr/bin/python3",
            "packages": str(package.parent),
            "pip_arguments": "--no-index --find-links /wheels",
        }
        playbook = Path(sys.executable).with_name("ansible-playbook")
        files = [folder / "kzn/ansible" / name for name in ("inventory.yml", "site.yml")]
        self._play = [str(playbook), "-i", *map(str, files), "-e", json.dumps(given)]
        self._machine = machine

    def play(self) -> "subprocess.Popen[str]":
        """Start the playbook."""
        quiet = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"), "ANSIBLE_SSH_ARGS": " "}
        environ = os.environ | quiet | {"ANSIBLE_SSH_TRANSFER_METHOD": "piped", "ANSIBLE_PIPELINING": "1"}
        return subprocess.Popen(self._play, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def check(self) -> str:
        """What `deploy/province check` says, from the network of the machine."""
        enter = ["nsenter", f"--target={self._machine.leader}", "--net"]
        words = [sys.executable, "-m", "deploy.kit", "check", "kzn", "--out", str(self.folder)]
        return subprocess.run([*enter, *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout


def main(results: Path, package: Path) -> None:
    """Live through it, and write down what came of it."""
    debian = Debian(results / "root", *_PACKAGES)
    debian.run("systemctl disable nginx")
    # It has no network: libraries come from here, and the lists of packages count as fresh.
    stamp = debian.root / "var/lib/apt/periodic/update-success-stamp"
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.touch()
    said: dict[str, str] = {}
    with debian.booted() as machine:
        office = Office(results / "office", package, machine)
        _wheels(office.folder / "kzn/registrar/program.tar.gz", debian.root / "wheels")
        with office.play() as first:
            wait_for((debian.root / "etc/nginx/edge-agent/server.key").exists, 300, "the middle of the playbook")
            first.kill()
            said["cut off"] = first.stdout.read() if first.stdout else ""
        for name in ("completed", "again"):
            with office.play() as run:
                said[name], _ = run.communicate(timeout=600)
        wait_for(lambda: "All is well" in office.check(), 60, "a province that is well")
        said["check"] = office.check()
        secrets = "find /etc /opt /var/lib /usr/local -xdev -name '*.key' -o -name '*.acl' -o -name logins"
        said["secrets"] = machine.run(f"stat -c '%n %U %a' $({secrets})").stdout
        said["claim"] = machine.run("registrar claim bench kiosk-0001").stdout
        machine.run("systemctl stop edge-agent-registrar")
        said["check without a registrar"] = office.check()
    (results / "said.json").write_text(json.dumps(said))
    shutil.rmtree(debian.root)


def _wheels(program: Path, folder: Path) -> None:
    with tarfile.open(program) as archive:
        requirements = archive.extractfile("requirements.txt")
        assert requirements
        words = requirements.read().decode().split("\n")
    command = [sys.executable, "-m", "pip", "download", "-q", "-d", str(folder), *filter(None, words)]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
