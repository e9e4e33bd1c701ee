"""The least baseline of start-up and memory: imports what it is told, connects to the broker, says READY=1, and waits.

Run as `python tests/campaigns/bench/bare_start.py PORT MODULE...`; alone, so that it imports nothing of ours.
"""

import importlib
import os
import signal
import socket
import sys
import threading


def main() -> None:
    """Until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    for name in sys.argv[2:]:
        importlib.import_module(name)
    import paho.mqtt.client as mqtt  # noqa: PLC0415 - in the order of a program that reads its settings first
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

    connected = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_connect = lambda *_: connected.set()
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.loop_start()
    if not connected.wait(90):
        raise SystemExit("the broker did not answer")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    while not stop.wait(1):
        pass
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
