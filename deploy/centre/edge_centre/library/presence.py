"""Whether a device is there, over all brokers."""

from collections import deque
from collections.abc import Mapping
from math import inf
from statistics import median

from agent.contract.messages import StateData
from edge_centre.library.notices import Presence, PresenceChanged
from edge_centre.library.outages import CERTAIN, PERHAPS, Absence, Liveness

_HEALTH_S = 75.0
"""How often a device reports its health, until two reports have shown it."""
_SHORTEST_S, _LONGEST_S = 5.0, 3600.0
_INTERVALS = 2.31
"""A device that has said nothing for so many intervals of its health is silent. One report may be lost; where it comes
every 75 s a device is told gone within three minutes, time for looking around included."""
_CERTAIN_S = 60.0
"""No device is told gone earlier, however often it reports."""
_OVER_S = 120.0
"""A device that is lost or shut down may start anew in this time."""
_NEVER = (0, -1, False)


class PresenceWatch:
    """Follows the states of one device, and notices its silence. Pure, one thread."""

    def __init__(self, source: str, before: Liveness | None = None) -> None:
        """`before` is what an earlier run knew of it."""
        self._source = source
        self._is_expected = before is not None
        self.health_s = _HEALTH_S if before is None else before.health_s
        """How often it reports its health."""
        self.presence = Presence.UNKNOWN
        self._newest = _NEVER
        """Epoch, `bdseq`, and whether that connection is over."""
        self._start = ""
        self._heard_s = -inf
        self._heard_by: dict[str, float] = {}
        """When each broker last brought a word of it, as far as that was lately."""
        self._became_s = -inf
        self._report: tuple[str, int] | None = None
        self._intervals: deque[float] = deque(maxlen=5)

    def state(self, rank: int, data: StateData, now_s: float) -> list[PresenceChanged]:
        """Take in a state of the epoch with this rank. An older one says nothing, whichever broker has kept it."""
        this = (rank, data.bdseq, data.state != "online")
        if this <= self._newest:
            return []
        restarted = bool(self._start) and data.boot_nonce != self._start and data.state == "online"
        self._newest, self._became_s = this, now_s
        if data.state == "online":
            self._start = data.boot_nonce
        return self._become(Presence(data.state), restarted=restarted)

    @property
    def rank(self) -> int:
        """The rank of the epoch that the newest state is of; 0 before the first."""
        return self._newest[0]

    def alive(self, now_s: float, broker: str) -> list[PresenceChanged]:
        """Note that the device itself has just spoken."""
        self._heard_s = self._heard_by[broker] = now_s
        if len(self._heard_by) > 1:
            lately_s = now_s - 2 * self.health_s
            self._heard_by = {each: heard_s for each, heard_s in self._heard_by.items() if heard_s >= lately_s}
        return self._become(Presence.ONLINE) if self.presence is Presence.SILENT else []

    def health(self, boot_id: str, monoms: int) -> None:
        """Note a health report, from which the interval is learnt."""
        if self._report is not None and self._report[0] == boot_id and monoms > self._report[1]:
            self._intervals.append((monoms - self._report[1]) / 1000)
            self.health_s = min(_LONGEST_S, max(_SHORTEST_S, median(self._intervals)))
        self._report = (boot_id, monoms)

    def tick(self, now_s: float, listening_since_s: float | None) -> list[PresenceChanged]:
        """Notice silence. `listening_since_s`: since when some broker has been connected; None if none is."""
        if self.presence is not Presence.ONLINE or listening_since_s is None:
            return []
        is_silent = now_s - max(self._heard_s, listening_since_s) > _INTERVALS * self.health_s
        return self._become(Presence.SILENT) if is_silent else []

    @property
    def is_followed(self) -> bool:
        """Whether its going is told: it has spoken, an earlier run knew it, or a broker says that it is there or lost.

        Not of one that was shut down before we listened: it may be out of use for years.
        """
        return self._is_expected or self._heard_s > -inf or self.presence not in {Presence.UNKNOWN, Presence.OFFLINE}

    def absence(self, now_s: float, listening_since_s: float, up: Mapping[str, float]) -> Absence:
        """Return how it seems. `up` has since when each broker that is connected has been."""
        by = [up[broker] for broker in self._heard_by if broker in up]
        quiet_s = now_s - max(self._heard_s, listening_since_s, min(by, default=-inf))
        degree = CERTAIN * quiet_s / max(_CERTAIN_S, _INTERVALS * self.health_s)
        if self.presence in {Presence.LOST, Presence.OFFLINE} and self._became_s >= self._heard_s:
            over_s = now_s - max(self._became_s, listening_since_s)
            return Absence(max(degree, PERHAPS + (CERTAIN - PERHAPS) * over_s / _OVER_S), self._heard_s)
        return Absence(degree, self._heard_s, () if by else (*sorted(self._heard_by),))

    def _become(self, presence: Presence, *, restarted: bool = False) -> list[PresenceChanged]:
        before, self.presence = self.presence, presence
        if presence is before and not restarted:
            return []
        return [PresenceChanged(self._source, presence, before, restarted)]
