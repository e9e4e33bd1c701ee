"""Translates the settings into what recorders need to know."""

import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from agent import __version__
from agent.bootstrap import specs
from agent.contract.leaves import digest
from agent.core.camera.camera_kinds import kind_of
from agent.core.camera.recorder_link import KeepingSpec, RecorderSpec, UploadSpec
from agent.core.errors import MaskError, ModelError, StorageError
from agent.settings import CameraSettings, Settings

RECORDER_COMMAND = (sys.executable, "-I" if sys.flags.isolated else "-P", "-m", "agent.recorder", "--fd")
"""Starts a recorder."""


def recorder_specs(settings: Settings, boot_id: str) -> list[RecorderSpec]:
    """Return what the recorder of each camera that is recorded needs to know."""
    recorded = filter(partial(specs.is_recorded, settings), settings.cameras)
    return [recorder_spec(settings, camera, boot_id) for camera in recorded]


def recorder_spec(settings: Settings, camera: CameraSettings, boot_id: str = "") -> RecorderSpec:
    """Return what the recorder of a camera that is recorded needs to know."""
    evidence, mqtt, directory = settings.evidence, settings.mqtt, settings.storage.directory
    facts = {
        "device": settings.identity.user,
        "camera": camera.name,
        "software": f"edge-agent {__version__}",
        "boot": boot_id,
        "model": _model_facts(camera.model),
    }
    masked = True
    with suppress(MaskError):
        masks = specs.masks(camera)
        masked = bool(masks)
        # Others begin another recorder: what is in the memory of this one does not show them.
        facts |= {"masks": digest(masks)} if masks else {}
    shares = sum(each.evidence for each in settings.cameras)
    keeping = KeepingSpec(
        directory=str(directory / "evidence" / camera.name),
        facts={**facts, "masked_by_camera": True} if masked and camera.masked_by_camera else {**facts},
        key=str(mqtt.key_file),
        certificate=str(mqtt.cert_file),
        recipient=str(evidence.recipient),
        bytes=evidence.max_bytes // shares,
        days=evidence.max_age_days,
        free_bytes=evidence.keep_free_bytes,
    )
    runtime = Path(os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0])
    is_stream = kind_of(camera.source).name == "stream"
    return RecorderSpec(
        camera=camera.name,
        keeping=keeping,
        socket=str((directory if runtime == Path() else runtime) / f"recorder-{camera.name}.sock"),
        stream=camera.stream or (camera.source if is_stream else None),
        masked=masked,
        masked_by_camera=camera.masked_by_camera,
        ring_s=evidence.before_s,
        ring_bytes=evidence.ring_bytes,
        frames_per_second=evidence.frames_per_second,
        bit_rate=1000 * evidence.kbit_s,
        longest_s=evidence.longest_s,
        upload=_upload_spec(settings),
    )


def _model_facts(name: str) -> dict[str, str]:
    """Return which model looks at the pictures, and the SHA-256 that its manifest gives, where that can be read."""
    from agent.models.store import ModelStore, default_directories  # noqa: PLC0415 - a kiosk without a camera has none

    with suppress(ModelError):
        found = ModelStore(default_directories()).manifest(name)
        if found is not None:
            return {"name": name, "sha256": found.sha256}
    return {"name": name}


def _upload_spec(settings: Settings) -> UploadSpec | None:
    upload = settings.upload
    if not upload.hosts:
        return None
    try:
        spool = specs.spool(settings)
    except StorageError:  # which is told by what would upload
        return None
    shares = sum(specs.is_recorded(settings, each) for each in settings.cameras)
    return UploadSpec(directory=str(spool), bytes=upload.spool_bytes // max(1, shares), clips=upload.clips)
