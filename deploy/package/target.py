"""What differs between the machines that the package is built for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PYTHON = "3.11"
"""Bookworm's, and so Raspberry Pi OS's."""
GLIBC_MINOR = 36
"""Bookworm has 2.36."""
DIRECTORY = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Target:
    """One architecture of Debian and what its package is made of."""

    arch: str
    machine: str
    """As wheels name it."""
    libraries: tuple[str, ...]
    """What the package holds beside the dependencies of pyproject.toml, as pip's requirements."""
    excluded: tuple[str, ...] = ()
    """What these libraries ask for and the agent never loads, or what Debian gives."""
    older_tags: tuple[str, ...] = ("manylinux2014",)
    depends: tuple[str, ...] = ()
    suggests: tuple[str, ...] = ()

    @property
    def lock(self) -> Path:
        """Versions and SHA-256 of every wheel in the package."""
        return DIRECTORY / "locks" / f"{self.arch}.txt"

    def pip_options(self) -> list[str]:
        """Make pip choose wheels for this machine. Every tag is named: a missing one changes the answer."""
        return ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}", *self._platforms()]

    def _platforms(self) -> Iterator[str]:
        for minor in range(GLIBC_MINOR, 4, -1):
            yield f"--platform=manylinux_2_{minor}_{self.machine}"
        for tag in (*self.older_tags, "linux"):
            yield f"--platform={tag}_{self.machine}"


# Not 0.0.0.2, which pip takes in silence where 0.2.2.0 has no wheel.
_PINS = "lgpio==0.2.2.0"
# numpy 1, because picamera2 and libcamera of Bookworm are built for it and share the camera's process.
_VISION = (_PINS, "numpy<2", "opencv-python-headless<4.12", "ai-edge-litert>=1.2")
# LiteRT's converters and compilers, colorzero's installer, and what parses C headers for cffi.
_NEVER_LOADED = ("backports.strenum", "flatbuffers", "ml_dtypes", "protobuf", "pycparser", "setuptools", "tqdm")
_PICAMERA2 = "python3-picamera2"

TARGETS = {
    target.arch: target
    for target in (
        Target("arm64", "aarch64", _VISION, _NEVER_LOADED, suggests=(_PICAMERA2,)),
        Target(
            "armhf",
            "armv7l",
            (_PINS, "tflite-runtime==2.14.0"),
            # PyPI has neither cffi nor numpy nor OpenCV for 32-bit Arm. Debian has them all.
            (*_NEVER_LOADED, "cffi", "cryptography", "numpy"),
            depends=("python3-cryptography",),
            suggests=("python3-numpy", "python3-opencv", _PICAMERA2),
        ),
        Target("amd64", "x86_64", _VISION, _NEVER_LOADED, older_tags=("manylinux2014", "manylinux2010", "manylinux1")),
    )
}
