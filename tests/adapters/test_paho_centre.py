"""A centre's connection to a broker that allows nothing retained."""

import json
import queue
from pathlib import Path

import pytest

from agent.adapters.paho_centre import CentreConnection, Heard
from agent.contract.errors import BrokerError
from tests.support.fake_broker import Behaviour, FakeBroker
from tests.support.mosquitto import Mosquitto

STATE = "edge/v1/host/jhb/state"


def test_where_nothing_may_be_retained_devices_still_hear_that_a_centre_watches_and_that_it_goes(
    tmp_path: Path,
) -> None:
    heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
    with Mosquitto(tmp_path / "broker", extra=["retain_available false"]) as broker:
        device = CentreConnection(broker.url, on_message=heard.put)
        device.open([STATE])
        centre = CentreConnection(broker.url, state_topic=STATE)
        try:
            centre.open([])
            assert json.loads(heard.get(timeout=10).payload)["online"] is True
            with pytest.raises(BrokerError, match="nothing retained"):
                centre.publish("edge/v1/gp/park-station/kiosk-1/down/config", b"{}", retain=True)
            assert centre.is_up
        finally:
            centre.close()
            try:
                assert json.loads(heard.get(timeout=10).payload)["online"] is False
            finally:
                device.close()


def test_a_message_whose_topic_is_no_utf_8_does_not_make_a_centre_deaf() -> None:
    heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
    bad, good = (bytes([0x30, len(topic) + 3, 0, len(topic)]) + topic + b"\0" for topic in (b"up/\xff", b"up/x"))
    with FakeBroker(Behaviour(after_suback=bad + good)) as broker:
        centre = CentreConnection(broker.url, on_message=heard.put)
        centre.open(["up/#"])
        try:
            assert heard.get(timeout=10).topic == "up/x"
        finally:
            centre.close()
