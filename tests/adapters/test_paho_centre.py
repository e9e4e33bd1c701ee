"""A centre's connection to a broker that allows nothing retained."""

import json
import queue
import socket
import ssl
from pathlib import Path

import pytest

from agent.contract.errors import BrokerError
from agent.trust.paho_bounded import BoundedClient
from edge_centre.adapters.paho_centre import CentreConnection, Heard
from edge_centre.library import Centre
from tests.support.fake_broker import Behaviour, FakeBroker
from tests.support.mosquitto import Mosquitto
from tests.support.wait import PATIENCE_S, wait_for

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


def alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (alert("SSLV3_ALERT_CERTIFICATE_EXPIRED"), "says that the certificate of --cert has expired: renew it"),
        (alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "wants a client certificate: set --cert and --cert-key"),
        (socket.gaierror(), "check the name and this computer's DNS"),
    ],
)
def test_an_office_is_not_told_what_only_a_device_can_do(
    monkeypatch: pytest.MonkeyPatch, error: OSError, says: str
) -> None:
    def connect(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(BoundedClient, "connect", connect)
    with pytest.raises(BrokerError) as raised:
        CentreConnection("mqtt://broker.example").open([])
    assert str(raised.value).endswith(says)


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


def test_a_control_room_is_not_brought_every_report_of_years_at_each_connection_and_hears_of_a_new_one(
    tmp_path: Path,
) -> None:
    heard: queue.SimpleQueue[str] = queue.SimpleQueue()
    topic = "edge/v1/gp/park-station/kiosk-1/up/"
    with Mosquitto(tmp_path / "broker") as broker:
        device = CentreConnection(broker.url)
        device.open([])
        for level in ("commissioning", "meta"):
            device.publish(f"{topic}{level}", b"old", retain=True)
        with Centre([broker.url], on_heard=lambda each: heard.put(f"{each.topic} {each.payload.decode()}")) as centre:
            centre.await_connection()
            assert heard.get(timeout=10) == f"{topic}meta old"
            device.publish(f"{topic}commissioning", b"new", retain=True)
            assert heard.get(timeout=10) == f"{topic}commissioning new"
        filters = ["edge/v1/+/+/+/up/commissioning"]
        with Centre([broker.url], filters=filters, on_heard=lambda each: heard.put(each.payload.decode())):
            assert heard.get(timeout=10) == "new", "whoever asks for reports gets them"
        device.close()


def test_what_is_sent_while_the_connection_is_lost_goes_out_when_it_is_back(tmp_path: Path) -> None:
    heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
    with Mosquitto(tmp_path / "broker") as broker:
        centre = CentreConnection(broker.url, on_message=heard.put, longest_pause_s=1)
        centre.open(["a/b"])
        try:
            broker.stop()
            wait_for(lambda: not centre.is_up, what="the loss of the connection")
            sent = centre.send("a/b", b"1")
            broker.start()
            sent.wait_for_publish(PATIENCE_S)
            assert sent.is_published()
            assert heard.get(timeout=10).payload == b"1"
        finally:
            centre.close()
