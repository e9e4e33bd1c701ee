"""A board with a TPM 2.0, swtpm behind QEMU: the kernel's driver, its /dev/tpmrm0, and the tpm2-openssl of Debian 13.

Debian 13 has no library for pins, so those of this machine are a stand-in, and a press is a line in a pipe.
"""

import re
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

from tests.campaigns.emulation.book import Book, in_a_row
from tests.campaigns.emulation.enrolment.new_kiosk import CURRENT, NewKiosk
from tests.campaigns.emulation.machine import put
from tests.support.wait import wait_for

_LGPIO = Path(__file__).parents[3] / "support/lgpio_stand_in/lgpio.py"
_NODE = "stat -c '%A %U:%G' /dev/tpmrm0; . /etc/os-release; echo $PRETTY_NAME"
_ENROL_S = 240.0
_FORBIDDEN = "Operation not permitted"
"""What the kernel says of a node that the unit's control group has not."""
_LOOK = """\
set -e
[ -e /dev/vcio ] || mknod -m 666 /dev/vcio c 10 183  # the firmware's on a Pi; here, that of hwrng
for unit in edge-agent edge-agent-renew; do
  look=/run/systemd/system/$unit-look.service
  sed -E '/^(Exec|Type|Notify|Restart|Watchdog|Condition|Assert)/d' /usr/lib/systemd/system/$unit.service > $look
  printf '[Service]\\nType=oneshot\\nStandardError=truncate:/run/look-%s\\nExecStart=/bin/sh -c "%s"\\n' \\
    $unit '(: <>/dev/tpmrm0) && echo opened >&2; (: <>/dev/vcio) && echo opened >&2; true' >> $look
  rm -rf $look.d
  FIRST
  systemctl daemon-reload
  systemctl start $unit-look
  sed 's/.*: //' /run/look-$unit
done
"""
_PINS = """\
units=/etc/systemd/system
mkdir -p /run/edge-agent/pins $units/edge-agent.service.d
chown -R edge-agent /run/edge-agent && cd /run/edge-agent/pins && touch busy && mkfifo -m 666 edges
printf '[Service]\\nEnvironment=LGPIO_STAND_IN=/run/edge-agent/pins\\n' > $units/edge-agent.service.d/pins.conf
"""
_PRESS = "cd /run/edge-agent/pins && echo 24 0 > edges && sleep 0.3 && echo 24 1 > edges"
_TSS2 = "-----BEGIN TSS2 PRIVATE KEY-----"
_KEYS = "grep -rlE 'BEGIN.* PRIVATE KEY' /var/lib/edge-agent /etc/edge-agent | xargs grep -hE BEGIN"
_RENEW = """\
mkdir -p /run/systemd/system/edge-agent-renew.service.d
printf '[Service]\\nExecStart=\\nExecStart=/opt/edge-agent/bin/edge-agent renew --now\\n' \\
  > /run/systemd/system/edge-agent-renew.service.d/now.conf
systemctl daemon-reload
systemctl start edge-agent-renew
"""


class QemuTpm(AbstractContextManager["QemuTpm"]):
    """A swtpm for QEMU, whose state lies in `directory` and outlives each start of the machine."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._socket = directory / "control"
        state, control = f"dir={directory}", f"type=unixio,path={self._socket}"
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--ctrl", control],
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._socket.exists, what="swtpm")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def options(self) -> tuple[str, ...]:
        """QEMU's, for a board with this TPM."""
        device = ("-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", "tpm-tis-device,tpmdev=tpm")
        return ("-chardev", f"socket,id=tpm,path={self._socket}", *device)


def play(kiosk: NewKiosk, book: Book) -> None:
    """On a device that is nobody, from power-on."""
    machine = kiosk.machine
    with QemuTpm(kiosk.registrar.directory / "tpm") as tpm:
        machine.options = tpm.options
        put(machine.disk, "/usr/lib/python3/dist-packages/lgpio.py", _LGPIO)
        with book.row("the kernel finds a TPM 2.0, and its node is the group's", essential=True) as row:
            machine.boot()
            kiosk.set_time()
            machine.check("modprobe tpm_tis && udevadm settle")
            node, system = machine.check(_NODE).splitlines()
            row.seen = f"/dev/tpmrm0 {node}; {system}"
            assert re.fullmatch(r"crw-rw---- \w+:tss", node), row.seen
        with book.row("without the drop-in no unit may open it, even if it were everybody's", essential=True) as row:
            looked = _look(kiosk, "chmod 666 /dev/tpmrm0")
            machine.check("chmod 660 /dev/tpmrm0")
            row.seen = _in_words(looked)
            assert looked == [_FORBIDDEN] * 4, row.seen
        with book.row("enrol --key tpm: the key is the TPM's, and the broker lets the agent in", essential=True) as row:
            machine.check(_PINS)
            machine.check(f"printf %s '{kiosk.claim()}' > /run/claim")
            said = machine.check("edge-agent enrol --claim-file /run/claim --key tpm", _ENROL_S)
            machine.check("systemctl enable edge-agent && systemctl restart edge-agent", 120)
            kiosk.wait_for_birth(0)
            row.seen = " ".join(line for line in said.splitlines() if "tpm" in line.lower())
        with book.row("nothing on the disk can sign without the TPM") as row:
            keys = machine.check(_KEYS)
            row.seen = in_a_row(keys)
            assert set(keys.splitlines()) == {_TSS2, "-----BEGIN CERTIFICATE-----"}, row.seen
        with book.row("with the drop-in both units may open it, and the firmware's node as little as before") as row:
            looked = _look(kiosk, "cp -r /etc/systemd/system/$unit.service.d $look.d")
            row.seen = _in_words(looked)
            assert looked == ["opened", _FORBIDDEN] * 2, row.seen
        with book.row("a press arrives") as row:
            machine.check(_PRESS)
            [alarm] = kiosk.wait_for_presses(1, "medical")
            row.seen = alarm.input
            kiosk.close_alarm(alarm)
        with book.row("the unit of renewal gets a new certificate for the same key, and the broker lets it in") as row:
            before, key, births = kiosk.certificate(), _key(kiosk), kiosk.births()
            machine.check(_RENEW, _ENROL_S)
            row.seen = kiosk.said("edge-agent-renew", "Renewed")
            assert kiosk.certificate() != before
            assert _key(kiosk) == key
            machine.check("systemctl restart edge-agent", 120)
            kiosk.wait_for_birth(births)
        with book.row("the doctor takes the TPM's key for what it is") as row:
            doctor = kiosk.doctor("certificate")
            doctor.check_well()
            row.seen = next(each.what for each in doctor.findings if "device's certificate ends" in each.what)


def _look(kiosk: NewKiosk, first: str) -> list[str]:
    """What becomes of opening the TPM and the firmware's node: in the agent's unit, then in that of renewal."""
    return kiosk.machine.check(_LOOK.replace("FIRST", first), 120).splitlines()


def _in_words(looked: list[str]) -> str:
    return f"edge-agent: {', '.join(looked[:2])}; edge-agent-renew: {', '.join(looked[2:])}"


def _key(kiosk: NewKiosk) -> str:
    return kiosk.machine.check(f"sed '/END TSS2/q' {CURRENT}/device.key")
