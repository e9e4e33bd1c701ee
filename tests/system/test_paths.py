"""Two brokers: whichever path fails, a press arrives by the other."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.campaigns.chaos.network import GOOD, SWALLOWS, Conditions, Network
from tests.support.agent_process import AgentProcess
from tests.support.centre import Centre
from tests.support.fake_broker import MQTT5, Behaviour, FakeBroker, publish_header
from tests.support.mosquitto import Mosquitto
from tests.support.two_paths import ALARM_TIMEOUT_S, PATIENT, QUICK, SLOW_DAY_S, online
from tests.support.wait import wait_for

UNHURRIED = {"delayed_after_s": 60, "unconfirmed_after_s": 120}
"""For alarms that must not move the device because the test takes its time to answer them."""
HURRIED = {"delayed_after_s": 1, "unconfirmed_after_s": 60}


@pytest.fixture
def here(first: Mosquitto) -> Iterator[Centre]:
    """The centre at the first broker."""
    with Centre(first.port) as centre:
        yield centre


@pytest.fixture
def there(second: Mosquitto) -> Iterator[Centre]:
    with Centre(second.port) as centre:
        yield centre


def test_a_press_after_the_death_of_the_first_broker_arrives_by_the_second_and_the_first_is_returned_to(
    tmp_path: Path, first: Mosquitto, second: Mosquitto, there: Centre
) -> None:
    with AgentProcess(tmp_path / "kiosk", first.url, second.url, mqtt=QUICK, alarm=UNHURRIED) as agent:
        with Centre(first.port) as here:
            bdseq = online(here)
            first.kill()
            agent.press()
            raised = there.wait_for_alarm("raised", timeout_s=ALARM_TIMEOUT_S + SLOW_DAY_S)
            assert raised.data["press_count"] == 1
        online(there, bdseq)

        first.start()
        with Centre(first.port) as here:
            there.acknowledge(raised.data["alarm_id"], agent.key, "closed")
            agent.wait_for_outputs(yellow="off")
            newest = online(here, bdseq)
            lost = there.wait_for("state", lambda m: m.data["state"] == "lost")
            assert lost.data["bdseq"] < newest

            agent.press()
            here.wait_for_alarm("raised")


def test_a_broker_that_hangs_during_a_press_is_left_for_the_second(
    tmp_path: Path, first: Mosquitto, second: Mosquitto, here: Centre, there: Centre
) -> None:
    with AgentProcess(tmp_path / "kiosk", first.url, second.url, mqtt=PATIENT, alarm=UNHURRIED) as agent:
        online(here)
        first.freeze()
        edge_ns = agent.press()
        there.wait_for_alarm("raised", timeout_s=ALARM_TIMEOUT_S + SLOW_DAY_S)
        assert (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - edge_ns) / 1e9 < ALARM_TIMEOUT_S + SLOW_DAY_S
        first.thaw()

        lost = here.wait_for("state", lambda m: m.data["state"] == "lost")
        online(there, lost.data["bdseq"])  # a birth that the frozen broker had not confirmed may come there first
        there.acknowledge(there.wait_for_alarm("raised").data["alarm_id"], agent.key)
        agent.wait_for_outputs(green="on")


def test_a_network_that_swallows_everything_is_gone_round(
    tmp_path: Path, first: Mosquitto, second: Mosquitto, here: Centre, there: Centre
) -> None:
    with (
        Network(first.port) as network,
        AgentProcess(tmp_path / "kiosk", network.url, second.url, mqtt=PATIENT, alarm=UNHURRIED) as agent,
    ):
        bdseq = online(here)
        network.conditions = SWALLOWS
        agent.press()
        alarm_id = there.wait_for_alarm("raised", timeout_s=ALARM_TIMEOUT_S + SLOW_DAY_S).data["alarm_id"]
        there.acknowledge(alarm_id, agent.key)
        agent.wait_for_outputs(green="on")

        # Now the other one: nothing is where it was, and the first still swallows.
        bdseq = online(there, bdseq)
        network.conditions = GOOD
        second.kill()
        agent.press()
        here.wait_for_alarm("updated", press_count=2, timeout_s=ALARM_TIMEOUT_S + SLOW_DAY_S)


def test_without_a_press_the_loss_of_a_path_is_known_by_keep_alive(
    tmp_path: Path, first: Mosquitto, second: Mosquitto, there: Centre
) -> None:
    with (
        Network(first.port) as network,
        AgentProcess(tmp_path / "kiosk", network.url, second.url, mqtt=PATIENT, alarm=UNHURRIED) as agent,
    ):
        wait_for(lambda: "connected to" in agent.log(), what="the first connection")
        network.conditions = SWALLOWS
        there.wait_for("state", lambda m: m.data["state"] == "online", timeout_s=3 * 5 + SLOW_DAY_S)


def test_an_alarm_that_nobody_answers_is_told_by_the_second_broker_too(
    tmp_path: Path, first: Mosquitto, second: Mosquitto, here: Centre, there: Centre
) -> None:
    with AgentProcess(tmp_path / "kiosk", first.url, second.url, mqtt=PATIENT, alarm=HURRIED) as agent:
        bdseq = online(here)
        agent.press()
        raised = here.wait_for_alarm("raised")
        told = there.wait_for_alarm("updated", alarm_id=raised.data["alarm_id"], timeout_s=1 + SLOW_DAY_S)
        assert told.data["press_count"] == 1
        assert online(there, bdseq) == bdseq + 1

        there.acknowledge(raised.data["alarm_id"], agent.key)
        agent.wait_for_outputs(green="on")


def test_two_addresses_of_one_broker_do_no_harm(tmp_path: Path, first: Mosquitto) -> None:
    """There the second connection throws out the first, by the device's own name."""
    with (
        Network(first.port) as network,
        Centre(first.port) as centre,
        AgentProcess(tmp_path / "kiosk", first.url, network.url, mqtt=PATIENT, alarm=HURRIED) as agent,
    ):
        bdseq = online(centre)
        agent.press()
        alarm_id = centre.wait_for_alarm("raised").data["alarm_id"]
        online(centre, bdseq)
        centre.acknowledge(alarm_id, agent.key)
        agent.wait_for_outputs(green="on")
        wait_for(lambda: network.accepted_ns, what="the other way")
        states = [m.data for m in centre.messages("state")]
        newest = max(states, key=lambda data: (data["bdseq"], data["state"] == "online"))
        assert newest["state"] == "online"
        assert len(states) <= 8


