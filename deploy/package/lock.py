"""Writes `locks/*.txt` anew, with today's versions, and the registrar's: `python -m deploy.package.lock`. `make dist`
and the province kit only read them."""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from deploy.package.target import DIRECTORY, OFFICE, TARGETS, Target

_HEAD = """\
# Written by `make dist-lock`. Every wheel in the package for {name}: version and SHA-256.
# On purpose not here, though something asks for it: {excluded}.
"""
_HEAD_OF_REGISTRAR = """\
# Written by `make dist-lock`. What the registrar's host runs: version, and SHA-256 of the wheels for Debian 12 and 13.
"""
REGISTRAR = DIRECTORY.parent / "centre/edge_centre/registrar/requirements.txt"


def write(target: Target, project: Path) -> None:
    """Resolve what `project` (the folder of pyproject.toml) needs on this machine, and lock it."""
    declared = needs(project, "agent", ".") if target.product == "edge-agent" else office_needs(project)
    excluded = {_plain(name) for name in target.excluded}
    if "cryptography" in excluded:
        declared = [requirement.replace("PyJWT[crypto]", "PyJWT") for requirement in declared]
    # Wheels that can't be resolved because a library of theirs has none are taken without their libraries.
    alone = [each for each in target.libraries if "numpy" in excluded]
    together = [*declared, *(each for each in target.libraries if each not in alone)]
    found = {**_resolved(target, together), **_resolved(target, alone, "--no-deps")}
    lines = [f"{name}=={version} --hash=sha256:{digest}" for name, (version, digest) in sorted(found.items())]
    kept = [line for line in lines if line.partition("==")[0] not in excluded]
    head = _HEAD.format(name=target.name, excluded=", ".join(sorted(excluded)))
    target.lock.write_text(head + "\n".join(kept) + "\n")


def write_registrar(project: Path) -> None:
    """The same for the registrar's host, which may be of either Debian and any 64-bit processor."""
    found: dict[tuple[str, str], dict[str, set[str]]] = {}
    for target in TARGETS.values():
        if target.arch != "armhf":
            for name, (version, digest) in _resolved(target, registrar_needs(project)).items():
                found.setdefault((name, version), {}).setdefault(target.release.python, set()).add(digest)
    lines = []
    for (name, version), digests in sorted(found.items()):
        only = f' ; python_version == "{min(digests)}"' if len(digests) == 1 else ""
        hashes = sorted(set().union(*digests.values()))
        lines.append(f"{name}=={version}{only}" + "".join(f" --hash=sha256:{each}" for each in hashes))
    REGISTRAR.write_text(_HEAD_OF_REGISTRAR + "\n".join(lines) + "\n")


def needs(project: Path, *folders: str) -> list[str]:
    """What the wheels of these folders ask for, with the extra `trust` of the first, and without our own wheels."""
    found: list[str] = []
    for folder in folders:
        declared = tomllib.loads((project / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        extra = declared.get("optional-dependencies", {}).get("trust", [])
        found += [each for each in (*declared["dependencies"], *extra) if not each.startswith("edge-agent")]
    return list(dict.fromkeys(found))


def office_needs(project: Path) -> list[str]:
    """What everything in the office's package runs on."""
    office = tomllib.loads((project / "deploy/centre/pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*needs(project, "agent", "deploy/centre"), *office["optional-dependencies"]["registrar"]]


def registrar_needs(project: Path) -> list[str]:
    """What of that the registrar's host runs."""
    return [each for each in office_needs(project) if not each.startswith(("paho", "rich"))]


def _resolved(target: Target, requirements: list[str], *options: str) -> dict[str, tuple[str, str]]:
    if not requirements:
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += [f"--report={report}", f"--target={scratch}", *target.pip_options(), *options, *requirements]
        subprocess.run(command, check=True)
        return dict(_locked(each) for each in json.loads(report.read_text())["install"])


def _locked(entry: dict[str, Any]) -> tuple[str, tuple[str, str]]:
    metadata, archive = entry["metadata"], entry["download_info"]["archive_info"]
    return _plain(metadata["name"]), (metadata["version"], archive["hashes"]["sha256"])


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


if __name__ == "__main__":
    for each in (*TARGETS.values(), *OFFICE.values()):
        write(each, DIRECTORY.parents[1])
    write_registrar(DIRECTORY.parents[1])
