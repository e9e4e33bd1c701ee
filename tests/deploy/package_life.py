"""The life of the package on one machine, step by step; what each step said and left is written down for the tests."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.support.bookworm import Bookworm, Done, Machine

ROOT = Path(__file__).parents[2]
SETTINGS = "/etc/edge-agent/edge-agent.toml"
_INSTALL = "apt-get install -y -q --no-install-recommends --allow-downgrades"
_PROGRAM = "/opt/edge-agent/bin/edge-agent"
_IN_A_CHROOT = {
    "asked": "edge-agent --version && edge-agent --help",
    "profiles checked": "for each in /usr/share/edge-agent/profiles/*/edge-agent.toml;"
    " do edge-agent check-config $each >/dev/null 2>&1 || echo $each; done",
    "asked with other modules around": "mkdir -p /root/.local/lib/python3.11/site-packages /srv/agent && cd /srv &&"
    " echo 'raise SystemExit(9)' | tee agent/__init__.py > /root/.local/lib/python3.11/site-packages/pydantic.py &&"
    " PYTHONPATH=/srv edge-agent check-config /usr/share/edge-agent/profiles/kiosk-pi4/edge-agent.toml 2>/dev/null",
    "looked at": "dpkg --verify edge-agent; id -nG edge-agent; stat -c '%A %U:%G %n' /etc/edge-agent",
    "profile copied": "cp -r /usr/share/edge-agent/profiles/kiosk-pi4/edge-agent.* /etc/edge-agent/ &&"
    " find /etc/edge-agent -mindepth 1 -exec stat -c '%A %U:%G %n' {} + && rm -r /etc/edge-agent/*",
}
# Fakes behind its pins.
_DROP_IN = f"""\
[Service]
ExecStart=
ExecStart={_PROGRAM} run --config {SETTINGS} --simulate
"""
_LOOK = f"""\
echo active=$(systemctl is-active edge-agent)
echo enabled=$(systemctl is-enabled edge-agent 2>/dev/null)
echo pid=$(systemctl show -P MainPID edge-agent)
echo settings=$(cat {SETTINGS})
echo left=$(ls -d /etc/edge-agent/* /var/lib/edge-agent/alarms.db /opt/edge-agent /run/edge-agent)
echo lights=$(edge-agent sim --config {SETTINGS} outputs)
echo wants=$(ls /etc/systemd/system/multi-user.target.wants)
"""


class Life:
    """Goes through it, and writes `directory`/NAME.json for each step."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def live(self, deb: Path, newer: Path) -> None:
        """All of it. Where no machine can be booted, the file `not booted` says so."""
        system = Bookworm(self._directory / "root")
        for package in (deb, newer):
            (system.root / "srv" / package.name).hardlink_to(package)
        self._note("installed", system.run(f"{_INSTALL} /srv/{deb.name}"))
        for name, script in _IN_A_CHROOT.items():
            self._note(name, system.run(script))
        settings = (ROOT / "firmware_configs/simulated/edge-agent.toml").read_text()
        (system.root / "srv/settings").write_text(settings.replace(".run/simulated", "/var/lib/edge-agent"))
        drop_in = system.root / "etc/systemd/system/edge-agent.service.d/simulate.conf"
        drop_in.parent.mkdir()
        drop_in.write_text(_DROP_IN)
        try:
            with system.booted() as machine:
                self._on_a_machine(machine, f"/srv/{deb.name}", f"/srv/{newer.name}")
        except OSError as error:
            (self._directory / "not booted").write_text(str(error))
        shutil.rmtree(system.root)

    def _on_a_machine(self, machine: Machine, old: str, new: str) -> None:
        steps = {
            "started unconfigured": "true",
            "configured": f"cat /srv/settings > {SETTINGS}; systemctl enable --now edge-agent",
            "pressed": f"edge-agent sim --config {SETTINGS} press police",
            "upgraded": f"{_INSTALL} {new}",
            "upgraded with bad settings": f"echo '[nonsense]' >> {SETTINGS}; {_INSTALL} {old}",
            "removed": f"sed -i '/nonsense/d' {SETTINGS}; apt-get remove -y edge-agent",
            "installed again": f"{_INSTALL} {old}",
            "purged": "apt-get purge -y edge-agent",
            "installed with settings there": f"install -D /srv/settings {SETTINGS}; {_INSTALL} {old}",
            "journal": "journalctl -u edge-agent -o cat --no-pager",
        }
        for name, script in steps.items():
            done = machine.run(script)
            self._note(name, done, dict(line.split("=", 1) for line in machine.run(_LOOK).stdout.splitlines()))

    def _note(self, name: str, done: Done, seen: Mapping[str, str] | None = None) -> None:
        told = {"code": str(done.returncode), "said": done.stdout + done.stderr, **(seen or {})}
        (self._directory / f"{name}.json").write_text(json.dumps(told))
