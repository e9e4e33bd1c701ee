"""What differs between the machines that the package is built for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).parent
HOME = Path("opt/edge-agent")


@dataclass(frozen=True, slots=True)
class Release:
    """A Debian, and so the Raspberry Pi OS of the same name. Wheels and byte code are for its Python alone."""

    name: str
    number: int
    python: str
    glibc_minor: int

    @property
    def suffix(self) -> str:
        """What tells the packages of one version apart; an upgrade of Debian goes upwards."""
        return f"+deb{self.number}"


BOOKWORM = Release("bookworm", 12, "3.11", 36)
TRIXIE = Release("trixie", 13, "3.13", 41)
RELEASES = (BOOKWORM, TRIXIE)


@dataclass(frozen=True, slots=True)
class Target:
    """One architecture of one Debian and what its package is made of."""

    release: Release
    arch: str
    machine: str
    """As wheels name it."""
    libraries: tuple[str, ...]
    """What the package holds beside the dependencies of pyproject.toml, as pip's requirements."""
    excluded: tuple[str, ...] = ()
    """What these libraries ask for and the agent never loads, or what Debian gives."""
    older_tags: tuple[str, ...] = ("manylinux2014",)
    depends: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()
    suggests: tuple[str, ...] = ()
    product: str = "edge-agent"
    """The package's name: a device's, or the office's."""

    @property
    def name(self) -> str:
        """As in TARGETS."""
        return f"{self.release.name}-{self.arch}"

    @property
    def lock(self) -> Path:
        """Versions and SHA-256 of every wheel in the package."""
        return DIRECTORY / "locks" / f"{self.name}{'' if self.home == HOME else f'-{self.product}'}.txt"

    @property
    def home(self) -> Path:
        """Where its own environment lies, below the root of the machine."""
        return Path("opt") / self.product

    @property
    def site_packages(self) -> Path:
        """Where the libraries lie, below the root of the machine."""
        return self.home / f"lib/python{self.release.python}/site-packages"

    def file_name(self, version: str) -> str:
        """The package's, of the agent's `version`."""
        return f"{self.product}_{version}{self.release.suffix}_{self.arch}.deb"

    def pip_options(self) -> list[str]:
        """Make pip choose wheels for this machine. Every tag is named: a missing one changes the answer."""
        return [
            "--only-binary=:all:",
            "--implementation=cp",
            f"--python-version={self.release.python}",
            *self._platforms(),
        ]

    def _platforms(self) -> Iterator[str]:
        for minor in range(self.release.glibc_minor, 4, -1):
            yield f"--platform=manylinux_2_{minor}_{self.machine}"
        for tag in (*self.older_tags, "linux"):
            yield f"--platform={tag}_{self.machine}"


# Not 0.0.0.2, which pip takes in silence where 0.2.2.0 has no wheel.
_PINS = "lgpio==0.2.2.0"
# numpy 1, because picamera2 and libcamera of Bookworm are built for it and share the camera's process.
_VISION = (_PINS, "numpy<2", "opencv-python-headless<4.12", "ai-edge-litert>=1.2")
# OpenCV 5 resizes otherwise on Arm than on a PC, by more than rounding in the model explains (make arm-smoke).
_VISION_TRIXIE = ("numpy>=2.2", "opencv-python-headless>=4.12,<5", "ai-edge-litert>=1.2")
# LiteRT's converters and compilers, colorzero's installer, and what parses C headers for cffi.
_NEVER_LOADED = ("backports.strenum", "flatbuffers", "ml_dtypes", "protobuf", "pycparser", "setuptools", "tqdm")
# PyPI has neither cffi nor numpy nor OpenCV for 32-bit Arm. Debian has them all.
_NOT_FOR_ARMHF = (*_NEVER_LOADED, "cffi", "cryptography", "numpy")
_AMD64_TAGS = ("manylinux2014", "manylinux2010", "manylinux1")
_PICAMERA2 = ("python3-picamera2",)
# No wheel for Python 3.13. Raspberry Pi OS has it, and Debian itself has not, where cameras work all the same.
_LGPIO = ("python3-lgpio",)

TARGETS = {
    target.name: target
    for target in (
        Target(BOOKWORM, "arm64", "aarch64", _VISION, _NEVER_LOADED, suggests=_PICAMERA2),
        Target(
            BOOKWORM,
            "armhf",
            "armv7l",
            (_PINS, "tflite-runtime==2.14.0"),
            _NOT_FOR_ARMHF,
            depends=("python3-cryptography",),
            suggests=("python3-numpy", "python3-opencv", *_PICAMERA2),
        ),
        Target(BOOKWORM, "amd64", "x86_64", _VISION, _NEVER_LOADED, _AMD64_TAGS),
        Target(TRIXIE, "arm64", "aarch64", _VISION_TRIXIE, _NEVER_LOADED, recommends=_LGPIO, suggests=_PICAMERA2),
        # Nobody publishes a runtime of models for it: buttons only.
        Target(TRIXIE, "armhf", "armv7l", (), _NOT_FOR_ARMHF, depends=("python3-cryptography",), recommends=_LGPIO),
        Target(TRIXIE, "amd64", "x86_64", _VISION_TRIXIE, _NEVER_LOADED, _AMD64_TAGS, recommends=_LGPIO),
    )
}
"""By name, such as trixie-arm64."""
# No office has a 32-bit machine.
OFFICE = {
    target.name: target
    for target in (
        Target(release, arch, machine, (), ("pycparser",), tags, product="edge-centre")
        for release in RELEASES
        for arch, machine, tags in (("amd64", "x86_64", _AMD64_TAGS), ("arm64", "aarch64", ("manylinux2014",)))
    )
}
"""Of the office, by the same names."""
