"""Ansible's part: the inventory, and a role that puts each host's files in their places."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import agent
import edge_centre
from edge_centre.kit.province import Province
from edge_centre.kit.sources import PACKAGES
from edge_centre.kit.workshop import Workshop

_ROLE = Path(__file__).parent / "role"
_HOMES = {"agent": Path(agent.__file__).parent, "edge_centre": Path(edge_centre.__file__).parent}
_PROGRAM = ("agent/contract", "agent/trust", "edge_centre/registrar")
_SINGLE = (
    "agent/__init__.py",
    "edge_centre/__init__.py",
    "edge_centre/kit/__init__.py",
    "edge_centre/authority.py",
)


def make(shop: Workshop, province: Province) -> None:
    """Derive all of it."""
    hosts = {
        "brokers": {broker.host: {"broker": broker.name} for broker in province.brokers},
        "registrar": {province.registrar.host: {}},
    }
    tree = {"all": {"children": {group: {"hosts": each} for group, each in hosts.items()}}}
    shop.derive("ansible/inventory.yml", json.dumps(tree, indent=2) + "\n")  # which is YAML too
    packages = json.dumps(str(PACKAGES))
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
    content = {name: _HOMES[name.partition("/")[0]].joinpath(*name.split("/")[1:]).read_bytes() for name in _SINGLE}
    for name in _PROGRAM:
        home = _HOMES[name.partition("/")[0]]
        for path in sorted(home.joinpath(*name.split("/")[1:]).rglob("*.py")):
            content[str(path.relative_to(home.parent))] = path.read_bytes()
    content["requirements.txt"] = (_HOMES["edge_centre"] / "registrar/requirements.txt").read_bytes()
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
