"""The command centre's library, with a simulated kiosk and two real brokers."""

import queue
import re
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agent.contract.errors import BrokerError
from agent.contract.vocabulary import AckAction
from agent.trust.tls_context import TlsFiles
from edge_centre.adapters.paho_centre import CentreConnection, Heard
from edge_centre.key_files import make_key
from edge_centre.library import (
    AlarmChanged,
    Centre,
    Duplicate,
    HoleFilled,
    HoleFound,
    Mark,
    NewMessage,
    NewPicture,
    NoAnswerError,
    Notice,
    Presence,
    PresenceChanged,
    RecordLost,
    Unreadable,
)
from tests.campaigns.chaos.network import GOOD, Conditions, Network
from tests.support import made_up
from tests.support.agent_process import SOURCE, TREE, AgentProcess
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.subscriber import Subscriber
from tests.support.two_paths import PATIENT
from tests.support.wait import PATIENCE_S, wait_for

N = TypeVar("N")
WAITS = {"delayed_after_s": 60, "unconfirmed_after_s": 120}


class Watching:
    """A centre, and what it has found so far."""

    def __init__(self, *brokers: str, **options: Any) -> None:
        self.notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self.seen: list[Notice] = []
        self.centre = Centre(brokers, on_notice=self.notices.put, **options)

    def __enter__(self) -> "Watching":
        self.centre.__enter__()
        self.centre.await_connection()
        return self

    def __exit__(self, *error: Any) -> None:
        self.centre.__exit__(None, None, None)

    def next(self, kind: type[N], where: Callable[[N], bool] = lambda _: True) -> N:
        """The next notice of that kind."""
        while True:
            notice = self.notices.get(timeout=PATIENCE_S)
            self.seen.append(notice)
            if isinstance(notice, kind) and where(notice):
                return notice

    def presence(self, presence: Presence) -> PresenceChanged:
        return self.next(PresenceChanged, lambda found: found.presence is presence)

    def stage(self, stage: str) -> AlarmChanged:
        return self.next(AlarmChanged, lambda found: found.alarm.data.stage == stage)


@pytest.fixture
def both(first: Mosquitto, second: Mosquitto) -> tuple[str, str]:
    return first.url, second.url


def test_an_alarm_is_seen_taken_by_one_person_and_closed(tmp_path: Path, both: tuple[str, str]) -> None:
    agent = AgentProcess(tmp_path / "kiosk", *both, mqtt=PATIENT, alarm=WAITS, centre={"required": True})
    with Watching(*both, key=agent.key, name="jhb-centre") as watching, agent:
        centre = watching.centre
        watching.presence(Presence.ONLINE)
        agent.press()
        rung = watching.next(AlarmChanged)
        assert (rung.rings, rung.alarm.may_send_somebody) == (True, False), "a simulated press is an exercise"

        taken = centre.ack(rung.alarm, AckAction.REGISTERED, by="Thandi").result(PATIENCE_S)
        other = centre.ack(rung.alarm, AckAction.REGISTERED, by="Sipho").result(PATIENCE_S)
        assert (taken.code, other.code) == ("ok", "already-registered")
        alarm = watching.stage("registered").alarm
        assert alarm.data.held_by is not None
        assert alarm.data.held_by.by == "Thandi"
        with centre.view() as known:
            device = known.devices[SOURCE]
            assert device.lamps.as_dict() == agent.outputs()
            assert device.presence is Presence.ONLINE

        closed = centre.ack(alarm, AckAction.CLOSED, by="Thandi", reason="helped").result(PATIENCE_S)
        assert closed.code == "ok"
        assert watching.stage("closed").alarm.data.answered_by[AckAction.CLOSED].reason == "helped"
        assert centre.open_alarms() == []
        assert not any(isinstance(each, Unreadable | HoleFound) for each in watching.seen)


def test_a_kiosk_that_goes_to_the_other_broker_stays_one_device_with_one_alarm(
    tmp_path: Path, first: Mosquitto, second: Mosquitto
) -> None:
    agent = AgentProcess(tmp_path / "kiosk", first.url, second.url, mqtt=PATIENT, alarm=WAITS)
    with Watching(first.url, second.url, key=agent.key) as watching, agent:
        agent.press()
        alarm = watching.stage("sent").alarm
        first.kill()
        ordered = watching.centre.ack(alarm, AckAction.REGISTERED)
        watching.next(
            NewMessage, lambda found: found.message.broker == second.url and found.message.topic.endswith("/up/state")
        )
        assert ordered.result(PATIENCE_S).code == "ok", "the ack was repeated until somebody heard it"
        assert [alarm.alarm_id for alarm in watching.centre.open_alarms()] == [alarm.alarm_id]
        with watching.centre.view() as known:
            assert known.devices[SOURCE].presence is Presence.ONLINE
        first.start()
        assert agent.send(signal.SIGTERM) == 0
        watching.presence(Presence.OFFLINE)


