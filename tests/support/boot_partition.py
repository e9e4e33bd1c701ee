"""Boot partitions as Raspberry Pi OS and its Imager leave them, and claims that no registrar has made."""

import base64
import time
from pathlib import Path

from agent.trust.claim import Claim

CONFIG = "# For more options see http://rptl.io/configtxt\ndtparam=audio=on\ncamera_auto_detect=1\n\n[cm5]\ndtoverlay=dwc2\n\n[all]\n"
ROOT = "console=serial0,115200 console=tty1 root=PARTUUID=61e93e61-02 rootfstype=ext4 fsck.repair=yes rootwait"
STOCK = {
    "trixie": {
        "config.txt": CONFIG,
        "cmdline.txt": f"{ROOT} resize\n",
        "issue.txt": "Raspberry Pi reference 2025-10-01\nGenerated using pi-gen\n",
        "meta-data": "dsmode: local\ninstance-id: rpios-image\n",
        "user-data": "#cloud-config\n# all of it is commented out\n",
        "network-config": "# all of it is commented out\n",
    },
    "bookworm": {
        "config.txt": CONFIG,
        "cmdline.txt": f"{ROOT} quiet init=/usr/lib/raspberrypi-sys-mods/firstboot\n",
        "issue.txt": "Raspberry Pi reference 2024-11-19\nGenerated using pi-gen\n",
    },
}
IMAGERS_WORDS = (
    " systemd.run=/boot/firstrun.sh systemd.run_success_action=reboot systemd.unit=kernel-command-line.target"
)
IMAGERS_FIRSTRUN = """\
#!/bin/sh

set +e

if [ -f /usr/lib/raspberrypi-sys-mods/imager_custom ]; then
   /usr/lib/raspberrypi-sys-mods/imager_custom enable_ssh -k 'ssh-ed25519 AAAA tech'
else
   cat > "$FIRSTUSERHOME/.ssh/authorized_keys" <<'EOF'
ssh-ed25519 AAAA tech
EOF
fi
rm -f /boot/firstrun.sh
sed -i 's| systemd.run.*||g' /boot/cmdline.txt
exit 0
"""
NAME = "gp/jhb-park-station/kiosk-0042"


def claim(seconds: float = 3600.0) -> str:
    """One that ends in `seconds`."""
    root = base64.urlsafe_b64encode(b"\x30\x03\x02\x01\x01").rstrip(b"=").decode()
    until = int(time.time() + seconds)
    return Claim(registrar="https://r.example", root=root, name=NAME, secret="s" * 22, until=until).text() + "\n"


def content(directory: Path) -> dict[str, bytes]:
    """Everything that is in it."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def make(release: str, tmp_path: Path) -> Path:
    """A card's boot partition, as the image of `release` has it."""
    directory = tmp_path / release
    directory.mkdir()
    for name, text in STOCK[release].items():
        (directory / name).write_text(text)
    return directory
