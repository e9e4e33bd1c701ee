"""Everything that a person can set, and the code that reads it."""

from agent.settings.example import left_of_example
from agent.settings.file import load
from agent.settings.tree import CameraSettings, Settings, mask_url
from agent.settings.wiring import SirenSettings
from agent.settings.zones import DAYS, HoursSettings, ZoneSettings

__all__ = [
    "DAYS",
    "CameraSettings",
    "HoursSettings",
    "Settings",
    "SirenSettings",
    "ZoneSettings",
    "left_of_example",
    "load",
    "mask_url",
]
