"""paho-mqtt as its documentation shows it, with Nagle's algorithm off: the baseline and the listener use it."""

import socket
import threading
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion


def connected_client(port: int, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> mqtt.Client:
    """A client that the broker has accepted, with its loop running. Raises SystemExit when that fails."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
    accepted = threading.Event()

    def on_connect(client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if not reason.is_failure:
            accepted.set()

    def on_socket_open(client: mqtt.Client, data: Any, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    client.on_connect = on_connect
    client.on_socket_open = on_socket_open
    client.connect("127.0.0.1", port)
    client.loop_start()
    if not accepted.wait(90):
        raise SystemExit("the broker did not accept the connection")
    return client
