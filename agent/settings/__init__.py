"""Everything that a person can set, and the code that reads it."""

from agent.core.camera.settings import CameraSettings
from agent.settings.file import lamps_despite_mistakes, load
from agent.settings.tree import Settings, mask_url
from agent.settings.wiring import SirenSettings

__all__ = [
    "CameraSettings",
    "Settings",
    "SirenSettings",
    "lamps_despite_mistakes",
    "load",
    "mask_url",
]
