"""A Hailo for tests: a stand-in of HailoRT's package, and a model for it. A process gets it by PYTHONPATH."""

import hashlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakSet

import pytest

from agent.core.camera.model_decoders import NmsByClass
from agent.core.camera.model_manifest import ModelManifest
from agent.models.store import ModelStore, StoredModel
from tests.support.hailo_stand_in import hailo_platform
from tests.support.vision_media import MODELS, model_directories

MODEL = "movenet-person-hailo"


@pytest.fixture
def hailo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """HailoRT's package, as the agent imports it; its device is free."""
    monkeypatch.setattr(hailo_platform, "in_use", WeakSet())
    monkeypatch.setitem(sys.modules, "hailo_platform", hailo_platform)
    return hailo_platform


def hailo_model(directory: Path, compiled: dict[str, Any] | None = None, **changes: Any) -> StoredModel:
    """Put the built person model, compiled for a Hailo, into this directory.

    `compiled` changes what the file says of itself: `chip`, `classes`. `changes` are to the manifest.
    """
    manifest, path, _ = ModelStore([Path(entry) for entry in model_directories()]).load(MODELS[0])
    runs = path.with_name(f"{MODELS[0]}.json")
    description = {"chip": hailo_platform.CHIP, "manifest": str(runs), **(compiled or {})}
    content = hailo_platform.MAGIC + json.dumps(description).encode()
    values = {
        "name": MODEL,
        "file": f"{MODEL}.hef",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "decoder": NmsByClass(),
        "labels": ("bicycle", "person"),
    }
    described = ModelManifest.model_validate({**manifest.model_dump(), **values, **changes})
    (directory / described.file).write_bytes(content)
    (directory / f"{described.name}.json").write_text(described.model_dump_json())
    return StoredModel(described, directory / described.file, content)
