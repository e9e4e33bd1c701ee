"""The command centre's end, as a process: notes when each message came (CLOCK_BOOTTIME).

Run as `python -m tests.campaigns.bench.listener PORT FILTER...`; a request gives what has come since the last one.
"""

import sys
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTProtocolVersion

from tests.campaigns.bench.bare_client import connected_client
from tests.campaigns.bench.child import serve


def main() -> None:
    """Listen until the input ends."""
    port, filters = int(sys.argv[1]), sys.argv[2:]
    heard: list[tuple[int, str, str]] = []

    def on_message(client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        # First the time; whatever else is done here would count as the agent's.
        now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        heard.append((now_ns, message.topic, message.payload.decode("utf-8", "replace")))

    granted = threading.Event()
    # It gets no properties with MQTT 3.1.1: to unpack those that one of two messages has would count as its way here.
    client = connected_client(port, MQTTProtocolVersion.MQTTv311)
    client.on_message = on_message
    client.on_subscribe = lambda *_: granted.set()
    client.subscribe([(name, 1) for name in filters])
    if not granted.wait(90):
        raise SystemExit("the broker did not grant the subscription")

    def take(request: dict[str, Any]) -> list[tuple[int, str, str]]:
        count = len(heard)
        taken = heard[:count]
        del heard[:count]
        return taken

    serve(take)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
