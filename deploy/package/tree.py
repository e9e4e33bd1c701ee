"""What the package holds beside the environment, and where it lies."""

import gzip
import re
import shutil
from pathlib import Path

from agent.models.store import ModelStore, StoredModel, default_directories
from deploy.package.target import Release

MODEL = "movenet-person-int8"
DOCUMENTS = Path("usr/share/doc/edge-agent")
PROFILES = Path("usr/share/edge-agent/profiles")
MODELS = Path("usr/share/edge-agent/models")
BUILT = Path("usr/share/edge-agent/built")
"""When the package was built, in seconds since 1970: no clock is right that is earlier."""
PLACES = {
    "deploy/systemd/edge-agent.service": "usr/lib/systemd/system/edge-agent.service",
    **{
        f"deploy/systemd/{name}": f"usr/lib/systemd/system/{name}"
        for name in (
            "edge-agent-clock.service",
            "edge-agent-enrol.service",
            "edge-agent-enrol-lamps.service",
            "edge-agent-renew.service",
            "edge-agent-renew.timer",
            "edge-agent-service-page.path",
            "edge-agent-service-page.service",
        )
    },
    "deploy/systemd/enrolled.sh": "usr/share/edge-agent/enrolled.sh",
    "deploy/systemd/tpm.conf": "usr/share/edge-agent/tpm.conf",
    "deploy/openssl/openssl-tpm.cnf": "usr/share/edge-agent/openssl-tpm.cnf",
    "deploy/openssl/openssl-pkcs11.cnf": "usr/share/edge-agent/openssl-pkcs11.cnf",
    "deploy/systemd/edge-agent.sysusers.conf": "usr/lib/sysusers.d/edge-agent.conf",
    "deploy/systemd/edge-agent.tmpfiles.conf": "usr/lib/tmpfiles.d/edge-agent.conf",
    "deploy/systemd/60-edge-agent.rules": "usr/lib/udev/rules.d/60-edge-agent.rules",
    "deploy/systemd/edge-agent-watchdog.conf": "usr/lib/systemd/system.conf.d/edge-agent-watchdog.conf",
    "deploy/package/debian/lintian-overrides": "usr/share/lintian/overrides/edge-agent",
}
"""File of the repository, file of the package."""


def build(project: Path, root: Path, release: Release) -> None:
    """Lay everything below `root` that is the same on every architecture of `release`."""
    for source, destination in PLACES.items():
        _copy(project / source, root / destination)
    profiles = project / "firmware_configs"
    for path in profiles.rglob("*"):
        if path.is_file():
            _copy(path, root / PROFILES / path.relative_to(profiles))
    command = root / "usr/bin/edge-agent"
    command.parent.mkdir(parents=True, exist_ok=True)
    command.symlink_to("/opt/edge-agent/bin/edge-agent")
    _model(root / MODELS)
    write(root / DOCUMENTS / "changelog.gz", changes(project, release))


def changes(project: Path, release: Release) -> str:
    """The changelog of the package for one Debian."""
    text = (project / "deploy/package/debian/changelog").read_text()
    named = rf"edge-agent (\1{release.suffix}) {release.name};"
    return re.sub(r"^edge-agent \((.+)\) stable;", named, text, flags=re.MULTILINE)


def write(path: Path, text: str) -> None:
    """A document; one whose name ends with .gz is compressed, without a name or a time in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.encode()
    if path.suffix != ".gz":
        path.write_bytes(content)
        return
    # gzip.compress() notes the system, and each Python another one.
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as compressed:
        compressed.write(content)


def model() -> StoredModel:
    """The one that profiles name, checked. Raises ModelError, which says how to build it."""
    return ModelStore(default_directories()).load(MODEL)


def _model(directory: Path) -> None:
    manifest, path, _ = model()
    _copy(path, directory / manifest.file)
    _copy(path.with_name(f"{MODEL}.json"), directory / f"{MODEL}.json")


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, destination)
