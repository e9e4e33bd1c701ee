"""What to do where the libraries of vision are not there."""

import sys


def install_advice(maxsize: int = sys.maxsize, minor: int = sys.version_info.minor) -> str:
    """In words, for this Python: its `sys.maxsize` (below 2^32 on a 32-bit system) and minor version."""
    if maxsize < 2**32 and minor > 11:
        return (
            "here are buttons only, as nobody publishes what runs models on 32-bit Debian 13: take the 64-bit system"
            " for a camera"
        )
    return "install the agent with its `vision` extra"
