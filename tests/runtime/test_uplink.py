from agent.core.messages import Draft
from agent.ports import Disconnected, OutgoingMessage
from agent.runtime.health import HealthBoard
from agent.runtime.security import SecurityLog
from agent.runtime.uplink import Uplink
from agent.sim.clock import SimClock
from tests.support.drafts import DRAFTS, IDENTITY


class Line:
    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.births = 0
        self.board = HealthBoard(lambda part, state: None)
        self.changes: list[bool] = []
        security = SecurityLog(DRAFTS, SimClock(), self.drafts.append)
        self.uplink = Uplink(self.board, security, self.announce, lambda change: self.changes.append(change.up))

    def announce(self) -> None:
        self.births += 1

    def kinds(self) -> list[str]:
        return [draft.topic.rpartition("/")[2] for draft in self.drafts]


def test_every_connection_is_announced() -> None:
    line = Line()
    line.uplink.connected()
    line.uplink.disconnected(Disconnected("lost", "gone"))
    line.uplink.connected()
    assert line.births == 2


def test_a_broker_that_has_us_but_has_not_taken_our_birth_is_no_uplink_yet() -> None:
    line = Line()
    line.uplink.disconnected(Disconnected("refused", "not this device"))
    line.uplink.connected()
    assert not line.board.parts()["uplink"].ok
    line.uplink.disconnected(Disconnected("refused", "not this device"))
    assert line.kinds() == ["broker-refused"]

    assert line.changes == [False, False]
    line.uplink.accepted()
    assert line.board.parts()["uplink"].ok
    assert line.changes == [False, False, True]


def test_security_trouble_is_told_once_an_outage_and_a_plain_loss_never() -> None:
    line = Line()
    for kind in ("unreachable", "lost", "tls", "tls", "refused", "refused"):
        line.uplink.disconnected(Disconnected(kind, "detail"))
    assert line.kinds() == ["tls-failed", "broker-refused"]

    line.uplink.accepted()
    line.uplink.disconnected(Disconnected("tls", "again"))
    assert line.kinds() == ["tls-failed", "broker-refused", "tls-failed"]


def test_a_refused_message_is_told_unless_it_is_itself_such_a_report() -> None:
    line = Line()
    line.uplink.refused(OutgoingMessage(IDENTITY.up("alarm", "police"), b""), "not authorized")
    line.uplink.refused(OutgoingMessage(IDENTITY.up("security", "message-refused"), b""), "not authorized")

    assert line.kinds() == ["message-refused"]
