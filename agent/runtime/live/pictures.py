"""Takes pictures of the cameras through which somebody looks, and offers each to the broker: none waits anywhere."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from agent.contract.live import LIVE, MAX_BYTES
from agent.core.camera.link import LIVE as PICTURE
from agent.core.errors import MessageRefused
from agent.ports import Line, OutgoingMessage
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.uplink.sender import Sender

_ANSWER_NS = 10**9
"""How long a camera may take for a picture before it is asked for another."""
_BLIND_NS = 10 * 10**9
"""A camera that gives no picture for this long is taken for one that gives none."""
_EXPIRY_S = 1
_BUSY_S = 0.05
"""How long a picture may keep the line, so that an alarm never stands behind it for long."""
_LEAST_BYTES, _FIRST_BYTES = 4 * 1024, 8 * 1024
_RETRY_NS, _RETRY_NONE_NS = 20_000_000, 250_000_000
"""How soon to look again at a line that was busy, or at none."""


class PictureSize:
    """Finds out how large a picture may be, from what the line has done with the last one: smaller at once,
    larger step by step."""

    def __init__(self) -> None:
        self.max_bytes = _FIRST_BYTES
        self.due_ns: int | None = None
        """When to call `tick`: the line should be idle again by then. None if nothing was sent since the last time."""

    def sent(self, line: Line, now_ns: int) -> None:
        """Note that a picture has been sent on a line that was as this says."""
        self.due_ns = now_ns + int((line.rtt_s + _BUSY_S) * 1e9)

    def refused(self) -> None:
        """Note that a picture was too large for the broker: nothing was sent, so there will be no `tick`."""
        self.max_bytes = max(self.max_bytes // 2, _LEAST_BYTES)

    def tick(self, line: Line | None) -> None:
        """Take in how the line is at the moment that was due."""
        self.due_ns = None
        if line is not None:
            wanted = self.max_bytes * 7 // 5 if line.is_idle else self.max_bytes // 2
            self.max_bytes = min(max(wanted, _LEAST_BYTES), MAX_BYTES)


@dataclass(slots=True)
class _Camera:
    """The pictures of one camera, for everybody who looks through it."""

    got_ns: int
    """When the last one came."""
    due_ns: int = 0
    asked: str | None = None
    asked_ns: int = 0


class Pictures:
    """Not for more than one thread at a time."""

    def __init__(self, cameras: Cameras, sender: Sender, topic: Callable[..., str]) -> None:
        self._cameras = cameras
        self._sender = sender
        self._topic = topic
        self._size = PictureSize()
        self._wanted: dict[str, _Camera] = {}

    def begin(self, camera: str, now_ns: int) -> None:
        """Take pictures of this camera too."""
        self._wanted.setdefault(camera, _Camera(got_ns=now_ns))

    def end(self, camera: str) -> None:
        """Take no more of it."""
        self._wanted.pop(camera, None)

    def is_blind(self, camera: str, now_ns: int) -> bool:
        """Return whether a camera that was asked for pictures has given none for long."""
        wanted = self._wanted.get(camera)
        return wanted is not None and now_ns - wanted.got_ns >= _BLIND_NS

    def tick(self, now_ns: int, fps: Callable[[str], int]) -> list[int]:
        """Ask for the pictures that are due, `fps` a second; return when to do so again."""
        if self._size.due_ns is not None and now_ns >= self._size.due_ns:
            self._size.tick(self._sender.line())
        due_ns = [self._ask(camera, wanted, now_ns, fps(camera)) for camera, wanted in self._wanted.items()]
        return due_ns if self._size.due_ns is None else [*due_ns, self._size.due_ns]

    def _ask(self, camera: str, wanted: _Camera, now_ns: int, fps: int) -> int:
        """Ask a camera for a picture if it is time; returns when to look again."""
        if wanted.asked is not None and now_ns - wanted.asked_ns < _ANSWER_NS:
            return wanted.asked_ns + _ANSWER_NS
        if now_ns < wanted.due_ns:
            return wanted.due_ns
        wanted.asked = None
        line = self._sender.line()
        if line is None or not line.is_idle:
            wanted.got_ns = now_ns  # the camera is not to blame
            return now_ns + (_RETRY_NONE_NS if line is None else _RETRY_NS)
        period_ns = 10**9 // fps
        wanted.due_ns = period_ns + (wanted.due_ns if now_ns - wanted.due_ns < period_ns else now_ns)
        picture_id = PICTURE + secrets.token_hex(8)
        if self._cameras.snapshot(picture_id, camera, self._size.max_bytes) is None:
            return now_ns + period_ns
        wanted.asked, wanted.asked_ns = picture_id, now_ns
        return now_ns + _ANSWER_NS

    def came(self, picture_id: str, jpeg: bytes | None, now_ns: int) -> tuple[str, bytes] | None:
        """Take what a camera has given; return its name and the picture, if that may go to whoever looks."""
        for camera, wanted in self._wanted.items():
            if wanted.asked == picture_id:
                wanted.asked = None
                if jpeg is None or len(jpeg) > MAX_BYTES:
                    return None
                wanted.got_ns = now_ns
                return camera, jpeg
        return None

    def send(self, camera: str, jpeg: bytes, now_ns: int) -> bool:
        """Offer a picture to the broker; return whether it has left."""
        message = OutgoingMessage(self._topic(LIVE, camera), jpeg, qos=0, expiry_s=_EXPIRY_S, content_type="image/jpeg")
        line = self._sender.line()
        try:
            is_sent = line is not None and self._sender.offer(message)
        except MessageRefused:
            self._size.refused()
            return False
        if line is not None and is_sent:
            self._size.sent(line, now_ns)
        return is_sent
