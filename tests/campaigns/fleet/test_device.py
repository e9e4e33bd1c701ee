"""A simulated device says what the agent says, to a real broker."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_centre.library import Consumer
from tests.campaigns.fleet.device import Device, Plan
from tests.campaigns.fleet.fleet import missing
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.subscriber import Subscriber
from tests.support.wait import wait_for

USER = "gp/soweto-clinic/kiosk-00001"


class Site:
    """A broker, one device after the other, and a centre that hears them."""

    def __init__(self, directory: Path, broker: Mosquitto, authorities: BrokerAuthorities, ear: Subscriber) -> None:
        url = f"mqtts://127.0.0.1:{broker.port}"
        self.plan = Plan(1, USER, directory / "device", (url,), authorities.device(USER), 0.0, 60.0, CENTRE)
        self.ear = ear
        self.runner = asyncio.Runner()
        self.device = self.start()

    def do(self, call: Callable[[], Any]) -> Any:
        async def once() -> Any:
            return call()

        return self.runner.run(once())

    def start(self) -> Device:
        self.device = self.do(lambda: Device(self.plan))
        self.do(self.device.start)
        return self.device

    def run_until(self, condition: Callable[[], Any]) -> Any:
        def once() -> Any:
            self.runner.run(asyncio.sleep(0.01))
            return condition()

        return wait_for(once, what="what the device says")

    def settle(self) -> None:
        self.run_until(lambda: self.device.connected and not self.device.waiting)
        self.ear.sync()

    def heard(self, name: str) -> list[dict[str, Any]]:
        found = [json.loads(each.payload) for each in self.ear.heard if "/up/" in each.topic]
        return [each for each in found if each["type"].startswith(f"edge.{name}")]

    def missing(self, *, but: int | None = None) -> int:
        """What a centre misses that has heard everything, `but` the message with this number."""
        consumer = Consumer()
        consumer.connection("broker", True, 0.0)
        for each in self.ear.heard:
            if "/up/" in each.topic and json.loads(each.payload).get("record") != (but or -1):
                consumer.hear("broker", each.topic, each.payload, False, 0.0)
        outbox = self.device.outbox
        heard = {source: tuple(found.mark or ("", 0)) for source, found in consumer.devices.items()}
        return missing({self.plan.source: (outbox.epoch, outbox.record[0])}, heard)  # type: ignore[arg-type]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    authorities = BrokerAuthorities.create(tmp_path / "authorities")
    with (
        Mosquitto(tmp_path / "broker", authorities=authorities) as broker,
        Subscriber(broker.centre_port, ["edge/v1/#"], files=authorities.centre(CENTRE)) as ear,
    ):
        site = Site(tmp_path, broker, authorities, ear)
        site.settle()
        yield site
        site.do(site.device.end)
        site.runner.close()


def test_a_press_is_raised_and_closed_as_a_kiosk_does_it(site: Site) -> None:
    alarm_id, edge_ns = site.do(site.device.press)
    site.settle()
    assert not site.device.is_calm
    site.do(site.device.close_alarms)
    site.settle()

    assert site.device.is_calm
    [raised], [closed] = site.heard("alarm.raised"), site.heard("alarm.closed")
    assert (raised["data"]["alarm_id"], closed["data"]["alarm_id"]) == (alarm_id, alarm_id)
    assert raised["source"] == site.plan.source
    assert raised["monoms"] >= edge_ns // 1_000_000
    assert site.missing() == 0


def test_a_centre_misses_whatever_message_of_the_record_did_not_come(site: Site) -> None:
    site.do(site.device.press)
    site.settle()
    site.do(site.device.report_event)
    site.settle()
    [raised] = site.heard("alarm.raised")
    assert site.missing(but=raised["record"]) > 0


def test_a_device_comes_back_from_a_power_cut_in_another_boot_with_its_alarm_and_its_count(site: Site) -> None:
    alarm_id, _ = site.do(site.device.press)
    site.settle()
    before = site.heard("state")[-1]

    silent = site.do(site.device.vanish)
    site.start()
    site.settle()

    after = site.heard("state")[-1]
    assert silent
    assert (after["data"]["state"], after["epoch"]) == ("online", before["epoch"])
    assert after["bootid"] != before["bootid"]
    assert after["seq"] > before["seq"]
    assert [each["alarm_id"] for each in site.heard("alarms")[-1]["data"]["open"]] == [alarm_id]
    assert site.missing() == 0
