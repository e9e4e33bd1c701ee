"""Listens to the states of the command centres, and reports whether one is watching."""

from typing import Protocol

from agent.contract.host_state import CentreStateError, centre_name, read_state
from agent.core.delivery.centres import Centres
from agent.core.facts import Announce, CentreWatched, UplinkChanged
from agent.ports import Received
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.security import TOPIC_LENGTH


class KioskAlarms(Protocol):
    """The pipeline, which is of a room above. Any thread."""

    @property
    def open_ids(self) -> frozenset[str]:
        """Identifiers of the open alarms, which a change of path could disturb."""
        ...

    def submit(self, fact: Announce | CentreWatched | UplinkChanged) -> None:
        """Queue a fact. Never blocks."""
        ...


class CentreWatch:
    """The part `centre`. Everything on the publisher's thread."""

    def __init__(
        self,
        *,
        centres: Centres,
        root: str,
        context: Context,
        alarms: KioskAlarms,
    ) -> None:
        """`alarms` gets the first verdict, and each change between watched and not watched."""
        self._centres = centres
        self.tree = f"{root}/host/"
        """Prefix of the topics on which centres publish their state."""
        self._clock = context.clock
        self._board = context.board
        self._security = context.security
        self._alarms = alarms
        self._reported: CentreWatched | None = None

    def somebody(self) -> bool:
        """Return whether a centre on the broker in use says that it is watching."""
        return self._centres.somebody(self._clock.boottime_ns())

    def nobody(self) -> bool:
        """Return whether the required centre is known to be absent on the broker in use."""
        watched = self._centres.watched(self._clock.boottime_ns())
        return watched is not None and not watched.online

    def connected(self) -> None:
        """Start over: a broker has accepted us, and will send the states of centres that it has retained."""
        self._centres.connected(self._clock.boottime_ns())

    def disconnected(self) -> None:
        """Forget the states of the centres, until a broker accepts us again."""
        self._centres.disconnected(self._clock.boottime_ns())

    def receive(self, message: Received) -> None:
        """Take in the state of a centre."""
        centre = message.topic.removeprefix(self.tree).removesuffix("/state")
        try:
            said = read_state(message.payload, message.size)
            now_ns = self._clock.boottime_ns()
            self._centres.heard(centre_name(centre), said, now_ns, retained=message.retain)
        except CentreStateError as error:
            topic = message.topic[:TOPIC_LENGTH]
            self._security.report("centre-state-ignored", f"{topic}: {error}", topic=topic)
        self.tick()

    def tick(self) -> None:
        """Report what has changed, by a message or because time has passed."""
        watched = self._centres.watched(self._clock.boottime_ns())
        if watched is None or watched == self._reported:
            return
        changed = self._reported is None or self._reported.online != watched.online
        self._reported = watched
        self._board.report("centre", ok=watched.online, detail=watched.detail)
        if changed:
            self._alarms.submit(watched)
