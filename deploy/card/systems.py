"""How each Raspberry Pi OS lets a card say what is to be done at its first start, and what this package has it say.

**Trixie** has cloud-init. Each of its images, from the first (of 2 October 2025), has `meta-data`, `user-data` and
`network-config` on the boot partition (Raspberry Pi's article on cloud-init, November 2025), which cloud-init's NoCloud
reads from /boot/firmware (RPi-Distro/pi-gen, stage2/04-cloud-init/files/99_raspberry-pi.cfg: `seedfrom`). The Imager
writes its customisation into `user-data`. NoCloud reads a fourth file too, `vendor-data` (canonical/cloud-init,
DataSourceNoCloud.py), which may be everything that user-data may be, and gives way to it key by key. That file is ours:
nothing of the Imager's is touched.

**Bookworm** has none of that. The Imager writes `firstrun.sh`, and into cmdline.txt the words with which systemd runs
it, alone, before all else, and then restarts (raspberrypi/rpi-imager, src/customization_generator.cpp). Login and name
may also come from `custom.toml` (RPi-Distro/raspberrypi-sys-mods, usr/lib/raspberrypi-sys-mods/firstboot, init_config).
An older Imager writes the paths of /boot; the card's initramfs mends them, and drops what follows the script's `rm`
(initramfs-tools/scripts/local-bottom/imager_fixup), which is why ours stands before it.

Neither does the work itself. cloud-init notes that a script was run before it runs it, and in Bookworm's first start
there is no network: a power cut, or a missing cable, would be the end of it. Both only enable a unit, which tries until
it has ended well.
"""

import email
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from deploy.card import boot_lines
from deploy.card.errors import CardError

SCRIPT, UNIT = "edge-agent-first-boot.sh", "edge-agent-first-boot.service"
FIRSTRUN = "firstrun.sh"
FIRSTRUN_WORDS = (
    "systemd.run=/boot/firmware/firstrun.sh",
    "systemd.run_success_action=reboot",
    "systemd.unit=kernel-command-line.target",
)
_OURS = "# Written by make image"
_HOOK = f"""\
if [ -e /boot/firmware/{SCRIPT} ]; then
  install -m 644 /boot/firmware/{UNIT} /etc/systemd/system/
  systemctl enable {UNIT}
  sync
fi"""
# At Trixie's the system is up already.
_START = f"systemctl daemon-reload\nsystemctl start --no-block {UNIT}"
_CLEAN_UP = re.compile(r"^(?:rm .*firstrun\.sh|sed -i .*cmdline\.txt)$", re.MULTILINE)
_GROUPS = "users,adm,dialout,audio,netdev,video,plugdev,cdrom,games,input,gpio,spi,i2c,render,sudo"
"""Those that the Imager gives."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who may come in by ssh: with these keys and no password."""

    user: str
    keys: tuple[str, ...]


def earlier(card: Mapping[str, str]) -> Login | None:
    """Return the login that an earlier run has given to `card`."""
    if _OURS in (vendor := card.get("vendor-data", "")):
        _, cloud, _ = email.message_from_string(vendor).walk()
        for user in json.loads(str(cloud.get_payload()).removeprefix("#cloud-config\n")).get("users", []):
            return Login(user["name"], tuple(user["ssh_authorized_keys"]))
    if _OURS in (text := card.get("custom.toml", "")) and "user" in (custom := tomllib.loads(text)):
        return Login(custom["user"]["name"], tuple(custom["ssh"]["authorized_keys"]))
    return None


def trixie(card: Mapping[str, str], login: Login | None, hostname: str | None) -> dict[str, str]:
    """Return the files that make a Trixie run the script, from those that `card` has. Raises CardError."""
    if _OURS not in card.get("vendor-data", _OURS):
        raise CardError("somebody else has put vendor-data onto this card: write it again, then run this")
    if login and re.search(r"^(users|ssh_authorized_keys):", card.get("user-data", ""), re.MULTILINE):
        raise CardError("the Imager has given this card a login: leave SSH_KEY away, or write the card without one")
    settings: dict[str, object] = {}
    if hostname:
        settings |= {"hostname": hostname, "manage_etc_hosts": True}
    if login:
        user = {"name": login.user, "groups": _GROUPS, "shell": "/bin/bash", "lock_passwd": True}
        user |= {"sudo": "ALL=(ALL) NOPASSWD:ALL", "ssh_authorized_keys": list(login.keys)}
        settings |= {"ssh_pwauth": False, "users": [user]}
    parts = MIMEMultipart(boundary="edge-agent")
    # JSON is YAML.
    parts.attach(MIMEText(f"#cloud-config\n{json.dumps(settings, indent=2)}\n", "cloud-config"))
    parts.attach(MIMEText(f"#!/bin/sh\n{_OURS}\n{_HOOK}\n{_START}\n", "x-shellscript"))
    # An empty file of this name switches ssh on (raspberrypi-sys-mods, sshswitch).
    return {"vendor-data": parts.as_string(), **({"ssh": ""} if login else {})}


def bookworm(card: Mapping[str, str], login: Login | None, hostname: str | None) -> dict[str, str]:
    """Return the files that make a Bookworm run the script, from those that `card` has. Raises CardError."""
    theirs = boot_lines.without_block(card.get(FIRSTRUN, ""))
    if login and "authorized_keys" in theirs + card.get("custom.toml", "") and _OURS not in card.get("custom.toml", ""):
        raise CardError("the Imager has given this card a login: leave SSH_KEY away, or write the card without one")
    if not theirs or _OURS in theirs:
        # The words first: with them and without the script nothing would start.
        theirs = f"#!/bin/sh\n{_OURS}\nsed -i 's| systemd\\.[^ ]*||g' /boot/firmware/cmdline.txt\n"
        theirs += f"rm -f /boot/firmware/{FIRSTRUN}\nexit 0\n"
    clean_up = _CLEAN_UP.search(theirs)
    if clean_up is None:
        raise CardError("this card's firstrun.sh is not one that the Imager writes: write the card again, run this")
    ours = boot_lines.block(_HOOK)
    made = {
        FIRSTRUN: theirs[: clean_up.start()] + ours + theirs[clean_up.start() :],
        "cmdline.txt": boot_lines.command_line(card["cmdline.txt"], _words(card["cmdline.txt"])),
    }
    if (login or hostname) and _OURS in card.get("custom.toml", _OURS):
        made["custom.toml"] = _custom(login, hostname)
    return made


def _words(line: str) -> tuple[str, ...]:
    """None where the Imager's are there, with the older path or ours."""
    return () if re.search(r" systemd\.run=/boot/(firmware/)?firstrun\.sh( |$)", line) else FIRSTRUN_WORDS


def _custom(login: Login | None, hostname: str | None) -> str:
    lines = [f"{_OURS}", "config_version = 1"]
    if hostname:
        lines += ["[system]", f"hostname = {json.dumps(hostname)}"]
    if login:
        lines += ["[user]", f"name = {json.dumps(login.user)}", "[ssh]", "enabled = true"]
        lines += ["password_authentication = false", f"authorized_keys = {json.dumps(list(login.keys))}"]
    return "\n".join(lines) + "\n"
