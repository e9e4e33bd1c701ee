"""Stores that a device uploads to: their host, and what a segment of a recording is called there."""

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator

OBJECT_NAME = r"^[a-z0-9-]{1,64}/\d{4}-\d\d-\d\d/\d\d/\d\d-\d\d\.\d{3}Z\.\d{1,9}(\.mp4|_end)$"
"""Camera, day, hour, minute and second at which it begins (UTC), and its number: as ONVIF's Recording
Control has it behind its prefix."""
_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_WHAT = "this is the host of a store, in small letters, with :PORT (1 to 65535) where it is not 443"


def _host(text: str) -> str:
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::([1-9][0-9]{0,4}))?", text)
    if found is None or int(found[2] or 443) > 65535:
        raise ValueError(_WHAT)
    name = found[1]
    if name.startswith("[") or re.fullmatch(r"[0-9.]+", name):
        try:
            ip_address(name.strip("[]"))
        except ValueError:
            raise ValueError(_WHAT) from None
    elif _NAME.fullmatch(name) is None:
        raise ValueError(_WHAT)
    return text


Host = Annotated[str, AfterValidator(_host)]


def is_object_name(text: str) -> bool:
    """Whether a segment may be called so: digits are those of ASCII, as in a JSON Schema."""
    return re.fullmatch(OBJECT_NAME, text, re.ASCII) is not None
