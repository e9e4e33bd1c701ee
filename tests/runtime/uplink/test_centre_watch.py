from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agent.core.delivery.centres import Centres
from agent.core.facts import Announce, CentreWatched, UplinkChanged
from agent.ports import Received
from agent.runtime.uplink.centre_watch import CentreWatch
from tests.support.context import Collected, make_context
from tests.support.sim_clock import SimClock

ONLINE = b'{"online": true, "time": "2026-11-24T13:45:02.117Z"}'
OFFLINE = b'{"online": false, "time": "2026-11-24T13:46:02.117Z"}'


@dataclass
class Line:
    required: bool = True
    clock: SimClock = field(default_factory=SimClock)
    told: list[bool] = field(default_factory=list)
    drafts: Collected = field(default_factory=Collected)

    def __post_init__(self) -> None:
        context = make_context(self.drafts, self.clock)
        self.board = context.board
        any_part: Any = self
        self.watch = CentreWatch(
            centres=Centres(required=self.required),
            root="edge/v1",
            context=context,
            alarms=any_part,
        )

    def submit(self, fact: Announce | CentreWatched | UplinkChanged) -> None:
        assert isinstance(fact, CentreWatched)
        self.told.append(fact.online)

    def says(self, payload: bytes, centre: str = "jhb", size: int | None = None) -> None:
        topic = f"edge/v1/host/{centre}/state"
        self.watch.receive(Received(topic, payload, len(payload) if size is None else size, retain=True))

    def passes(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.watch.tick()


def test_a_change_is_told_once() -> None:
    line = Line()
    line.watch.connected()
    line.says(ONLINE)
    line.says(ONLINE, "pta")
    line.says(OFFLINE, "pta")
    line.passes(100)
    line.says(OFFLINE)
    line.passes(100)

    assert line.told == [True, False]
    assert not line.board.parts()["centre"].ok
    assert "jhb" in line.board.parts()["centre"].detail


def test_nobody_is_told_of_an_absence_before_every_centre_has_had_the_time_to_repeat_it() -> None:
    line = Line()
    line.watch.connected()
    line.passes(89)
    assert line.told == []

    line.passes(1)
    assert line.told == [False]


def test_a_connection_that_comes_back_with_the_same_answer_tells_nothing_new() -> None:
    line = Line()
    for _ in range(3):
        line.watch.connected()
        line.says(ONLINE)
        line.watch.disconnected()
        line.passes(100)

    assert line.told == [True]


def test_a_name_that_no_centre_may_have_is_not_remembered() -> None:
    line = Line()
    line.watch.connected()
    line.says(ONLINE, "x" * 60_000)
    line.passes(90)

    assert line.told == [False]
    assert len(line.drafts) == 1


def test_another_broker_on_which_nobody_watches_is_told() -> None:
    line = Line()
    line.watch.connected()
    line.says(ONLINE)
    line.watch.connected()
    line.passes(90)

    assert line.told == [True, False]


def test_nonsense_is_a_security_event_changes_nothing_and_can_not_flood() -> None:
    line = Line()
    line.watch.connected()
    line.says(ONLINE)
    for _ in range(100):
        line.says(b'{"online": "no"}', "x" * 60_000)
    line.says(b'{"online": false', size=10**6)

    assert line.told == [True]
    assert len(line.drafts) == 20
    assert line.drafts[0].topic.endswith("up/security/centre-state-ignored")
    assert all(len(str(draft.data)) < 2000 for draft in line.drafts)
