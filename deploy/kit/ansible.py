"""Ansible's part: the inventory, and a role that puts each host's files in their places."""

import gzip
import io
import json
import tarfile
from pathlib import Path

from deploy.kit.province import Province
from deploy.kit.workshop import Workshop

ROOT = Path(__file__).parents[2]
_ROLE = Path(__file__).parent / "role"
_PROGRAM = ("agent/contract", "agent/core", "agent/adapters", "agent/provisioning", "deploy/registrar")
_SINGLE = ("agent/__init__.py", "deploy/kit/__init__.py", "deploy/kit/authority.py")


def make(shop: Workshop, province: Province) -> None:
    """Derive all of it."""
    hosts = {
        "brokers": {broker.host: {"broker": broker.name} for broker in province.brokers},
        "registrar": {province.registrar.host: {}},
    }
    tree = {"all": {"children": {group: {"hosts": each} for group, each in hosts.items()}}}
    shop.derive("ansible/inventory.yml", json.dumps(tree, indent=2) + "\n")  # which is YAML too
    packages = json.dumps(str(ROOT / "dist"))
    shop.fill(
        "ansible/site.yml",
        "site.yml",
        name=province.name,
        code=province.code,
        packages=packages,
        registrar=province.registrar.url,
    )
    for path in sorted(_ROLE.rglob("*")):
        if path.is_file():
            shop.derive(f"ansible/roles/edge_agent/{path.relative_to(_ROLE)}", path.read_bytes())
    shop.derive("registrar/program.tar.gz", _program())


def _program() -> bytes:
    """What the registrar's host runs: the same bytes for the same files."""
    files = [path for each in _PROGRAM for path in sorted((ROOT / each).rglob("*.py"))]
    content = {str(path.relative_to(ROOT)): path.read_bytes() for path in [*files, *(ROOT / each for each in _SINGLE)]}
    content["requirements.txt"] = (ROOT / "deploy/registrar/requirements.txt").read_bytes()
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()
