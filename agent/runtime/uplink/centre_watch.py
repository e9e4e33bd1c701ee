"""Listens to what the command centres say of themselves, and tells whether anybody watches."""

from collections.abc import Callable

from agent.core.delivery.centres import Centres, CentreStateError, centre_name, read_state
from agent.core.events import CentreWatched
from agent.ports import Clock, Received
from agent.runtime.supervision.health import HealthBoard
from agent.runtime.supervision.security import TOPIC_LENGTH, SecurityLog


class CentreWatch:
    """The part `centre`. Everything on the publisher's thread."""

    def __init__(
        self,
        *,
        centres: Centres,
        root: str,
        clock: Clock,
        board: HealthBoard,
        security: SecurityLog,
        tell: Callable[[CentreWatched], None],
        pass_on: Callable[[Received], None],
    ) -> None:
        """`tell` hears of each change between watched and not watched, the first verdict included. `pass_on` gets
        what is no centre's state."""
        self._centres = centres
        self._tree = f"{root}/host/"
        self._clock = clock
        self._board = board
        self._security = security
        self._tell = tell
        self._pass_on = pass_on
        self._told: CentreWatched | None = None

    def somebody(self) -> bool:
        """Whether a centre says, on the broker in use, that it watches."""
        return self._centres.somebody(self._clock.boottime_ns())

    def nobody(self) -> bool:
        """Whether it is known that nobody watches, on the broker in use, who should."""
        watched = self._centres.watched(self._clock.boottime_ns())
        return watched is not None and not watched.online

    def connected(self) -> None:
        """A broker has us, and will say what it has retained of the centres."""
        self._centres.connected(self._clock.boottime_ns())

    def disconnected(self) -> None:
        """Nothing is known until a broker has us again."""
        self._centres.disconnected(self._clock.boottime_ns())

    def received(self, message: Received) -> None:
        """A message came down."""
        if not message.topic.startswith(self._tree):
            self._pass_on(message)
            return
        centre = message.topic.removeprefix(self._tree).removesuffix("/state")
        try:
            said = read_state(message.payload, message.size)
            now_ns = self._clock.boottime_ns()
            self._centres.heard(centre_name(centre), said, now_ns, retained=message.retain)
        except CentreStateError as error:
            topic = message.topic[:TOPIC_LENGTH]
            self._security.report("centre-state-ignored", "warning", f"{topic}: {error}", topic=topic)
        self.turned()

    def turned(self) -> None:
        """Time has passed; tell what has changed."""
        watched = self._centres.watched(self._clock.boottime_ns())
        if watched is None or watched == self._told:
            return
        changed = self._told is None or self._told.online != watched.online
        self._told = watched
        self._board.report("centre", ok=watched.online, detail=watched.detail)
        if changed:
            self._tell(watched)
