"""The kinds of camera, and how the `source` of a camera's settings names each of them. Pure."""

import re
from typing import Literal, NamedTuple


class CameraKind(NamedTuple):
    """A kind of camera. `agent.vision.camera_factory` builds it."""

    name: Literal["picamera2", "v4l2", "stream", "file"]
    pattern: str
    """What the source looks like, as a regular expression."""
    form: str
    """The same for a person."""
    is_device: bool = False
    """Whether it is a device node: then the agent needs the group `video`, and `--simulate` draws its pictures."""


KINDS = (
    CameraKind("picamera2", r"picamera2:\d+", "picamera2:N", is_device=True),
    CameraKind("v4l2", r"v4l2:/dev/\S+", "v4l2:/dev/videoN", is_device=True),
    CameraKind("stream", r"rtsps?://\S+", "rtsp://..."),
    CameraKind("file", r"file:.+", "file:PATH"),  # a video or a folder of pictures; `?loop=1` repeats the video
)


def kind_of(source: str) -> CameraKind:
    """Return the kind of camera that `source` names. Raises ValueError if it names none, which settings never do."""
    [kind] = [each for each in KINDS if re.fullmatch(each.pattern, source)]
    return kind
