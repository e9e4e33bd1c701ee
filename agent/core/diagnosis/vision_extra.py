"""Advice for systems without the vision libraries."""

import sys

from agent.core.installation import INSTALL_AGAIN, is_packaged


def install_advice(maxsize: int = sys.maxsize, minor: int = sys.version_info.minor) -> str:
    """Return the advice for this Python: its `sys.maxsize` (below 2^32 on a 32-bit system) and its minor version."""
    is_32_bit = maxsize < 2**32
    if is_32_bit and minor > 11:
        return (
            "buttons only, because no model runtime is published for 32-bit Debian 13: use the 64-bit system"
            " for a camera"
        )
    if not is_packaged():
        return "install the agent with its `vision` extra"
    return "`sudo apt-get install python3-numpy python3-opencv`" if is_32_bit else INSTALL_AGAIN
