"""A bare client, for what the tests' subscriber hides: messages that nobody acknowledges."""

import threading
from contextlib import AbstractContextManager
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.campaigns.brokers.sites import Site
from tests.support.wait import wait_for


class Bare(AbstractContextManager["Bare"]):
    """Enter to connect and subscribe at the centre's node. It acknowledges nothing before `acknowledge`."""

    def __init__(self, site: Site, topic_filter: str, receive_maximum: int) -> None:
        self.held: list[mqtt.MQTTMessage] = []
        self._site = site
        self._filter = topic_filter
        self._ready = threading.Event()
        self._options: dict[str, Any] = {}
        if site.knows_5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.ReceiveMaximum = receive_maximum
            self._options = {"properties": properties}
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            protocol=site.protocol,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda client, data, message: self.held.append(message)

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._site.centres_port, **self._options)
        self._client.loop_start()
        wait_for(self._ready.is_set, what="a subscription")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()

    def acknowledge(self) -> int:
        """All that was held before this call; returns how many."""
        held, self.held = self.held, []
        for message in held:
            self._client.ack(message.mid, message.qos)
        return len(held)

    def _connected(self, client: mqtt.Client, _: Any, flags: Any, reason: Any, _properties: Any) -> None:
        assert not reason.is_failure, str(reason)
        client.subscribe(self._filter, qos=1)
