"""The technician's way of deploy/README.md, word by word, on a machine that has just been switched on."""

import re

from tests.campaigns.emulation.book import Book, in_a_row
from tests.campaigns.emulation.doctor import SETTINGS
from tests.campaigns.emulation.installed import INSTALL_FILES, STICK
from tests.campaigns.emulation.kiosk import Kiosk
from tests.campaigns.emulation.wiring import AT_REST, BUTTONS

GLITCH_MS = 10
"""What the pin of the fire button ignores."""
_MOST_MB = 250.0
"""A quarter more than when this was written."""
_COPY = f"""\
set -e
cd {STICK}
{INSTALL_FILES}
sed -i 's|, "mqtts://broker-b[^"]*"||' /etc/edge-agent/edge-agent.d/50-site.toml
cat >> /etc/edge-agent/edge-agent.d/90-device.toml << END
# Two buttons are pressed a thousand times today, and each press shall be told; fire is at the end of a long cable.
[[buttons]]
name = "police"
chatter_presses = 0
[[buttons]]
name = "medical"
chatter_presses = 0
[[buttons]]
name = "fire"
glitch_filter_ms = {GLITCH_MS}
# Nobody at today's centre answers a self-test, which a new device begins after five minutes.
[self_test]
after_start_s = 7200
END
"""


def play(kiosk: Kiosk, book: Book) -> None:
    """From power-on to a kiosk that says that it is online."""
    machine = kiosk.machine
    with book.row("Debian's kernel and systemd start, while somebody holds the medical button", essential=True) as row:
        kiosk.boot((*AT_REST, BUTTONS["medical"]))
        row.seen = in_a_row(machine.check("uname -r -m; systemctl is-system-running"))
    with book.row("apt-get installs the package, and it says what to do next", essential=True) as row:
        done = kiosk.installation
        assert done.advice, "the package says nothing of what to do next"
        status = in_a_row(machine.check("dpkg -s edge-agent | grep -E '^(Status|Version)'"))
        row.seen = f"{status}; done once for each package: {done.date[:16]}, in {done.seconds:.0f} s"
        row.figures["installation_s"] = done.seconds
    with book.row("what it takes of a card") as row:
        sizes = machine.check(
            f"ls {STICK}/edge-agent_*.deb | head -n 1 | xargs stat -c %s; du -skx /opt/edge-agent /usr/share/edge-agent"
        ).split()
        package_mb, installed_mb = int(sizes[0]) / 1e6, sum(map(int, sizes[1::2])) * 1024 / 1e6
        row.figures |= {"package_uncompressed_mb": round(package_mb), "installed_mb": round(installed_mb)}
        row.seen = f"{installed_mb:.0f} MB; the package, which is not compressed here, has {package_mb:.0f} MB"
        assert max(installed_mb, package_mb) <= _MOST_MB, f"more than {_MOST_MB:g} MB: {row.seen}"
    with book.row("its user reaches the header, and nobody else does") as row:
        row.seen = in_a_row(machine.check("udevadm settle; stat -c '%A %U:%G' /dev/gpiochip0; id -nG edge-agent"))
        assert re.match("crw-rw---- root:gpio, .*\\bgpio\\b", row.seen), row.seen
    with book.row("the profile that came with it and the stick's files make valid settings", essential=True) as row:
        machine.check(_COPY)
        machine.check(f"edge-agent check-config {SETTINGS}")
    with book.row("systemd hears that the buttons are live", essential=True) as row:
        machine.check("systemctl enable --now edge-agent", 120)
        row.seen = in_a_row(machine.check("systemctl show -P ActiveState -P StatusText edge-agent"))
    with book.row("the centre hears over TLS that it is online", essential=True) as row:
        birth = kiosk.centre.wait_for("state", lambda message: message.data["state"] == "online", 60)
        row.seen = f"{birth.topic}, timeq {birth.timeq}"
