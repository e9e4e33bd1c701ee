"""Writes `locks/*.txt` anew, with today's versions: `python -m deploy.package.lock`. `make dist` only reads them."""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from deploy.package.target import DIRECTORY, TARGETS, Target

_HEAD = """\
# Written by `make dist-lock`. Every wheel in the package for {name}: version and SHA-256.
# On purpose not here, though something asks for it: {excluded}.
"""


def write(target: Target, project: Path) -> None:
    """Resolve what `project` (the folder of pyproject.toml) needs on this machine, and lock it."""
    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
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
    for each in TARGETS.values():
        write(each, DIRECTORY.parents[1])
