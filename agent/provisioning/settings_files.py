"""What enrolment writes into /etc/edge-agent, so that nobody edits a file: who this device is, and whom it believes."""

import json
import os
import subprocess
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

from agent.adapters.binding import CURRENT
from agent.adapters.disk import explained, write_file
from agent.adapters.rights import as_owner
from agent.core.errors import StorageError
from agent.provisioning.credentials import AUTHORITIES, CERTIFICATE, KEY
from agent.provisioning.est import RegistrarError
from agent.trust.jose_keys import parse_keys

LAYER = "95-enrolled.toml"
COMMAND_KEYS = "command-keys.json"
_TAKEN = {
    "device": ("location",),
    "mqtt": ("brokers",),
    "centre": ("names",),
    "evidence": ("recipient", "max_age_days"),
    "upload": ("hosts",),
}
"""What a registrar may set besides: all else is the business of the files on the card."""
_OVERLAY_S = 120.0
_DISK_S = 30.0
_ON_THE_CARD = 'umask 022; mkdir -p "${1%/*}" && cat >"$1.new" && sync "$1.new" && mv "$1.new" "$1" && sync "${1%/*}"'
TPM = Path("/usr/share/edge-agent/tpm.conf")
"""The package's drop-in for units that use a TPM."""


def layer(name: str, state: Path, given: dict[str, Any]) -> str:
    """Return the last layer of the settings: name, credentials, and of what is `given` what a registrar may set."""
    province, site, device = name.split("/")
    tables: dict[str, dict[str, Any]] = {"device": {"province": province, "site": site, "id": device}}
    credentials = state / CURRENT
    tables["mqtt"] = {
        "ca_file": str(credentials / AUTHORITIES),
        "cert_file": str(credentials / CERTIFICATE),
        "key_file": str(credentials / KEY),
    }
    for table, keys in _TAKEN.items():
        said = given.get(table)
        known = {key: said[key] for key in keys if said.get(key)} if isinstance(said, dict) else {}
        tables.setdefault(table, {}).update(known)
    lines = ["# `edge-agent enrol` has written this file, and writes it anew. Other settings go into other layers."]
    for table, values in tables.items():
        if values:
            lines += ["", f"[{table}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    return "\n".join([*lines, ""])


def parse_given(content: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return the settings and the file of command keys in a registrar's answer. Raises RegistrarError."""
    try:
        given = tomllib.loads(content["settings"])
        tomllib.loads(layer("province/site/id", Path(), given))  # what can't be written again is refused
        keys = content["command_keys"]
        parse_keys(keys)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RegistrarError(f"the registrar's settings can't be used ({error}): tell the office") from error
    return given, json.dumps(keys, indent=1).encode() + b"\n"


def write(path: Path, content: bytes, *, overlay: str = "overlayroot-chroot") -> None:
    """Replace a file of /etc/edge-agent, which all may read: it holds no secret. On a root that overlayroot keeps in
    memory, the file on the card below is replaced too.

    Raises StorageError.
    """
    as_owner(path.parent, partial(write_file, path, content, 0o644), limit_s=_DISK_S)
    if is_overlay(path.parent):
        try:
            command = [overlay, "sh", "-c", _ON_THE_CARD, "sh", str(path)]
            subprocess.run(command, input=content, capture_output=True, timeout=_OVERLAY_S, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise StorageError(
                f"{path} is written, but a restart forgets it: `{overlay}` failed ({error}). Run this command again"
            ) from error


def drop_ins(units: Path = Path("/etc/systemd/system")) -> list[Path]:
    """Return the files that let the units use a TPM."""
    return [units / f"{unit}.d" / TPM.name for unit in ("edge-agent.service", "edge-agent-renew.service")]


def let_units_use_a_tpm(given: Path, files: list[Path]) -> None:
    """Write the package's drop-in (`given`) to `files`. Raises StorageError."""
    try:
        content = given.read_bytes()
        for each in files:
            each.parent.mkdir(parents=True, exist_ok=True)
            write(each, content)
    except OSError as error:
        raise StorageError(f"the units may not use the TPM: {error}") from error


def remove(path: Path, *, overlay: str = "overlayroot-chroot") -> None:
    """Remove a file, on the card too as `write` does; one that is not there is no mistake. Raises StorageError."""
    try:
        as_owner(path.parent, partial(_unlink, path), limit_s=_DISK_S)
        if path.parent.is_dir() and is_overlay(path.parent):
            command = [overlay, "rm", "-f", str(path)]
            subprocess.run(command, capture_output=True, timeout=_OVERLAY_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise StorageError(f"{path} can't be removed: {error}") from error


def _unlink(path: Path) -> None:
    with explained(path):
        path.unlink(missing_ok=True)


def is_overlay(directory: Path, mounts: Path = Path("/proc/self/mounts")) -> bool:
    """Whether a directory is on a root file system that overlayroot has laid over another one."""
    lines = [line.split() for line in mounts.read_text(encoding="utf-8").splitlines()]
    on_root = os.stat(directory).st_dev == os.stat("/").st_dev  # noqa: PTH116
    return on_root and ["overlayroot", "/", "overlay"] in [line[:3] for line in lines]


def _toml(value: Any) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{_toml(key)} = {_toml(each)}" for key, each in value.items()) + " }"
        case list():
            return "[" + ", ".join(_toml(each) for each in value) + "]"
        case _:
            # JSON's text is TOML's, but for DEL.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
