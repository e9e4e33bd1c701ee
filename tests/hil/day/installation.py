"""The technician's way of deploy/README.md, word by word, on a machine that has just been switched on."""

import re

from tests.hil.book import Book
from tests.hil.kiosk import SETTINGS, STICK, Kiosk
from tests.support.agent_process import DEVICE

_INSTALL = f"apt-get install -y -q {STICK}/edge-agent_*_arm64.deb"
_COPY = f"""\
set -e
cd {STICK}
install -m 640 -g edge-agent ca.pem /etc/edge-agent/server-ca.pem
install -m 640 -g edge-agent {DEVICE}.pem /etc/edge-agent/device.pem
install -m 640 -g edge-agent {DEVICE}.key /etc/edge-agent/device.key
install -m 640 -g edge-agent keys.json /etc/edge-agent/command-keys.json
"""


def play(kiosk: Kiosk, book: Book) -> None:
    """From power-on to a kiosk that says that it is online."""
    machine = kiosk.machine
    with book.row("Debian's kernel and systemd start", essential=True) as row:
        kiosk.boot()
        row.seen = machine.check("uname -r -m; systemctl is-system-running").replace("\n", ", ").strip(", ")
    with book.row("apt-get installs the package, and it says what to do next", essential=True) as row:
        said = machine.check(_INSTALL, 180)
        advice = [line for line in said.splitlines() if line.startswith("edge-agent: ")]
        assert advice, said
        row.seen = machine.check("dpkg -s edge-agent | grep -E '^(Status|Version)'").replace("\n", ", ").strip(", ")
    with book.row("its user reaches the header, and nobody else does") as row:
        row.seen = machine.check("stat -c '%A %U:%G' /dev/gpiochip0; id -nG edge-agent").replace("\n", ", ").strip(", ")
        assert re.match("crw-rw---- root:gpio, .*\\bgpio\\b", row.seen), row.seen
    with book.row("the profile that came with it and the stick's files make valid settings", essential=True) as row:
        machine.check(_COPY)
        machine.check(f"edge-agent check-config {SETTINGS}")
    with book.row("systemd hears that the buttons are live", essential=True) as row:
        machine.check("systemctl enable --now edge-agent", 120)
        row.seen = (
            machine.check("systemctl show -P ActiveState -P StatusText edge-agent").replace("\n", ", ").strip(", ")
        )
    with book.row("the centre hears over TLS that it is online", essential=True) as row:
        birth = kiosk.centre.wait_for("state", lambda message: message.data["state"] == "online", 60)
        row.seen = f"{birth.topic}, timeq {birth.timeq}"
