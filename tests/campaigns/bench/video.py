"""A copy of a video that plays at another rate."""

import struct
from pathlib import Path

_STREAM_HEADER = b"strh"
_IS_VIDEO = b"vids"
_SCALE_AT = 28
"""Where an AVI stream header, from its name on, holds two numbers: frames a second are the second by the first."""


def at_rate(video: Path, frames_per_second: float, copy: Path) -> Path:
    """Write a copy of an AVI whose header gives another rate; its frames stay as they are. Raises ValueError."""
    content = bytearray(video.read_bytes())
    header = content.find(_STREAM_HEADER)
    if header < 0 or content[header + 8 : header + 12] != _IS_VIDEO:
        raise ValueError(f"{video} is no AVI whose first stream is video")
    struct.pack_into("<II", content, header + _SCALE_AT, 1000, round(frames_per_second * 1000))
    copy.write_bytes(content)
    return copy
