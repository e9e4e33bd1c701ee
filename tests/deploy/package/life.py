"""The life of the package on one machine, step by step; what each step said and left is written down for the tests.

`python -m tests.deploy.package.life DIRECTORY PACKAGE NEWER FOREIGN`, as root. The last one is for another Debian.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.package.target import BOOKWORM
from tests.support.debian import RELEASE, Debian, Done, Machine
from tests.support.wait import wait_for

ROOT = Path(__file__).parents[3]
SETTINGS = "/etc/edge-agent/edge-agent.toml"
LAYERS = "/etc/edge-agent/edge-agent.d"
PROFILES = "/usr/share/edge-agent/profiles"
PRESSED = ("police", "medical", "staff")
INSTALL = "apt-get install -y -q --no-install-recommends --allow-downgrades --reinstall"
# What the guide says for an installation that was cut off.
_MEND = "dpkg --configure -a"
_STATUS = "dpkg-query -W -f '${Status}' edge-agent"
_PROGRAM = "/opt/edge-agent/bin/edge-agent"
# As dpkg does at a new installation of the same version, without unpacking it.
_CONFIGURED_AGAIN = "DPKG_MAINTSCRIPT_PACKAGE=edge-agent /var/lib/dpkg/info/edge-agent.postinst configure 0.1.0"
_USERS = f"/root/.local/lib/python{RELEASE.python}/site-packages"
_RUNTIME = f"/opt/edge-agent/lib/python{RELEASE.python}/site-packages/ai_edge_litert"
# Debian itself has no lgpio for Python 3.13, only Raspberry Pi OS has.
HAS_PINS = RELEASE == BOOKWORM
_WITHOUT_SETTINGS = "rm -rf /etc/edge-agent/*"
_LIST = "find /etc/edge-agent -mindepth 1 -exec stat -c '%A %U:%G %n' {} +"
_SAME = f"diff -r {PROFILES}/kiosk-pi4/edge-agent.d {LAYERS} && cmp {PROFILES}/kiosk-pi4/edge-agent.toml {SETTINGS}"
_MORE = f"{LAYERS}/95-more.toml"
_NEW_BUTTON = '[[buttons]]\\nname = "clinic"\\nkind = "medical"\\npin = 16\\n'
_OLD_MODELS = "/var/lib/edge-agent/models"
_IN_A_CHROOT = {
    "settings looked at": _LIST,
    "settings compared": f"{_SAME} && edge-agent check-config {SETTINGS} 2>&1 >/dev/null",
    "asked": "edge-agent --version && edge-agent --help",
    "profiles checked": f"for each in {PROFILES}/*/edge-agent.toml;"
    " do edge-agent check-config $each >/dev/null 2>&1 || echo $each; done",
    "links looked for": f"find {PROFILES} /usr/share/edge-agent /opt/edge-agent/lib -type l",
    "asked with other modules around": f"mkdir -p {_USERS} /srv/agent && cd /srv &&"
    f" echo 'raise SystemExit(9)' | tee agent/__init__.py > {_USERS}/pydantic.py &&"
    f" PYTHONPATH=/srv edge-agent check-config {PROFILES}/kiosk-pi4/edge-agent.toml 2>/dev/null",
    "looked at": "dpkg --verify edge-agent; id -nG edge-agent; stat -c '%A %U:%G %n' /etc/edge-agent",
    "settings changed": f"sed -i 's/kiosk-0042/kiosk-0815/' {LAYERS}/90-device.toml && rm {LAYERS}/20-kiosk.toml"
    f" && {_CONFIGURED_AGAIN} && cat {LAYERS}/90-device.toml && ls {LAYERS}",
    "own layers alone": f"rm {SETTINGS}; {_CONFIGURED_AGAIN} && ls /etc/edge-agent",
    "example cut off between its two parts": f"{_WITHOUT_SETTINGS}; mkdir /etc/edge-agent/.example;"
    f" cp -r {PROFILES}/kiosk-pi4/edge-agent.d /etc/edge-agent/; {_CONFIGURED_AGAIN} && {_SAME} &&"
    " ls -A /etc/edge-agent",
    "name that no earlier file has": f"printf '{_NEW_BUTTON}' > {_MORE}; {_CONFIGURED_AGAIN}",
    "name marked as new": f"echo 'add = true' >> {_MORE}; {_CONFIGURED_AGAIN}; rm {_MORE}",
    "model where the agent can write": f"mkdir {_OLD_MODELS}; touch {_OLD_MODELS}/own.json {_OLD_MODELS}/own.tflite;"
    f" {_CONFIGURED_AGAIN}",
    "model moved as it said": f'{_CONFIGURED_AGAIN} | sed -n "s/.*sudo \\(rm -r [^,]*\\),.*/\\1/p" | sh;'
    " install -d -m 750 -g edge-agent /etc/edge-agent/models;"
    " for each in own.json own.tflite; do install -m 640 -g edge-agent /dev/null /etc/edge-agent/models/$each; done;"
    " stat -c '%A %U:%G %n' /etc/edge-agent/models/*; ls /var/lib/edge-agent;"
    f" {_CONFIGURED_AGAIN}; rm -r /etc/edge-agent/models",
    "profile copied": f"rm -rf {SETTINGS} {LAYERS}; cp -r {PROFILES}/camera-pi4/edge-agent.* /etc/edge-agent/ &&"
    f" {_LIST} && edge-agent check-config {SETTINGS} >/dev/null",
    "without what runs models": f"mv {_RUNTIME} /srv/; {_CONFIGURED_AGAIN}; mv /srv/ai_edge_litert {_RUNTIME}",
    "settings put": f"{_WITHOUT_SETTINGS}; {_CONFIGURED_AGAIN}",
}
# In the middle of the postinst, and of what it puts into /etc/edge-agent.
_HANGING_SYNC = "#!/bin/sh\ntouch /srv/hangs\nexec sleep 600\n"
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
echo settings=$(cat {SETTINGS} {LAYERS}/* | sha256sum)
echo left=$(ls -d /etc/edge-agent/* /var/lib/edge-agent/alarms.db /opt/edge-agent /usr/share/edge-agent /run/edge-agent)
echo lights=$(edge-agent sim --config {SETTINGS} outputs)
echo wants=$(ls /etc/systemd/system/multi-user.target.wants)
"""
_CONFIGURE = f"rm -r {SETTINGS} {LAYERS}; cat /srv/settings > {SETTINGS}; systemctl enable --now edge-agent"
_AS_JSON = f"edge-agent doctor --config {SETTINGS} --json"
# The agent tells of its parts every five seconds.
_CAMERA_KNOWN = (
    f"timeout 180 sh -c 'until edge-agent doctor --config {SETTINGS} --only camera | grep frames/s; do :; done'"
)
# A broker that nobody else reaches, and somebody who hears every alarm that comes.
_BROKER = (
    "systemctl start mosquitto && systemd-run --quiet --unit=listener"
    " sh -c \"exec stdbuf -oL mosquitto_sub -h 127.0.0.1 -d -v -q 1 -t 'edge/v1/+/+/+/up/alarm/+' > /srv/heard\""
)
_CARD = ROOT / "firmware_configs/card"
_DATA_UNIT = "/etc/systemd/system/edge-agent-data.service"
_PARTITION = "mount --bind /srv/partition /data"
_NO_DATA = (
    "systemctl stop edge-agent edge-agent-data; while umount /var/lib/edge-agent; do :; done 2>/dev/null; umount /data"
)
# Simulated pins need a directory that can be written.
_NO_PINS = f"[Service]\\nExecStart=\\nExecStart={_PROGRAM} run --config /srv/no-pins.toml"
_NO_PINS_UNIT = "/run/systemd/system/edge-agent.service.d/zz.conf"
_ON_THE_CARD = {
    "state moved to the data partition": "{move}; ls -A /var/lib/edge-agent;"
    f" cp /srv/edge-agent-data.service {_DATA_UNIT} && systemctl enable edge-agent-data && systemctl start edge-agent"
    " && ls /data/edge-agent",
    # With an old state on the root.
    "without the data partition": f"{_NO_DATA}; cp -a /srv/partition/edge-agent /var/lib/;"
    f" mkdir -p $(dirname {_NO_PINS_UNIT}) && printf '{_NO_PINS}' > {_NO_PINS_UNIT} && systemctl daemon-reload"
    f" && systemctl start edge-agent && ls -A /var/lib/edge-agent && {_CONFIGURED_AGAIN};"
    " edge-agent doctor --config /srv/no-pins.toml --only disk;"
    " cd $(systemctl show -P WorkingDirectory edge-agent) &&"
    f" runuser -u edge-agent -- /opt/edge-agent/bin/python3 -I -c '{'import lgpio; ' * HAS_PINS}print(\"pins\")'",
    "with the data partition again": f"{_NO_DATA}; rm {_NO_PINS_UNIT}; {_PARTITION} && systemctl daemon-reload"
    " && systemctl start edge-agent",
}
_BESIDE = "edge-agent-clock.service edge-agent-enrol.service edge-agent-renew.timer edge-agent-service-page.path"
_WORKERS = "edge-agent-enrol.service edge-agent-renew.service"
_DEVICES = "systemctl daemon-reload; systemctl show -P DevicePolicy -P DeviceAllow -P SupplementaryGroups"
_ENROLMENT = {
    "units beside the agent's": f"systemctl is-enabled {_BESIDE}; systemctl is-active edge-agent-renew.timer"
    " edge-agent-service-page.path edge-agent-service-page.service;"
    " getent group tss; test $(cat /usr/share/edge-agent/built) -le $(date +%s)",
    "started without a claim": f"systemctl start {_WORKERS} &&"
    f" systemctl show --property=ConditionResult --property=ExecMainPID {_WORKERS}",
    "devices": f"{_DEVICES} edge-agent",
    "devices with a TPM": "for unit in edge-agent edge-agent-renew; do d=/etc/systemd/system/$unit.service.d;"
    f" mkdir -p $d; ln -s /usr/share/edge-agent/tpm.conf $d/; {_DEVICES} $unit; rm $d/tpm.conf; done;"
    " systemctl daemon-reload",
}
# A contact inside the cabinet, and a cable to a network that nobody is in.
_SERVICE = '\n[[inputs]]\nname = "cabinet"\nkind = "service"\npin = 16\nactive_when = "closed"\nrestore_s = 0\n'
_CABLE = (
    "ip link add eth0 type veth peer name phone0",
    "ip address add 10.77.0.2/24 dev eth0",
    "ip link set eth0 up",
)
_UNTIL = "timeout 180 sh -c 'until {}; do :; done'"
_PAGE = "edge-agent-service-page.service"
_SERVED = f"journalctl -u {_PAGE} -o cat --no-pager"
# What enrolment leaves of the page's. It counts when the page is asked for again.
_ENROLLED = (
    "runuser -u edge-agent -- sh -euc 'cd /var/lib/edge-agent; mkdir -m 700 credentials credentials/set-1;"
    " ln -s set-1 credentials/current; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9"
    " -subj /CN=x.local -keyout - -out - > credentials/set-1/page.pem' 2>/dev/null"
)
_PAGE_ASKED_FOR = (
    f"edge-agent sim --config {SETTINGS} hold cabinet >/dev/null && {_UNTIL.format(f'{_SERVED} | grep -q https:')};"
    f" edge-agent sim --config {SETTINGS} release cabinet >/dev/null; systemctl show -P User -P ActiveState {_PAGE};"
    " stat -c '%A %U:%G' /var/lib/edge-agent/walk;"
    f" {_ENROLLED} && edge-agent sim --config {SETTINGS} hold cabinet >/dev/null;"
    f" {_UNTIL.format(f'{_SERVED} | grep -q vouches')}; edge-agent sim --config {SETTINGS} release cabinet >/dev/null;"
    f" stat -c '%A %U:%G' /run/edge-agent/service-page.pem; rm -r /var/lib/edge-agent/credentials;"
    f" rm /run/edge-agent/service-page.json; {_UNTIL.format(f'! systemctl -q is-active {_PAGE}')}; {_SERVED}"
)
_SOMEBODYS_FILES = (
    "/etc/edge-agent/masks/front.json",
    "/var/lib/edge-agent/models/own.tflite",
    "/opt/edge-agent/lib/own.py",
    "/usr/share/edge-agent/models/own.json",
)


