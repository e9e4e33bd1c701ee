"""What a page may ask for: only what has the form of a device's uploaded segments, whatever else is in the address."""

import re
from typing import Literal, NamedTuple
from urllib.parse import parse_qs

from agent.contract.stores import is_object_name
from edge_centre.viewing.refusal import RefusalError

MOST_PARTS = 400
"""Of a clip in one question: 27 characters each, within what nginx takes as an address."""
_PATH = re.compile(r"/clips/((?:[a-z0-9-]{1,64}/){2}[a-z0-9-]{1,64})/([a-z0-9-]{1,64})/(part|verdict|export)")
_ID = re.compile(r"[0-9a-f-]{0,36}")


class Asked(NamedTuple):
    """A question that may be answered."""

    what: Literal["part", "verdict", "export"]
    device: str
    """PROVINCE/SITE/ID."""
    camera: str
    parts: tuple[str, ...]
    """Names of objects, as the device gave them, in the order of their times."""
    clip: str
    alarm: str
    """Empty where the page does not say."""

    def place(self, part: str) -> str:
        """Return where a part is below the store's prefix."""
        return f"{self.device}/{part}"


def read(target: str) -> Asked:
    """Read the target of a request: `/clips/DEVICE/CAMERA/WHAT?parts=DAY/HOUR/MM-SS.mmmZ.N,...&clip=UUID&alarm=UUID`.

    Raises RefusalError.
    """
    path, _, query = target.partition("?")
    found = _PATH.fullmatch(path)
    if found is None:
        raise RefusalError(404, "there is nothing of that name here")
    try:
        fields = parse_qs(query, strict_parsing=True, max_num_fields=3)
    except ValueError:
        raise RefusalError(400, "the address names no parts") from None
    clip, alarm = (fields.get(name, [""])[0] for name in ("clip", "alarm"))
    device, camera, what = found.groups()
    names = sorted({f"{camera}/{part}.mp4" for part in fields.get("parts", [""])[0].split(",")})
    if len(names) > MOST_PARTS or (what == "part" and len(names) != 1):
        raise RefusalError(400, f"name from one to {MOST_PARTS} parts")
    if not all(map(is_object_name, names)) or not (_ID.fullmatch(clip) and _ID.fullmatch(alarm)):
        raise RefusalError(400, "that is not what a device calls a part of a recording")
    return Asked(what, device, camera, tuple(names), clip, alarm)  # type: ignore[arg-type]
