"""A technician sets up a device with a camera on USB, as deploy/README.md says."""

import re

from tests.campaigns.emulation.book import Book, in_a_row
from tests.campaigns.emulation.camera.camera_log import NAME
from tests.campaigns.emulation.camera.site import CameraSite
from tests.campaigns.emulation.camera.vivid import NODE
from tests.campaigns.emulation.installed import INSTALL_FILES, STICK
from tests.campaigns.emulation.kiosk import BROKER
from tests.support.agent_process import DEVICE

SIZE = (320, 180)
FRAMES_PER_SECOND = 5
"""As many as an emulated processor can look at."""
_REVISION = """\
set -e
mkdir -p /run/emulation /etc/systemd/system/edge-agent.service.d
{ cat /proc/cpuinfo; printf 'Revision\\t: c03115\\n'; } > /run/emulation/cpuinfo
mount --bind /run/emulation/cpuinfo /proc/cpuinfo
printf '[Service]\\nBindReadOnlyPaths=/run/emulation/cpuinfo:/proc/cpuinfo\\n' \\
  > /etc/systemd/system/edge-agent.service.d/emulation.conf
systemctl daemon-reload
"""
"""gpiozero knows a Pi by it; the kernel of this machine has no device tree that says so."""
_COPY = f"""\
set -e
cd {STICK}
rm -r /etc/edge-agent/edge-agent.toml /etc/edge-agent/edge-agent.d
cp -r /usr/share/edge-agent/profiles/camera-pi4/edge-agent.* /etc/edge-agent/
{INSTALL_FILES}
cat > /etc/edge-agent/edge-agent.d/90-device.toml << END
[device]
id = "{DEVICE}"
[mqtt]
brokers = ["mqtts://{BROKER}:8883"]
[[cameras]]
name = "entrance"
remove = true
[[cameras]]
name = "{NAME}"
source = "v4l2:{NODE}"
width = {SIZE[0]}
height = {SIZE[1]}
frames_per_second = {FRAMES_PER_SECOND}
threads = 1
inferences_per_second = 0.2
[[buttons]]
name = "medical"
kind = "medical"
pin = 24
[health]
interval_s = 1
END
"""


def play(site: CameraSite, book: Book) -> None:
    """From power-on to a device that says that it is online."""
    machine = site.machine
    with book.row("Debian's amd64 kernel and systemd start", essential=True) as row:
        site.kiosk.boot()
        row.seen = in_a_row(machine.check("uname -r -m; systemctl is-system-running"))
    with book.row("apt-get installs the amd64 package", essential=True) as row:
        done = site.kiosk.installation
        status = in_a_row(machine.check("dpkg -s edge-agent | grep -E '^(Status|Version)'"))
        row.seen = f"{status}; done once for each package: {done.date[:16]}, in {done.seconds:.0f} s"
    with book.row("a camera is plugged in, and its node is the group's", essential=True) as row:
        site.vivid.plug_in()
        row.seen = in_a_row(machine.check(f"readlink -f {NODE}; stat -L -c '%A %U:%G' {NODE}"))
        assert re.search("crw-rw---- root:video$", row.seen), row.seen
    with book.row("with profile camera-pi4 the doctor finds that the camera gives pictures and the model runs") as row:
        machine.check(_REVISION + _COPY)
        said = site.kiosk.doctor("camera", "model")
        said.check_well()
        model = said.one(f"model-{NAME}", "ok", "warn")  # it may find an emulated processor slow
        row.seen = f"{said.one(f'camera-{NAME}', 'ok').what}; {model.what}"
    with book.row("systemd hears that it is ready, and the centre that it is online", essential=True):
        machine.check("systemctl enable --now edge-agent", 120)
        site.kiosk.centre.wait_for("state", lambda message: message.data["state"] == "online", 60)
