"""The office's package beside a device's, in a Debian of its own, as root: what each step says, a JSON file each.

`python -m tests.deploy.package.office_life DIRECTORY OFFICE DEVICE`
"""

import json
import shutil
import sys
from pathlib import Path

from tests.support.debian import Debian

_INSTALL = "apt-get install -y --no-install-recommends"
_ASKED = "edge-centre --version && edge-centre ack --help"
_STEPS = {
    "office alone": f"{_INSTALL} /srv/office.deb && {_ASKED} && ! which edge-agent",
    "libraries": "ls /opt/edge-centre/lib/python3.*/site-packages",
    "other modules around": "mkdir -p /srv/here/edge_centre && cd /srv/here && echo 'raise SystemExit(9)' |"
    " tee edge_centre/__init__.py > agent.py && PYTHONPATH=/srv/here edge-centre schema --out /srv/contract",
    "province": "cd /srv && edge-centre kit new bench --on 192.0.2.7; ls /srv/provinces/bench",
    "device after it": f"{_INSTALL} /srv/device.deb && {_ASKED} && edge-agent --version",
    "moved command": "edge-agent keygen --role operator --out /srv/keys",
    "office removed": "apt-get remove -y edge-centre && edge-agent --version && ! edge-agent ack; echo opt=$(ls /opt)",
    "office after the device": f"{_INSTALL} /srv/office.deb && {_ASKED}",
    "device purged": f"apt-get purge -y edge-agent && {_ASKED}; echo opt=$(ls /opt)",
}


def main(directory: Path, office: Path, device: Path) -> None:
    """Go through all of it."""
    system = Debian(directory / "root")
    for name, package in (("office", office), ("device", device)):
        (system.root / f"srv/{name}.deb").hardlink_to(package)
    for step, script in _STEPS.items():
        done = system.run(script)
        said = {"code": done.returncode, "said": done.stdout + done.stderr}
        (directory / f"{step}.json").write_text(json.dumps(said))
    shutil.rmtree(system.root)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
