"""Kiosks by the thousand, which speak through one connection to a real broker and answer what operators ask of them."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from agent.contract.camera_events import PersonLeftData
from agent.contract.device import HealthData, MetaData
from agent.contract.identity import Identity
from agent.contract.messages import AlarmData, Answer
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction
from edge_centre.conform.voice import Made, Voice, closed, held, new_id, press
from tests.control_room.rig import FLEET, Rig
from tests.support.drafts import HEALTH
from tests.support.wait import PATIENCE_S

SITES = ("park-station", "bree-taxi-rank", "hillbrow-clinic", "zoo-lake", "library-gardens", "joubert-park")
_IN_FLIGHT = 2000


class Kiosk:
    """One kiosk: what it says, and the alarms that are open there."""

    def __init__(self, number: int, where: str = "") -> None:
        site = SITES[number % len(SITES)]
        self.voice = Voice(Identity("gp", site, f"kiosk-{number:04}"))
        self.where = where or f"{site.replace('-', ' ').title()}, pole {number}"
        self.place = {"lat": -26.2 - number % 71 / 500, "lon": 28.04 + number % 97 / 500, "text": self.where}
        self.open: dict[str, AlarmData] = {}
        self.answers: Callable[[Kiosk, dict[str, Any]], list[Made]] = answered

    @property
    def tree(self) -> str:
        """Its place among the topics."""
        return self.voice.identity.base

    @property
    def name(self) -> str:
        """As it stands in its certificate."""
        return self.tree.removeprefix("edge/v1/")

    def born(self) -> list[Made]:
        """It says that it is online, and which alarms are open."""
        return [self.voice.state("online", 1), self.voice.open_list(*self.open.values())]

    def healthy(self, **fields: Any) -> Made:
        """Its health."""
        data = HealthData.model_validate(
            {**HEALTH.model_dump(), "memory_bytes": 80 << 20, "temperature_c": 51.0, **fields}
        )
        return self.voice.make(self.voice.factory.health(data))

    def described(self) -> Made:
        """What it has, and where it stands."""
        data = MetaData.model_validate(
            {
                "inputs": [{"name": "police", "kind": "panic", "silent": False, "supervised": False}],
                "outputs": ["yellow", "green", "beacon"],
                "cameras": [],
                "location": self.place,
                "capabilities": ["ping"],
                "schemas": [],
            }
        )
        return self.voice.make(self.voice.factory.meta(data))

    def left(self, event_id: str) -> Made:
        """Somebody has left a camera's view."""
        data = PersonLeftData(
            event_id=event_id, camera="front", frame_monoms=1, persons=0, duration_ms=9000, track=f"{event_id}-1"
        )
        return self.voice.make(self.voice.factory.camera_event("person-left", data))

    def pressed(self, **fields: Any) -> Made:
        """Somebody presses: a new alarm."""
        data = press(location=self.place, **fields)
        return self.told(data)

    def told(self, data: AlarmData) -> Made:
        """How an alarm is now."""
        if data.stage == Stage.CLOSED:
            self.open.pop(data.alarm_id, None)
        else:
            self.open[data.alarm_id] = data
        return self.voice.alarm(data)


def answered(kiosk: Kiosk, claims: dict[str, Any]) -> list[Made]:
    """What a kiosk says to an ack that it obeys."""
    args = claims["args"]
    data = kiosk.open.get(args.get("alarm_id", ""))
    if claims["name"] != "ack" or data is None:
        return [kiosk.voice.result(claims["cmd_id"], claims["name"], "rejected", "unknown-alarm", {})]
    by = args.get("by", claims["iss"])
    match args["action"]:
        case "closed":
            data = closed(data)
        case "dispatched":
            who = Answer(issuer=claims["iss"], by=by, at=data.raised_at, unit=args.get("unit"))
            data = held(data, by, Stage.DISPATCHED, answered_by={AckAction.DISPATCHED: who})
        case _:
            data = held(data, by)
    return [kiosk.told(data), kiosk.voice.result(claims["cmd_id"], "ack", "succeeded", str(args["action"]), {})]


