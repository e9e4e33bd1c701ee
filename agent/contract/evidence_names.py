"""What an uploaded segment of a recording is called, as ONVIF's Recording Control has it behind its prefix."""

import re

OBJECT_NAME = r"^[a-z0-9-]{1,64}/\d{4}-\d\d-\d\d/\d\d/\d\d-\d\d\.\d{3}Z\.\d{1,9}(\.mp4|_end)$"
"""Camera, day, hour, minute and second at which it begins (UTC), and its number."""


def is_object_name(text: str) -> bool:
    """Whether a segment may be called so: digits are those of ASCII, as in a JSON Schema."""
    return re.fullmatch(OBJECT_NAME, text, re.ASCII) is not None
