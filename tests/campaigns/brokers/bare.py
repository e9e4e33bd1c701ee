"""A bare client, for what the tests' subscriber hides: the broker's CONNACK, and messages that nobody acknowledges."""

import secrets
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

    def __init__(
        self, site: Site, topic_filter: str = "", *, expiry_s: int = 0, receive_maximum: int | None = None
    ) -> None:
        self.client_id = f"bare-{secrets.token_hex(4)}"
        self.answer: Properties | None = None
        """The properties of the CONNACK; None before MQTT 5."""
        self.held: list[mqtt.MQTTMessage] = []
        self._site = site
        self._filter = topic_filter
        self._ready = threading.Event()
        self._options: dict[str, Any] = {}
        clean: bool | None = expiry_s == 0
        if site.knows_5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = expiry_s
            if receive_maximum is not None:
                properties.ReceiveMaximum = receive_maximum
            self._options = {"clean_start": clean, "properties": properties}
            clean = None
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            self.client_id,
            clean_session=clean,
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

    def _connected(self, client: mqtt.Client, _: Any, flags: Any, reason: Any, properties: Properties | None) -> None:
        assert not reason.is_failure, str(reason)
        self.answer = properties
        if self._filter:
            client.subscribe(self._filter, qos=1)
        else:
            self._ready.set()