def test_what_comes_while_the_program_is_away_waits_for_it_at_the_broker(tmp_path: Path, first: Mosquitto) -> None:
    agent = AgentProcess(tmp_path / "kiosk", first.url, alarm=WAITS)
    with agent:
        with Watching(first.url, session="wall-display") as watching:
            watching.presence(Presence.ONLINE)
            marks, liveness = watching.centre.marks(), watching.centre.liveness()
            assert liveness[SOURCE].gone is None
        agent.press()
        with Subscriber(first.port, [f"{TREE}/up/alarms"]) as somebody:
            somebody.wait_for(lambda heard: heard.topic == f"{TREE}/up/alarms" and b"sent" in heard.payload)
        with Watching(first.url, session="wall-display", marks=marks, liveness=liveness) as watching:
            raised = watching.next(NewMessage, lambda found: found.message.envelope.type == "edge.alarm.raised.v1")
            assert not raised.message.retain


def test_an_alarm_does_not_wait_behind_what_has_piled_up_for_a_centre_that_was_away(first: Mosquitto) -> None:
    """It is pressed when the centre is back, and heard before what waits at the broker and in the library."""
    count, topic, data = 10_000, f"{made_up.TREE}/up/event/part-degraded", {"historical": False, "part": "uplink"}
    events = [
        made_up.envelope("event.part-degraded.v1", {**data, "detail": ""}, number, record=number, recorddone=number - 1)
        for number in range(1, count + 1)
    ]
    alarm = made_up.envelope("alarm.raised.v1", made_up.alarm_json(), count + 1, record=count + 1, recorddone=count)
    with closing(CentreConnection(first.url)) as kiosk:
        kiosk.open([])
        with Watching(first.url, session="wall-display"):
            wait_for(lambda: "Sending SUBACK to wall-display-1-alarms" in first.log(), what="the session of alarms")
        [kiosk.send(topic, event) for event in events][-1].wait_for_publish(PATIENCE_S)

        def press_once(_: Heard) -> None:
            """On the thread of the centre, for which much waits when the press comes."""
            if not pressed:
                wait_for(lambda: first.log().count("Received PUBACK from wall-display-1 ") > 1000, what="events")
                pressed.append(kiosk.send(f"{made_up.TREE}/up/alarm/police", alarm))
                wait_for(lambda: "Received PUBACK from wall-display-1-alarms" in first.log(), what="the press")

        pressed: list[object] = []
        marks = {made_up.SOURCE: Mark("e1", 0)}
        with Watching(first.url, session="wall-display", marks=marks, on_heard=press_once) as watching:
            assert watching.next(AlarmChanged).rings
            assert sum(isinstance(each, NewMessage) for each in watching.seen) < 500
            watching.next(Duplicate, lambda found: found.id == f"e1-{count + 1}")
            assert sum(isinstance(each, NewMessage) for each in watching.seen) == count + 1
            assert not any(isinstance(each, HoleFound) for each in watching.seen)
            assert watching.centre.marks() == {made_up.SOURCE: Mark("e1", count + 1)}


