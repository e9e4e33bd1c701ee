"""What a person can set, and the reading of it."""

from agent.settings.file import load
from agent.settings.tree import Camera, Settings, mask_url
from agent.settings.wiring import Siren

__all__ = ["Camera", "Settings", "Siren", "load", "mask_url"]
