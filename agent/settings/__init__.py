"""What a person can set, and the reading of it."""

from agent.settings.file import load
from agent.settings.tree import Camera, Settings, mask_url

__all__ = ["Camera", "Settings", "load", "mask_url"]
