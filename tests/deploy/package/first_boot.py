"""The first start of a Debian with a prepared card in it; what it left is written down for the tests.

`python -m tests.deploy.package.first_boot DIRECTORY PACKAGE`, as root.
"""

import json
import shutil
import sys
from pathlib import Path

from agent import __version__
from deploy.card.__main__ import main as make_image
from deploy.package.target import TARGETS, TRIXIE
from tests.support.boot_partition import claim, make
from tests.support.debian import RELEASE, Debian, Machine
from tests.support.wait import wait_for

PROFILE = "rtsp-gateway-pi5"
"""Not what the package takes unless it is told."""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKd tech@office"
_WITH_CLOUD_INIT = "python3,systemd-sysv,ca-certificates,cloud-init"
_CARD = "/boot/firmware"
# As Raspberry Pi OS has it: RPi-Distro/pi-gen, stage2/04-cloud-init/files/99_raspberry-pi.cfg.
_CLOUD = "datasource_list: [ NoCloud, None ]\ndatasource:\n  NoCloud:\n    seedfrom: file:///boot/firmware\n"
# Nobody answers here: without an end to it the system would count as starting for a quarter of an hour.
_SOON = "[Service]\nTimeoutStartSec=5\n"
_PROFILES = f"/usr/share/edge-agent/profiles/{PROFILE}"
_SHOWN = {
    "package": "dpkg-query -W -f '${Status}' edge-agent; dpkg --verify edge-agent",
    "settings": f"cd /etc/edge-agent && cmp edge-agent.toml {_PROFILES}/edge-agent.toml && "
    f"diff -r edge-agent.d {_PROFILES}/edge-agent.d && stat -c '%A %U:%G' edge-agent.toml",
    "card": f"ls {_CARD}",
    "log": f"cat {_CARD}/edge-agent-first-boot.txt",
    "enrolment": "systemctl show -P ActiveState -P SubState edge-agent-enrol; "
    "journalctl --no-pager -o cat -u edge-agent-enrol",
    "unit": "systemctl is-enabled edge-agent-first-boot; ls /etc/systemd/system/*first-boot*",
    "agent": "systemctl is-enabled edge-agent; systemctl is-active edge-agent",
    "watchdog": "systemd-analyze cat-config systemd/system.conf",
    "login": "getent passwd technician; cat /home/technician/.ssh/authorized_keys; hostname",
    "journal": "journalctl --no-pager -u edge-agent-first-boot -u cloud-final",
}


def live(directory: Path, deb: Path) -> None:
    """Prepare the card, cut its first start off, and let it start again."""
    root = directory / "root"
    system = Debian(root, _WITH_CLOUD_INIT) if RELEASE == TRIXIE else Debian(root)
    card = _card(system.root / _CARD[1:], deb)
    notes = {"prepared": "\n".join(sorted(each.name for each in card.iterdir()))}
    drop_in = system.root / "etc/systemd/system/edge-agent-enrol.service.d/soon.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text(_SOON)
    # The container has no network.
    (system.root / "usr/share/doc/python3-av").mkdir(parents=True)
    # The supply is cut while dpkg unpacks.
    libraries = system.root / "opt/edge-agent/lib"
    script = f"sh {_CARD}/edge-agent-first-boot.sh"
    notes["cut off"] = system.cut_off(script, lambda: any(libraries.rglob("*.dpkg-new"))).stdout
    notes["left by the cut"] = "\n".join(sorted(each.name for each in card.iterdir()))
    if RELEASE == TRIXIE:
        (system.root / "etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg").write_text(_CLOUD)
    else:
        notes["firstrun"] = system.run(f"sh {_CARD}/firstrun.sh; cat {_CARD}/cmdline.txt").stdout
    try:
        with system.booted() as machine:
            wait_for(lambda: not (card / "edge-agent-first-boot.sh").exists(), 200, "the work of the first start")
            wait_for(lambda: _ended(machine), 60, "the end of its unit")
            for name, command in _SHOWN.items():
                notes[name] = machine.run(command).stdout
    finally:
        (directory / "notes.json").write_text(json.dumps(notes, indent=2))
        shutil.rmtree(system.root)


def _card(card: Path, deb: Path) -> Path:
    """Where the system has its boot partition: `make image` for this release, with a package for this processor."""
    card.parent.mkdir(exist_ok=True)
    scratch = card.parent / "scratch"
    scratch.mkdir()
    shutil.move(make(RELEASE.name, scratch), card)
    shutil.copy(deb, scratch / TARGETS[f"{RELEASE.name}-arm64"].file_name(__version__))
    (scratch / "claim").write_text(claim())
    (scratch / "id.pub").write_text(KEY)
    arguments = ["--profile", PROFILE, "--out", card, "--dist", scratch]
    if make_image([*map(str, arguments), "--claim", f"{scratch}/claim", "--ssh-key", f"{scratch}/id.pub"]):
        raise OSError("the card was not prepared")
    shutil.rmtree(scratch)
    return card


def _ended(machine: Machine) -> bool:
    return machine.run("systemctl is-active edge-agent-first-boot").stdout.strip() == "inactive"


if __name__ == "__main__":
    live(Path(sys.argv[1]), Path(sys.argv[2]))
