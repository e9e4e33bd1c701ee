"""The baseline of start-up and memory: a bare program on the libraries of the core, which does a little with each.

It reads a settings file into a small model, claims a button and three lights on mock pins, loads what a signed command
is verified with, connects, subscribes, says READY=1, and waits. Run as
`python tests/campaigns/bench/bare_kiosk.py SETTINGS`; alone, so that it imports nothing of ours.
"""

import argparse
import logging
import os
import signal
import socket
import sqlite3
import threading
import tomllib
from pathlib import Path

import jwt
import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gpiozero import DigitalInputDevice, DigitalOutputDevice
from gpiozero.pins.mock import MockFactory
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict

log = logging.getLogger(__name__)


class Broker(BaseModel):
    """One section."""

    host: str
    port: int


class Settings(BaseSettings):
    """One tree."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="BARE_KIOSK_")

    broker: Broker
    button: int
    lights: tuple[int, ...]


def main() -> None:
    """Until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    parser = argparse.ArgumentParser()
    parser.add_argument("settings", type=Path)
    path = parser.parse_args().settings
    logging.basicConfig(level="INFO")
    settings = Settings(**tomllib.loads(path.read_text(encoding="utf-8")))
    database = sqlite3.connect(path.with_suffix(".db"))

    factory = MockFactory(revision="c03115", pin_class="mockpin")
    button = DigitalInputDevice(settings.button, pull_up=True, pin_factory=factory)
    button.when_activated = lambda: log.info("pressed")
    lights = [DigitalOutputDevice(pin, pin_factory=factory) for pin in settings.lights]
    verifier = jwt.PyJWS(algorithms=["EdDSA"]), Ed25519PrivateKey.generate().public_key()

    subscribed = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)

    def on_connect(*_: object) -> None:
        client.subscribe("down/#", qos=1)

    client.on_connect = on_connect
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(settings.broker.host, settings.broker.port)
    client.loop_start()
    if not subscribed.wait(90):
        raise SystemExit("the broker did not answer")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    while not stop.wait(1):
        pass
    client.disconnect()
    client.loop_stop()
    for part in (button, *lights, factory, database):
        part.close()
    del verifier


if __name__ == "__main__":
    main()
