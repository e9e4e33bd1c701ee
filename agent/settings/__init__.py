"""What a person can set, and the reading of it."""

from agent.settings.example import left_of_example
from agent.settings.file import load
from agent.settings.tree import Camera, Settings, mask_url
from agent.settings.wiring import Siren
from agent.settings.zones import DAYS, Hours, Zone

__all__ = ["DAYS", "Camera", "Hours", "Settings", "Siren", "Zone", "left_of_example", "load", "mask_url"]
