"""Whether a device is there, over all brokers."""

from collections import deque
from statistics import median

from agent.centre.notices import Presence, PresenceChanged
from agent.contract.messages import StateData

_HEALTH_S = 60.0
"""How often a device reports its health, until two reports have shown it."""
_SHORTEST_S, _LONGEST_S = 5.0, 3600.0
_INTERVALS = 3
_NEVER = (0, -1, False)


class PresenceWatch:
    """Follows the states of one device, and notices its silence. Pure, one thread."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.presence = Presence.UNKNOWN
        self._newest = _NEVER
        """Epoch, `bdseq`, and whether that connection is over."""
        self._start = ""
        self._heard_s = 0.0
        self._report: tuple[str, int] | None = None
        self._intervals: deque[float] = deque(maxlen=5)

    def state(self, rank: int, data: StateData) -> list[PresenceChanged]:
        """Take in a state of the epoch with this rank. An older one says nothing, whichever broker has kept it."""
        this = (rank, data.bdseq, data.state != "online")
        if this <= self._newest:
            return []
        restarted = bool(self._start) and data.boot_nonce != self._start and data.state == "online"
        self._newest = this
        if data.state == "online":
            self._start = data.boot_nonce
        return self._become(Presence(data.state), restarted=restarted)

    @property
    def rank(self) -> int:
        """The rank of the epoch that the newest state is of; 0 before the first."""
        return self._newest[0]

    def alive(self, now_s: float) -> list[PresenceChanged]:
        """Note that the device itself has just spoken."""
        self._heard_s = now_s
        return self._become(Presence.ONLINE) if self.presence is Presence.SILENT else []

    def health(self, boot_id: str, monoms: int) -> None:
        """Note a health report, from which the interval is learnt."""
        if self._report is not None and self._report[0] == boot_id and monoms > self._report[1]:
            self._intervals.append((monoms - self._report[1]) / 1000)
        self._report = (boot_id, monoms)

    def tick(self, now_s: float, listening_since_s: float | None) -> list[PresenceChanged]:
        """Notice silence. `listening_since_s`: since when some broker has been connected; None if none is."""
        if self.presence is not Presence.ONLINE or listening_since_s is None:
            return []
        interval_s = min(_LONGEST_S, max(_SHORTEST_S, median(self._intervals or (_HEALTH_S,))))
        is_silent = now_s - max(self._heard_s, listening_since_s) > _INTERVALS * interval_s
        return self._become(Presence.SILENT) if is_silent else []

    def _become(self, presence: Presence, *, restarted: bool = False) -> list[PresenceChanged]:
        before, self.presence = self.presence, presence
        if presence is before and not restarted:
            return []
        return [PresenceChanged(self._source, presence, before, restarted)]
