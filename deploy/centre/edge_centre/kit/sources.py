"""Where the kit finds what it derives from: configurations of brokers and page, and guides."""

from pathlib import Path

_PLACES = (Path(__file__).parents[4], Path("/usr/share/edge-centre"))
"""A checkout; the package."""
ROOT = next((place for place in _PLACES if (place / "deploy/mosquitto").is_dir()), _PLACES[-1])
