"""Where the kit finds what it derives from: configurations of brokers and page, and guides."""

from pathlib import Path

_CHECKOUT, _PACKAGE = Path(__file__).parents[4], Path("/usr/share/edge-centre")
_IN_CHECKOUT = (_CHECKOUT / "deploy/mosquitto").is_dir()
ROOT = _CHECKOUT if _IN_CHECKOUT else _PACKAGE
PACKAGES = (_CHECKOUT if _IN_CHECKOUT else Path.cwd()) / "dist"
"""Where the playbook finds the package of the operators' page: a checkout builds it there, and an office puts it beside
its `provinces`."""
