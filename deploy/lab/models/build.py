"""Builds the person models from the published package; installs them only after a check."""

import hashlib
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent.core.camera.model_decoders import Centres
from agent.core.camera.model_manifest import MadeWith, ModelInput, ModelManifest, ModelSource
from agent.core.errors import ModelError
from agent.models.cache import SCRATCH, cache_directory, only_one_at_a_time, sha256_of
from agent.models.store import BUILT_MODELS, ModelStore, install
from deploy.lab.models.npm_package import GRAPH, PACKAGE, VERSION
from deploy.lab.models.sources import fetch_sources

if TYPE_CHECKING:
    from deploy.lab.models.convert import Converted

CALIBRATION_FRAMES = 100
DECODER = Centres(outputs=("scores", "sizes", "offsets", "joints"))
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """Where a build puts its models, and what it may do. `calibration` None means `CALIBRATION_VIDEO`."""

    directory: Path
    calibration: Path | None = None
    force: bool = False


def build(options: BuildOptions, report: Report) -> list[Path]:
    """Build both models in `options.directory` and return their paths; calls `report` at each step.

    Leaves existing intact models alone, unless `force`. A second build waits for the first. Raises ModelError that says
    what to do next; nothing is changed then.
    """
    try:
        options.directory.mkdir(parents=True, exist_ok=True)
        with only_one_at_a_time(lambda: report("Waiting for another build to end")):
            _clear_away(options.directory)
            present = None if options.force else _present(options.directory)
            return present or _build(options, report)
    except OSError as error:
        raise ModelError(f"the build failed on {error.filename or 'a file'}: {error.strerror}") from error


def _build(options: BuildOptions, report: Report) -> list[Path]:
    convert = _converter()
    report("Fetching the network and the videos")
    sources = fetch_sources()
    calibration = options.calibration or sources.calibration
    if not calibration.is_file():
        raise ModelError(f"there is no video {calibration}: give --calibration one that exists")
    report(f"Converting to float32 and to int8, which {calibration.name} calibrates")
    made = convert(sources.graph, calibration, CALIBRATION_FRAMES, sources.check)
    with tempfile.TemporaryDirectory(dir=options.directory, prefix=SCRATCH) as scratch:
        return [
            install(
                _manifest(dtype, made, content, (sources.graph, calibration)),
                _written(Path(scratch) / dtype, content),
                options.directory,
            )
            for dtype, content in (("int8", made.int8), ("float32", made.float32))
        ]


def _converter() -> "Callable[[Path, Path, int, Path], Converted]":
    try:
        from deploy.lab.models.convert import convert  # noqa: PLC0415 - needs LiteRT and OpenCV
    except ImportError as error:
        raise ModelError(
            f"a build needs {error.name}, which is missing here: run `make model` on a 64-bit PC, "
            "and copy what it made to this device"
        ) from error
    return convert


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _manifest(dtype: str, made: "Converted", content: bytes, made_from: tuple[Path, Path]) -> ModelManifest:
    int8 = dtype == "int8"
    graph, video = made_from
    return ModelManifest(
        name=f"movenet-person-{dtype}",
        file=f"movenet-person-{dtype}.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        input=ModelInput(width=made.side, height=made.side, dtype="uint8" if int8 else "float32"),
        decoder=DECODER,
        labels=("person",),
        source=ModelSource(package=PACKAGE, version=VERSION, file=GRAPH, sha256=sha256_of(graph)),
        licence="Apache-2.0",
        made_with=MadeWith(
            litert=made.litert,
            python=platform.python_version(),
            machine=platform.machine(),
            calibration=video.name if int8 else None,
            calibration_sha256=sha256_of(video) if int8 else None,
            calibration_frames=made.frames if int8 else 0,
        ),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _clear_away(directory: Path) -> None:
    """Remove what a killed build has left. We hold the lock, so nobody is using it."""
    for parent in {directory, cache_directory()}:
        for left in parent.glob(f"{SCRATCH}*"):
            shutil.rmtree(left, ignore_errors=True)


def _present(directory: Path) -> list[Path] | None:
    try:
        found = [ModelStore([directory]).load(name) for name in BUILT_MODELS]
    except ModelError:
        return None
    return [each.path for each in found] if all(each.manifest.decoder == DECODER for each in found) else None