def test_where_both_sessions_would_be_one_the_first_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A broker that takes the client id from the certificate, and a centre that has but one certificate."""
    authorities = BrokerAuthorities.create(tmp_path)
    files = authorities.centre(CENTRE)
    tls, links = TlsFiles(files.ca, files.cert, files.key), queue.SimpleQueue[bool]()
    extra = ["use_username_as_clientid true"]
    with Mosquitto(tmp_path / "broker", authorities=authorities, extra=extra) as broker:
        url = f"mqtts://localhost:{broker.centre_port}"
        with Watching(url, tls=tls, session=CENTRE, on_link=lambda _, up, __: links.put(up)):
            wait_for(lambda: "the client id of the first session" in caplog.text, what="the second session to give up")
            ups = [links.get(timeout=PATIENCE_S) for _ in range(3)]
            assert ups == [True, False, True], "it was thrown out once, and came back for good"
            assert links.empty()


@pytest.mark.parametrize(("refuses_5", "version"), [(False, 5), (True, 2)], ids=["5", "3.1.1"])
def test_a_broker_keeps_the_session_of_whoever_asks_for_it(first: Mosquitto, refuses_5: bool, version: int) -> None:
    with Network(first.port) as network:
        network.conditions = Conditions(refuses_5=refuses_5)
        with Watching(network.url, session="wall-display"), Watching(network.url):
            assert f" as wall-display-1 (p{version}, c0, " in first.log()
            assert re.search(rf" as centre-[0-9a-f]+ \(p{version}, c1, ", first.log()), "else a session for each run"


def test_an_alarm_that_a_broker_confirmed_and_did_not_pass_on_is_missed_and_is_there_after_the_replay(
    tmp_path: Path, first: Mosquitto
) -> None:
    with Network(first.port) as network:
        agent = AgentProcess(tmp_path / "kiosk", network.url, alarm=WAITS)
        with Watching(first.url, key=agent.key) as watching, agent:
            watching.presence(Presence.ONLINE)
            network.conditions = Conditions(puback=0)
            agent.press()
            watching.stage("sent")  # as the list of open alarms says, which is not swallowed
            network.conditions = GOOD
            hole = watching.next(HoleFound)
            for number in range(hole.first, hole.last + 1):
                assert watching.next(HoleFilled).number == number
            told = [each.message for each in watching.seen if isinstance(each, NewMessage)]
            raised = next(each for each in told if each.envelope.type == "edge.alarm.raised.v1")
            assert raised.envelope.record == hole.first
            assert raised.data is not None
            assert raised.data.historical
            with watching.centre.view() as known:
                assert known.devices[SOURCE].holes == []
            assert not any(isinstance(each, RecordLost) for each in watching.seen)


def test_pictures_come_to_whoever_asks_for_them(first: Mosquitto) -> None:
    with (
        Watching(first.url, filters=["edge/v1/+/+/+/up/#"]) as watching,
        Subscriber(first.port, []) as device,
    ):
        device.publish(f"{TREE}/up/snapshot/p1", b"\xff\xd8\xff")
        device.publish(f"{TREE}/up/snapshot/p1", b"\xff\xd8\xff")
        device.publish(f"{TREE}/up/health", b"\xff\xd8\xff")
        assert watching.next(NewPicture).picture_id == "p1"
        assert watching.next(Duplicate).id == "p1"
        assert watching.next(Unreadable).reason == "a picture where a message is due"


def test_a_program_that_fails_over_one_message_hears_the_next(first: Mosquitto) -> None:
    heard: queue.SimpleQueue[Notice] = queue.SimpleQueue()

    def fails(notice: Notice) -> None:
        heard.put(notice)
        raise ValueError("a mistake of the program")

    with Centre([first.url], on_notice=fails) as centre, Subscriber(first.port, []) as device:
        centre.await_connection()
        for payload in (b"one", b"two"):
            device.publish(f"{TREE}/up/health", payload)
            assert isinstance(heard.get(timeout=PATIENCE_S), Unreadable)


def test_a_device_that_does_not_answer_is_an_error_in_the_end(tmp_path: Path, first: Mosquitto) -> None:
    key = make_key("operator", tmp_path)
    with Watching(first.url, key=key) as watching:
        with pytest.raises(NoAnswerError):
            watching.centre.order(SOURCE, "ping", timeout_s=1.5).result(PATIENCE_S)
        last = watching.centre.order(SOURCE, "ping")
    with pytest.raises(BrokerError, match="ended"):
        last.result(0)
    with pytest.raises(BrokerError, match="closed"):
        watching.centre.order(SOURCE, "ping")


def test_an_order_that_goes_wrong_holds_up_no_other(tmp_path: Path, first: Mosquitto) -> None:
    def fails(tries: int, answer: object) -> None:
        raise ValueError("a mistake of the program")

    with Watching(first.url, key=make_key("operator", tmp_path)) as watching:
        order = watching.centre.order
        many = [order("/edge/+/+/+", "ping", timeout_s=3), order(SOURCE, "ping", timeout_s=3, progress=fails)]
        for each in [*many, order(SOURCE, "ping", timeout_s=3)]:
            with pytest.raises(NoAnswerError):
                each.result(PATIENCE_S)


def test_what_is_due_while_it_ends_is_not_asked_for(tmp_path: Path) -> None:
    centre = Centre([], key=make_key("operator", tmp_path))
    with centre.view() as known:
        known.hear("a", f"{made_up.TREE}/up/health", made_up.envelope("health.v1", made_up.HEALTH_JSON, 1), False, 0.0)
    with centre:
        pass
    assert centre._tick(60.0) == []


def test_without_a_broker_it_says_so_and_goes_on_trying(tmp_path: Path, first: Mosquitto, second: Mosquitto) -> None:
    first.kill()
    second.kill()
    links: queue.SimpleQueue[tuple[str, bool, str]] = queue.SimpleQueue()
    with Centre([first.url, second.url], on_link=lambda *link: links.put(link)) as centre:
        with pytest.raises(BrokerError, match=r"nothing listens on .*; .*nothing listens on "):
            centre.await_connection()
        second.start()
        assert links.get(timeout=PATIENCE_S)[:2] == (second.url, True)
