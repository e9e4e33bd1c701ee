"""One look through a camera: whose it is, why, and until when; and how many there may be."""

import json
from dataclasses import dataclass
from typing import Any

KEY = "live/"
"""How the keys begin under which a look is kept until its end is told."""
_MOST_BEGIN, _MOST = 20, 100
"""In a minute, of all keys together: so many may begin, and so many begin or go on. Each is an event that is never left
out, so there may not be any number."""
_MINUTE_NS = 60 * 10**9


@dataclass(frozen=True, slots=True)
class Looker:
    """Who looks."""

    issuer: str
    by: str | None
    """The name that the centre gives the person."""
    role: str

    @property
    def said(self) -> str:
        """What the person is called in a text."""
        return self.issuer if self.by is None else f"{self.by} ({self.issuer})"

    def is_same(self, other: "Looker") -> bool:
        """Return whether it is the same person: the role of a key may change meanwhile."""
        return (self.issuer, self.by) == (other.issuer, other.by)

    def named(self) -> dict[str, str]:
        """Return what the contract tells of the person, without the role."""
        return {"issuer": self.issuer} if self.by is None else {"issuer": self.issuer, "by": self.by}


@dataclass(slots=True)
class Look:
    """A look that was asked for."""

    live: str
    camera: str
    who: Looker
    reason: str
    fps: int
    began_ns: int
    ends_ns: int
    is_shown: bool
    """Whether the beacon may show it."""
    place: str | None = None
    """Of a stream: the host to which it goes. None: by pictures."""
    is_kept: bool = False
    """Whether its beginning is on the disk: before that it gets no picture."""
    pictures: int = 0
    """How many were sent while it lasted."""

    @property
    def has_stream(self) -> bool:
        """Whether a stream may leave for it."""
        return self.place is not None and self.is_kept

    @property
    def said(self) -> str:
        """What a text says of how they look."""
        return "" if self.place is None else f" by a stream to {self.place}"

    def gets_pictures(self, now_ns: int) -> bool:
        """Return whether a picture may leave for it at this moment."""
        return self.is_kept and now_ns < self.ends_ns

    def detail(self) -> dict[str, Any]:
        """Return what every security event says of it."""
        said = {"live": self.live, "camera": self.camera, "role": self.who.role, "reason": self.reason}
        return {**said, **self.who.named(), **self.rung()}

    def rung(self) -> dict[str, str]:
        """Return what the contract tells of how they look."""
        return {"rung": "pictures"} if self.place is None else {"rung": "stream", "place": self.place}

    def text(self) -> str:
        """Return what is kept of it for the next start."""
        return json.dumps(self.detail(), separators=(",", ":"))


def read_kept(key: str, text: str) -> dict[str, Any]:
    """Return the `detail` of a look that an earlier run has kept; of one that can't be read, its name."""
    unknown = {"live": key.removeprefix(KEY), "camera": "unknown", "issuer": "unknown", "role": "unknown", "reason": ""}
    try:
        kept = json.loads(text)
    except ValueError:
        kept = None
    return {**unknown, **kept} if isinstance(kept, dict) else unknown


class Pace:
    """Counts looks as they begin and go on, minute by minute."""

    def __init__(self) -> None:
        self._from_ns = 0
        self._began = self._all = 0

    def allows(self, now_ns: int, *, begins: bool) -> bool:
        """Return whether one more may begin or go on now, and count it if so."""
        if now_ns - self._from_ns >= _MINUTE_NS:
            self._from_ns, self._began, self._all = now_ns, 0, 0
        if self._all >= _MOST or (begins and self._began >= _MOST_BEGIN):
            return False
        self._all += 1
        self._began += begins
        return True
