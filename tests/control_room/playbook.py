"""Stands in for `ansible-playbook` in tests of pages: does what the kit's role says, but for what needs a network or
other users, and starts the services. tests/campaigns/province runs the real one.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from jinja2 import Template

from edge_centre.kit.sources import ROOT


def main(inventory: Path) -> None:
    """Play for a province whose hosts are all this machine."""
    role = inventory.parent / "roles/edge_agent"
    [broker] = json.loads(inventory.read_text())["all"]["children"]["brokers"]["hosts"].values()
    packages = [str(path) for path in (ROOT / "dist").glob("edge-agent-control-room_*_all.deb")]
    known = {**broker, "province": inventory.resolve().parents[1], "page_packages": packages}
    for path in (role / "tasks/broker.yml", role / "tasks/registrar.yml"):
        for task in yaml.safe_load(path.read_text()):
            for item in task.get("loop", [None]):
                values = {**known, "item": _filled(item, known)}
                environment = task.get("environment", {})
                for module, given in task.items():
                    if module.startswith("ansible.builtin."):
                        _do(module.rpartition(".")[2], _filled(given, values), role / "files", environment)
    for service in ("edge-agent-registrar", "nginx", "mosquitto"):
        subprocess.run(["systemctl", "restart", service], check=True)


def _filled(given: Any, values: dict[str, Any]) -> Any:
    return json.loads(Template(json.dumps(given)).render(values))


def _do(module: str, given: Any, files: Path, environment: dict[str, str]) -> None:
    match module, given:
        case "apt", {"deb": package}:
            subprocess.run(["dpkg", "-i", package], check=True)
        case "command", _:
            subprocess.run(given.split(), env={**os.environ, **environment}, check=True)
        case "pip", {"virtualenv": path}:
            Path(path).symlink_to(sys.prefix)
        case "unarchive", {"src": source, "dest": target}:
            shutil.unpack_archive(source, target, filter="data")
        case "file", {"state": "link", "src": source, "dest": target}:
            Path(target).symlink_to(source)
        case "file", {"path": path}:
            Path(path).mkdir(parents=True, exist_ok=True)
        case "copy", {"dest": path, "mode": mode}:
            source = files / given["src"] if "src" in given else Path("/dev/null")
            target = Path(path) / source.name if path.endswith("/") else Path(path)
            target.write_bytes(source.read_bytes())
            target.chmod(int(mode, 8))
            if given.get("owner") == "mosquitto":
                shutil.chown(target, "mosquitto")


if __name__ == "__main__":
    main(Path(sys.argv[sys.argv.index("-i") + 1]))
