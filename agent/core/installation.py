"""How this agent came here: with the package, or as a checkout of somebody who develops it."""

from pathlib import Path

INSTALL_AGAIN = "install the package's file again: sudo apt-get install --reinstall ./edge-agent_*.deb"
"""No archive has the package, so apt wants its file."""
_PACKAGED_CODE = Path("/opt/edge-agent")
_CODE = Path(__file__)


def is_packaged() -> bool:
    """Whether this is the agent of the package, whose code belongs to root."""
    return _PACKAGED_CODE in _CODE.parents
