"""Translates the settings into what camera processes need to know."""

import os
import sys
from pathlib import Path

from agent.bootstrap import specs
from agent.core.camera.vision_spec import VisionSpec
from agent.settings import CameraSettings, Settings

VISION_COMMAND = (sys.executable, "-I" if sys.flags.isolated else "-P", "-m", "agent.vision", "--fd")
"""Starts a camera process, which finds its modules where the core found its own."""


def vision_spec(settings: Settings, camera: CameraSettings, *, simulate: bool) -> VisionSpec:
    """Return everything that the process of one camera needs to know."""
    from agent.models.store import default_directories  # noqa: PLC0415 - a kiosk without a camera has no model

    directory = settings.storage.directory
    return VisionSpec(
        **dict(camera),
        simulate=simulate,
        model_directories=tuple(str(path) for path in default_directories()),
        state_models=str(directory / "models"),
        time_zone=settings.device.time_zone,
        snapshot_directory=str(directory / "snapshots" / camera.name),
        memory_directory=_memory_directory(camera),
        recorder_socket=_recorder_socket(settings, camera),
        recorded_frames_per_second=settings.evidence.frames_per_second,
        recorded_bit_rate=1000 * settings.evidence.kbit_s,
    )


def _memory_directory(camera: CameraSettings) -> str | None:
    """Return where a camera's pictures for whoever looks lie, in memory; None if no service manager gives a place."""
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return str(Path(runtime) / "pictures" / camera.name) if runtime else None


def _recorder_socket(settings: Settings, camera: CameraSettings) -> str | None:
    """Return where the recorder waits for the camera process; None if it needs nothing of that."""
    if not specs.is_recorded(settings, camera):
        return None
    from agent.bootstrap.recorder_specs import recorder_spec  # noqa: PLC0415 - most devices record nothing

    spec = recorder_spec(settings, camera)
    return spec.socket if spec.is_fed else None