def refused(code: str) -> Callable[[Kiosk, dict[str, Any]], list[Made]]:
    """The answers of a kiosk that refuses everything for this reason."""
    return lambda kiosk, claims: [kiosk.voice.result(claims["cmd_id"], claims["name"], "rejected", code, {})]


class Fleet(AbstractContextManager["Fleet"]):
    """`count` kiosks at the first broker of a rig. They answer acks as `Kiosk.answers` says; `published_ms` has, by the
    command's identifier, when the result was given to the connection (ms since 1970)."""

    def __init__(self, rig: Rig, count: int) -> None:
        self.kiosks = [Kiosk(number) for number in range(count)]
        self.published_ms: dict[str, float] = {}
        self.orders: list[dict[str, Any]] = []
        self._by_tree = {kiosk.tree: kiosk for kiosk in self.kiosks}
        self._changed = threading.Condition()
        self._under_way = 0
        self._heard: set[bytes] = set()
        files = rig.authorities.device(FLEET)
        self._port = rig.brokers[0].port
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, FLEET, protocol=mqtt.MQTTv5)
        self._client.tls_set(str(files.ca), str(files.cert), str(files.key), tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self._client.max_inflight_messages_set(_IN_FLIGHT)
        self._client.on_connect = lambda client, *_: client.subscribe("edge/v1/+/+/+/down/ack/+", 1)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._is_subscribed = False

    def __enter__(self) -> "Fleet":
        self._client.connect("localhost", self._port)
        self._client.loop_start()
        with self._changed:
            heard = self._changed.wait_for(lambda: self._is_subscribed, PATIENCE_S)
        if not heard:
            self.__exit__()
            raise AssertionError("the fleet can't hear its acks")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()

    def add(self, kiosk: Kiosk) -> Kiosk:
        """One more."""
        self.kiosks.append(kiosk)
        self._by_tree[kiosk.tree] = kiosk
        return kiosk

    def say(self, *made: Made) -> None:
        """Publish, and return when the broker has all of it."""
        self.publish((each.topic, each.payload, each.retain) for each in made)

    def publish(self, messages: Iterable[tuple[str, bytes, bool]]) -> None:
        """The same with anything at all."""
        for topic, payload, retain in messages:
            self._send(topic, payload, retain)
            with self._changed:
                assert self._changed.wait_for(lambda: self._under_way < _IN_FLIGHT, PATIENCE_S), "no acknowledgement"
        with self._changed:
            assert self._changed.wait_for(lambda: self._under_way == 0, PATIENCE_S), "no acknowledgement"

    def raise_alarms(self, count: int, **fields: Any) -> list[str]:
        """One alarm at each of the first kiosks, and again from the first; returns their identifiers."""
        ids = [new_id() for _ in range(count)]
        self.say(*(self.kiosks[n % len(self.kiosks)].pressed(alarm_id=each, **fields) for n, each in enumerate(ids)))
        return ids

    def _send(self, topic: str, payload: bytes, retain: bool) -> None:
        with self._changed:
            self._under_way += 1
        sent = self._client.publish(topic, payload, 1, retain)
        assert sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS, mqtt.error_string(sent.rc)

    # --- on paho's thread

    def _on_subscribe(self, *_: Any) -> None:
        with self._changed:
            self._is_subscribed = True
            self._changed.notify_all()

    def _on_publish(self, *_: Any) -> None:
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def _on_message(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        kiosk = self._by_tree.get("/".join(message.topic.split("/")[:5]))
        if kiosk is None or message.payload in self._heard:
            return
        self._heard.add(bytes(message.payload))
        body = message.payload.split(b".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
        self.orders.append(claims)
        for made in kiosk.answers(kiosk, claims):
            self.published_ms[claims["cmd_id"]] = time.time() * 1000
            self._send(made.topic, made.payload, made.retain)