@pytest.mark.parametrize(
    "behaviour", [Behaviour(silent=True), Behaviour(suback=None)], ids=["before CONNACK", "before SUBACK"]
)
def test_a_broker_that_never_lets_the_device_in_is_left_for_the_second_3_s_after_the_press(
    tmp_path: Path, second: Mosquitto, behaviour: Behaviour, there: Centre
) -> None:
    with (
        FakeBroker(behaviour) as fake,
        AgentProcess(tmp_path / "kiosk", fake.url, second.url, mqtt={"connect_timeout_s": 60}) as agent,
    ):
        wait_for(lambda: fake.levels or fake._peer, what="a connect that hangs")
        assert not there.messages("state"), "while nobody presses a slow broker has its time"
        edge_ns = agent.press()

        raised = there.wait_for_alarm("raised", timeout_s=3 + SLOW_DAY_S)
        assert (raised.arrived_ns - edge_ns) / 1e9 < 3 + SLOW_DAY_S / 2
        there.acknowledge(raised.data["alarm_id"], agent.key)
        agent.wait_for_outputs(green="on")


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("delay_s", "loss"), [(0.5, 0.3), (1.0, 0.1)])
def test_a_press_gets_through_where_every_path_is_slow_and_loses_much(
    tmp_path: Path, first: Mosquitto, second: Mosquitto, delay_s: float, loss: float, here: Centre, there: Centre
) -> None:
    """To be let in takes three round trips, and so longer than the 3 s of the first round."""
    slow = Conditions(delay_s=delay_s, loss=loss)
    with Network(first.port, Random(1)) as one, Network(second.port, Random(2)) as other:
        one.conditions = other.conditions = slow
        with AgentProcess(tmp_path / "kiosk", one.url, other.url) as agent:
            agent.press()
            wait_for(
                lambda: [m for each in (here, there) for m in each.messages("alarm/") if m.data["press_count"] == 1],
                timeout_s=120,
                what="the alarm",
            )


