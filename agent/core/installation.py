"""How this agent was installed: from the package, or as a developer's checkout."""

from pathlib import Path

INSTALL_AGAIN = "install the package's file again: sudo apt-get install --reinstall ./edge-agent_*.deb"
"""No archive carries the package, so apt needs its file."""
_PACKAGED_CODE = Path("/opt/edge-agent")
_CODE = Path(__file__)


def is_packaged() -> bool:
    """Return whether this agent comes from the package, whose code belongs to root."""
    return _PACKAGED_CODE in _CODE.parents
