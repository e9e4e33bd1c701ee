"""Parses the `source` of a camera's settings."""

from dataclasses import dataclass
from typing import Literal

from agent.core.errors import CameraError

Kind = Literal["picamera2", "v4l2", "stream", "file"]
_LOOP = "?loop=1"


@dataclass(frozen=True, slots=True)
class Source:
    """What kind of camera, and where. `target` of a stream may hold a password."""

    kind: Kind
    target: str
    loop: bool = False
    """Start a file again at its end."""


def parse_source(text: str) -> Source:
    """Parse `picamera2:0`, `v4l2:/dev/video0`, `rtsp://...`, `file:PATH` or `file:PATH?loop=1`. Raises CameraError.

    PATH is a video or a folder of pictures.
    """
    if text.startswith(("rtsp://", "rtsps://")):
        return Source("stream", text)
    kind, _, target = text.partition(":")
    if kind == "picamera2" and target.isdecimal():
        return Source("picamera2", target)
    if kind == "v4l2" and target.startswith("/"):
        return Source("v4l2", target)
    if kind == "file" and target.removesuffix(_LOOP):
        return Source("file", target.removesuffix(_LOOP), loop=target.endswith(_LOOP))
    raise CameraError(
        "the camera's source is not understood: use picamera2:N, v4l2:/dev/videoN, rtsp://HOST/PATH or file:PATH"
    )