def test_a_device_that_may_not_listen_still_calls_for_help(tmp_path: Path) -> None:
    with FakeBroker(Behaviour(suback=0x87)) as fake, AgentProcess(tmp_path / "kiosk", fake.url) as agent:
        agent.press()
        wait_for(lambda: any(b"/up/alarm/police" in body for _, body in list(fake.packets)), what="the alarm")
        agent.wait_for_outputs(yellow="on")
        wait_for(
            lambda: any(b"up/security/broker-refused" in body for _, body in list(fake.packets)), what="the report"
        )


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(silent=True),
        Behaviour(close_on_connect=lambda level: True),
        Behaviour(connack=lambda level: b"\0\x87\0" if level == MQTT5 else b"\0\x05"),
        Behaviour(puback=None),
        Behaviour(puback=None, connack=lambda level: b"\0\0\x03\x21\0\x01"),
        Behaviour(puback=0x87),
        Behaviour(puback_of_alarms=0x87),
        Behaviour(puback_of_alarms=0x97),
        Behaviour(puback_of_alarms=None),
        Behaviour(connack=lambda level: b"\0\0\x05\x27\0\0\0\x40"),
        Behaviour(after_suback=b"\xf0\x00"),
        Behaviour(flood=[publish_header("x", 255 * 2**20), bytes(2**20)]),
    ],
    ids=[
        "says nothing",
        "hangs up",
        "refuses the device",
        "acknowledges nothing",
        "acknowledges nothing, one at a time",
        "refuses everything",
        "refuses alarms",
        "is full for alarms",
        "acknowledges all but alarms",
        "takes 64 bytes",
        "speaks no MQTT",
        "sends too much",
    ],
)
def test_a_first_broker_that_is_of_no_use_does_not_keep_an_alarm_from_the_second(
    tmp_path: Path, second: Mosquitto, behaviour: Behaviour, there: Centre
) -> None:
    with (
        FakeBroker(behaviour) as fake,
        AgentProcess(tmp_path / "kiosk", fake.url, second.url, mqtt=PATIENT) as agent,
    ):
        agent.press()
        there.wait_for_alarm("raised", timeout_s=2 * ALARM_TIMEOUT_S + SLOW_DAY_S)
        agent.wait_for_outputs(yellow="on")


@pytest.mark.parametrize("nowhere", ["mqtt://broker.invalid", "mqtt://[::1]:1", "mqtts://127.0.0.1:1"])
def test_a_first_broker_that_is_nowhere_does_not_keep_an_alarm_from_the_second(
    tmp_path: Path, second: Mosquitto, nowhere: str, there: Centre
) -> None:
    with AgentProcess(tmp_path / "kiosk", nowhere, second.url, mqtt=PATIENT) as agent:
        agent.press()
        there.wait_for_alarm("raised", timeout_s=2 * ALARM_TIMEOUT_S + SLOW_DAY_S)


@pytest.mark.parametrize("window", [1, 2])
def test_a_broker_that_takes_few_messages_at_a_time_gets_every_press(tmp_path: Path, window: int) -> None:
    with (
        Mosquitto(tmp_path / "broker", extra=[f"max_inflight_messages {window}"]) as broker,
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url) as agent,
    ):
        online(centre)
        agent.press_many("police", 20, hold_s=0.01, interval_s=0.02)
        centre.wait_for_alarm("updated", press_count=20)
        counts = {m.data["press_count"] for m in centre.messages("alarm/")}
        assert counts == set(range(1, 21))


def test_what_a_device_left_at_a_broker_calls_nobody_once_it_is_back_there(
    tmp_path: Path, first: Mosquitto, second: Mosquitto, here: Centre, there: Centre
) -> None:
    """An operator who connects then finds no list with an alarm that was closed at the other broker."""
    with AgentProcess(tmp_path / "kiosk", first.url, second.url, mqtt=QUICK, alarm=UNHURRIED) as agent:
        online(here)
        agent.press()
        here.wait_for("alarms", lambda m: bool(m.data["open"]))
        first.freeze()
        agent.press()
        alarm_id = there.wait_for_alarm("updated", press_count=2, timeout_s=ALARM_TIMEOUT_S + SLOW_DAY_S).data[
            "alarm_id"
        ]
        there.acknowledge(alarm_id, agent.key, "closed", press_count=2)
        there.wait_for("alarms", lambda m: m.data["open"] == [])
        first.thaw()
        with Centre(first.port) as later:
            assert later.wait_for("alarms").data["open"] != [], "it has left its list there"
            renewed = later.wait_for("alarms", lambda m: m.data["open"] == [], timeout_s=20)
            assert later.messages("alarms").index(renewed) == 1