def _move() -> str:
    """What the guide says, with a directory for the partition."""
    text = (_CARD / "README.md").read_text()
    [block] = [each for each in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "cp -a" in each]
    lines = [line.strip().removeprefix("sudo ") for line in block.splitlines()]
    return " && ".join(line for line in lines if line).replace("mount /dev/mmcblk0p3 /data", _PARTITION)


class Life:
    """Goes through it, and writes `directory`/NAME.json for each step."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def live(self, deb: Path, newer: Path, foreign: Path) -> None:
        """All of it. Where no machine can be booted, the file `not booted` says so."""
        system = Debian(self._directory / "root")
        for package in (deb, newer, foreign):
            (system.root / "srv" / package.name).hardlink_to(package)
        self._note("foreign by apt-get", system.run(f"! {INSTALL} /srv/{foreign.name}"))
        self._note("foreign by dpkg", system.run(f"! dpkg -i /srv/{foreign.name}"))
        self._cut_off_at_first(system, f"{INSTALL} /srv/{deb.name}")
        for name, script in _IN_A_CHROOT.items():
            self._note(name, system.run(script))
        settings = (ROOT / "firmware_configs/simulated/edge-agent.toml").read_text()
        settings = settings.replace(".run/simulated", "/var/lib/edge-agent") + _SERVICE
        (system.root / "srv/settings").write_text(settings)
        no_pins = f"{settings.partition('[[buttons]]')[0]}[[cameras]]\nname = 'front'\nsource = 'file:/nothing.avi'\n"
        (system.root / "srv/no-pins.toml").write_text(no_pins)
        (system.root / "srv/partition").mkdir()
        shutil.copy(_CARD / "edge-agent-data.service", system.root / "srv")
        drop_in = system.root / "etc/systemd/system/edge-agent.service.d/simulate.conf"
        drop_in.parent.mkdir()
        drop_in.write_text(_DROP_IN)
        try:
            with system.booted() as machine:
                self._on_a_machine(system, machine, f"/srv/{deb.name}", f"/srv/{newer.name}")
        except OSError as error:
            (self._directory / "not booted").write_text(str(error))
        shutil.rmtree(system.root)

    def _cut_off_at_first(self, system: Debian, install: str) -> None:
        """A first installation, killed while it unpacks, then while it configures, and done at last."""
        libraries = system.root / "opt/edge-agent/lib"
        self._note("unpacking cut off", system.cut_off(install, lambda: any(libraries.rglob("*.dpkg-new"))))
        self._note("status of half an unpacking", system.run(_STATUS))
        sync, hangs = system.root / "usr/bin/sync", system.root / "srv/hangs"
        real = sync.rename(sync.with_name("sync.real"))
        sync.write_text(_HANGING_SYNC)
        sync.chmod(0o755)
        self._note("configuring cut off", system.cut_off(f"{_MEND}; {install}", hangs.exists))
        real.rename(sync)
        self._note("status of half a configuring", system.run(f"{_STATUS}; echo; ls -A /etc/edge-agent"))
        self._note("installed", system.run(f"{_MEND} && {install}"))

    def _on_a_machine(self, system: Debian, machine: Machine, old: str, new: str) -> None:
        presses = "; ".join(f"edge-agent sim --config {SETTINGS} press {name}" for name in PRESSED)
        steps = {
            "started unconfigured": "true",
            "doctor without certificates": f"{_AS_JSON}; test $? = 1",
            "configured": _CONFIGURE,
            "pressed": f"{presses}; {_CAMERA_KNOWN}",
            "doctor as root": f"{_AS_JSON}; test $? = 1",
            "doctor as the service's user": f"runuser -u edge-agent -- {_AS_JSON}; test $? = 1",
            "doctor as a person": f"edge-agent doctor --config {SETTINGS}; test $? = 1",
            "upgraded": f"{INSTALL} {new}",
            "upgraded with bad settings": f"echo '[nonsense]' >> {SETTINGS}; {INSTALL} {old}",
            "started with bad settings": "! systemctl restart edge-agent",
            "bad settings mended": f"sed -i '/nonsense/d' {SETTINGS} && systemctl restart edge-agent",
        }
        for name, script in steps.items():
            self._step(machine, name, machine.run(script))
        for name, script in _ENROLMENT.items():
            self._note(name, machine.run(script))
        for each in _CABLE:
            subprocess.run(["nsenter", f"--target={machine.leader}", "--net", *each.split()], check=True)
        self._note("service page asked for", machine.run(_PAGE_ASKED_FOR))
        unpacked = system.root / "opt/edge-agent/lib"
        cut = machine.cut_off(f"{INSTALL} {new}", lambda: any(unpacked.rglob("*.dpkg-new")))
        self._step(machine, "upgrade cut off", cut)
        self._step(machine, "started on half an upgrade", machine.run("systemctl restart edge-agent"))
        self._step(machine, "upgrade mended", machine.run(f"{_MEND}; {INSTALL} {new}"))
        self._step(machine, "removed", machine.run("apt-get remove -y edge-agent"))
        heard = system.root / "srv/heard"
        self._note("broker started", machine.run(_BROKER))
        wait_for(lambda: heard.exists() and b"SUBACK" in heard.read_bytes(), 60, "somebody to listen")
        self._step(machine, "installed again", machine.run(f"{INSTALL} {old}"))
        wait_for(lambda: all(f"up/alarm/{name} ".encode() in heard.read_bytes() for name in PRESSED), 60, "every alarm")
        self._note("heard", Done([], 0, heard.read_text(), ""))
        for name, script in _ON_THE_CARD.items():
            self._step(machine, name, machine.run(script.replace("{move}", _move())))
        somebodys = " ".join(_SOMEBODYS_FILES)
        self._step(
            machine,
            "purged",
            machine.run(f"for each in {somebodys}; do install -D /dev/null $each; done; apt-get purge -y edge-agent"),
        )
        script = f"install -D /srv/settings {SETTINGS}; {INSTALL} {old}"
        self._step(machine, "installed with settings there", machine.run(script))
        self._note("journal", machine.run("journalctl -u edge-agent -o cat --no-pager"))

    def _step(self, machine: Machine, name: str, done: Done) -> None:
        self._note(name, done, dict(line.split("=", 1) for line in machine.run(_LOOK).stdout.splitlines()))

    def _note(self, name: str, done: Done, seen: Mapping[str, str] | None = None) -> None:
        told = {"code": str(done.returncode), "said": done.stdout + done.stderr, **(seen or {})}
        (self._directory / f"{name}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the machine is powered off
    notes, *packages = map(Path, sys.argv[1:])
    Life(notes).live(*packages)
