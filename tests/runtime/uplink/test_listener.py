from typing import Any
from unittest.mock import create_autospec

import pytest

from agent.core.facts import Announce, CentreWatched, UplinkChanged
from agent.ports import Connected, OutgoingMessage, Received
from agent.runtime.uplink.announcer import Announcer
from agent.runtime.uplink.centre_watch import CentreWatch
from agent.runtime.uplink.listener import UplinkListener
from agent.trust.disconnected import TAKEN_OVER, Disconnected
from tests.support.context import Collected, make_context
from tests.support.drafts import IDENTITY


class Line:
    def __init__(self) -> None:
        self.drafts = Collected()
        self.births = 0
        self.deaf: list[str] = []
        self.commands: list[Received] = []
        self.watch = create_autospec(CentreWatch, instance=True, tree="edge/v1/host/")
        self.changes: list[bool] = []
        self.moves = 0
        self.uplink = self.make()

    def make(self) -> UplinkListener:
        context = make_context(self.drafts)
        self.board = context.board
        any_part: Any = self
        return UplinkListener(
            context=context,
            announcer=create_autospec(Announcer, instance=True),
            watch=self.watch,
            alarms=any_part,
            delivered=lambda _: None,
            command=self.commands.append,
            broker_refuses=self.deaf.append,
        )

    def submit(self, fact: Announce | CentreWatched | UplinkChanged) -> None:
        if isinstance(fact, UplinkChanged):
            self.changes.append(fact.up)
        elif isinstance(fact, Announce):
            self.births += 1
            self.moves += fact.moved

    def connected(self, *refused: str, moved: bool = False) -> None:
        self.uplink.connected(Connected("5", 20, refused=refused), "mqtt://a", moved)

    def kinds(self) -> list[str]:
        return [draft.topic.rpartition("/")[2] for draft in self.drafts]


def test_a_state_of_a_centre_goes_to_its_watch_and_every_other_message_to_whoever_verifies_it() -> None:
    line = Line()
    state, *others = [
        Received(topic, b"", 0, retain=False)
        for topic in ("edge/v1/host/jhb/state", "edge/v1/gp/site/kiosk-1/down/ack/a", "edge/v1/hostile/jhb/state")
    ]
    for message in (state, *others):
        line.uplink.received(message)

    line.watch.receive.assert_called_once_with(state)
    assert line.commands == others


def test_every_connection_is_announced() -> None:
    line = Line()
    line.connected()
    line.uplink.disconnected(Disconnected("lost", "gone"))
    line.connected()
    assert line.births == 2


def test_a_broker_that_has_us_but_has_not_taken_our_birth_is_no_uplink_yet() -> None:
    line = Line()
    line.uplink.disconnected(Disconnected("refused", "not this device"))
    line.connected()
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


def test_a_kiosk_that_another_client_throws_off_tells_the_security_centre(caplog: pytest.LogCaptureFixture) -> None:
    line = Line()
    for _ in range(2):
        line.connected()
        line.uplink.accepted()
        line.uplink.disconnected(Disconnected(TAKEN_OVER, "another client uses this device's id"))

    assert line.kinds() == ["session-taken-over", "session-taken-over"]


def test_the_log_has_one_line_of_a_failure_that_the_publisher_has_logged(caplog: pytest.LogCaptureFixture) -> None:
    line = Line()
    line.uplink.disconnected(Disconnected("tls", "not valid yet"))
    assert line.kinds() == ["tls-failed"]
    assert caplog.messages == []

    line.connected()
    line.uplink.accepted()
    line.uplink.disconnected(Disconnected("unreachable", "nobody there"))
    # Of the next broker, which the publisher does not log any more.
    line.uplink.disconnected(Disconnected("tls", "expired"))
    assert caplog.messages == ["security: tls-failed: expired"]


def test_a_broker_that_sends_more_than_can_be_read_is_told_of() -> None:
    line = Line()
    line.connected()
    line.uplink.flooded()

    assert line.kinds() == ["command-flood"]


def test_a_refused_message_is_told_unless_it_is_itself_such_a_report() -> None:
    line = Line()
    line.uplink.refused(OutgoingMessage(IDENTITY.up("alarm", "police"), b""), "not authorized")
    line.uplink.refused(OutgoingMessage(IDENTITY.up("security", "message-refused"), b""), "not authorized")

    assert line.kinds() == ["message-refused"]


def test_another_broker_than_before_is_told_to_those_who_announce() -> None:
    line = Line()
    line.connected()
    line.connected(moved=True)

    assert (line.births, line.moves) == (2, 1)


def test_a_device_that_may_not_listen_says_so_and_is_whole_again_at_a_connection_where_it_may() -> None:
    line = Line()
    line.connected("down/ack/+", "down/command/+")
    line.uplink.disconnected(Disconnected("lost", "gone"))
    line.connected("down/ack/+")

    assert "down/ack/+" in line.deaf[-1]
    assert line.births == 2
    assert line.kinds() == ["broker-refused"]
    line.connected()
    assert line.deaf[-1] == ""
