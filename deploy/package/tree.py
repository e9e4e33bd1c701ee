"""What the packages of a device and of the office hold besides their environments, and where it lies."""

import gzip
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.__main__ import PROGRAM as DEVICE_PROGRAM
from agent.contract.command_line import Program
from agent.models.store import ModelStore, StoredModel, default_directories
from deploy.package.target import DIRECTORY, Release
from edge_centre.__main__ import PROGRAM as OFFICE_PROGRAM

MODEL = "movenet-person-int8"
_DOCUMENTS = Path("usr/share/doc")
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
    "firmware_configs": str(PROFILES),
}
"""File or folder of the repository, its place in a device's package."""
# What the kit derives from and what its runbook links to, at the same places as in a checkout.
_OF_THE_KIT = ("deploy/mosquitto", "deploy/control-room/serve", "docs/contract.md", "docs/evidence.md", "docs/how-to")


@dataclass(frozen=True, slots=True)
class Product:
    """A package with a program: what differs between a device's and the office's on every target."""

    program: Program
    places: Mapping[str, str]
    description: str
    """As in Debian's control file."""
    depends: tuple[str, ...]
    recommends: tuple[str, ...]
    suggests: tuple[str, ...]
    of_a_device: bool = False
    """It has the model, the service page, the time of its build, and scripts that dpkg runs."""
    overrides: str = ""
    """What lintian is told besides."""


PRODUCTS = {
    each.program.name: each
    for each in (
        Product(
            DEVICE_PROGRAM,
            PLACES,
            """\
panic buttons and person detection for street kiosks
 The agent of a street panic kiosk or a CCTV camera: it watches buttons, drives
 lamps, sends alarms over MQTT until somebody has registered them, and, with a
 camera, detects people on the device itself.
 .
 It brings its own Python environment in /opt/edge-agent and a person model, and
 needs no network to install. The service starts when the device is configured.
""",
            depends=("openssl", "systemd (>= 252)"),
            recommends=("ca-certificates", "systemd-timesyncd | time-daemon"),
            # A key may be kept by a TPM, which few boards have; its provider would bring a dozen packages.
            suggests=("python3-av", "tpm2-openssl"),
            of_a_device=True,
        ),
        Product(
            OFFICE_PROGRAM,
            {each: f"usr/share/edge-centre/{each}" for each in _OF_THE_KIT},
            """\
office of street panic kiosks and CCTV cameras
 What the office of kiosks that run edge-agent needs: it watches them, answers
 alarms and sends commands, checks recordings and reports of commissionings,
 makes keys, and makes and keeps what a province needs, its registrar included.
 .
 It brings its own Python environment in /opt/edge-centre, needs no network to
 install, and starts nothing. No kiosk needs it.
""",
            depends=("openssl",),
            recommends=("ca-certificates",),
            suggests=("ansible-core", "chromium", "ffmpeg"),
            overrides="# segno's own command is for hand, and nobody calls it here.\n"
            "edge-centre: unusual-interpreter\n",
        ),
    )
}
"""By name."""


def build(project: Path, root: Path, product: Product, release: Release) -> None:
    """Lay everything below `root` that is the same on every architecture of `release`."""
    name = product.program.name
    for source, destination in product.places.items():
        _copy(project / source, root / destination)
    command = root / "usr/bin" / name
    command.parent.mkdir(parents=True, exist_ok=True)
    command.symlink_to(f"/opt/{name}/bin/{name}")
    if product.of_a_device:
        _model(root / MODELS)
    overrides = (DIRECTORY / "debian/lintian-overrides").read_text(encoding="utf-8")
    write(root / "usr/share/lintian/overrides" / name, overrides.replace("edge-agent:", f"{name}:") + product.overrides)
    versioned = rf"edge-agent (\1{release.suffix}) {release.name};"
    write_changes(
        root, name, re.sub(r"^edge-agent \((.+)\) stable;", versioned, changelog(project), flags=re.MULTILINE)
    )


def documents(root: Path, name: str) -> Path:
    """Where the documents of the package `name` lie."""
    return root / _DOCUMENTS / name


def changelog(project: Path) -> str:
    """All packages have one, here under the device's name."""
    return (project / "deploy/package/debian/changelog").read_text(encoding="utf-8")


def write_changes(root: Path, name: str, text: str) -> None:
    """The changelog in the package `name`."""
    write(documents(root, name) / "changelog.gz", text.replace("edge-agent (", f"{name} ("))


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
    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, destination)
