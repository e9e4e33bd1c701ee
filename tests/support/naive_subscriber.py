"""Subscribers as somebody writes them in an hour: one without the contract's rules, and one with half of them."""

import json
from collections import Counter, defaultdict
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.contract.kinds import TYPES
from agent.contract.messages import Envelope
from agent.trust.jose_keys import PrivateKey
from agent.trust.orders import signed

NAME = "naive-centre"


class NaiveSubscriber:
    """No memory of what came, no order, no holes; believes every source and will, and a clock that is an hour behind
    the last one says nothing new to it; answers nothing, and passes over in silence what it can't read. Use it as a
    context manager."""

    def __init__(self, *ports: int) -> None:
        self._alarms: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._online: dict[str, bool] = {}
        self._events: Counter[str] = Counter()
        self._hour: defaultdict[str, str] = defaultdict(str)
        self._clients = [self._connect(port) for port in ports]

    def _connect(self, port: int) -> mqtt.Client:
        return self._listening(mqtt.Client(CallbackAPIVersion.VERSION2), port)

    def _listening(self, client: mqtt.Client, port: int, limit: Properties | None = None) -> mqtt.Client:
        client.on_message = self._heard
        client.connect("127.0.0.1", port, properties=limit)
        client.subscribe("edge/v1/+/+/+/up/#", 1)
        client.loop_start()
        return client

    def __enter__(self) -> "NaiveSubscriber":
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.disconnect()
            client.loop_stop()
            client._reset_sockets()

    def _heard(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        try:
            envelope = json.loads(message.payload)
            device, kind, data = envelope["source"], envelope["type"], envelope["data"]
            self._look_at(envelope)
            if (hour := envelope["time"][:13]) < self._hour[device]:
                return
            self._hour[device] = hour
            self._take(device, kind, data)
        except Exception:  # noqa: BLE001 - it has never seen anything else, and goes on
            return
        view = {"device": device, "online": self._online.get(device, False), "events": self._events[device]}
        view |= {"alarms": self._alarms[device], "missing": self._missing(device), "rejected": 0}
        self._clients[0].publish(f"edge/v1/conform/{NAME}/view", json.dumps(view), qos=1)

    def _look_at(self, envelope: dict[str, Any]) -> None:
        """Raise for what is not taken."""

    def _missing(self, device: str) -> list[list[int]]:
        return []

    def _take(self, device: str, kind: str, data: dict[str, Any]) -> None:
        alarms = self._alarms[device]
        if kind == "edge.state.v1":
            self._online[device] = data["state"] == "online"
        elif kind == "edge.alarms.v1":
            listed = {alarm["alarm_id"] for alarm in data["open"]}
            alarms[:] = [alarm for alarm in alarms if alarm["alarm_id"] in listed]
        elif kind == "edge.alarm.closed.v1":
            alarms[:] = [alarm for alarm in alarms if alarm["alarm_id"] != data["alarm_id"]]
        elif kind == "edge.alarm.raised.v1" or data.get("reraised"):
            alarms.append(_shown(data))
        elif kind == "edge.alarm.updated.v1":
            alarms[:] = [_shown(data) if alarm["alarm_id"] == data["alarm_id"] else alarm for alarm in alarms]
        elif kind.startswith("edge.event."):
            self._events[device] += 1


class HastySubscriber(NaiveSubscriber):
    """Has read half of the rules: asks for no larger packets than its broker takes, refuses what it does not know,
    calls each gap in the record a loss at once, and answers what is raised by itself."""

    def __init__(self, key: PrivateKey, *ports: int) -> None:
        self._key = key
        self._records: defaultdict[str, set[int]] = defaultdict(set)
        super().__init__(*ports)

    def _connect(self, port: int) -> mqtt.Client:
        limit: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        limit.MaximumPacketSize = 132 * 1024  # the broker's, too
        return self._listening(mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5), port, limit)

    def _look_at(self, envelope: dict[str, Any]) -> None:
        if envelope.keys() - Envelope.model_fields.keys() or envelope["type"] not in TYPES:
            raise ValueError("of another version")
        device, data = envelope["source"], envelope["data"]
        self._records[device].add(envelope.get("record", 0))
        if data.get("stage") == "raised":
            args = {"alarm_id": data["alarm_id"], "action": "registered"}
            token = signed("ack", args, device, self._key, envelope["nonce"], f"cmd-{data['alarm_id']}").token
            self._clients[0].publish(f"edge/v1/{device[6:]}/down/ack/{data['alarm_id']}", token, qos=1)

    def _missing(self, device: str) -> list[list[int]]:
        seen = self._records[device]
        return [[number, number] for number in range(1, min(100, max(seen))) if number not in seen]


def _shown(data: dict[str, Any]) -> dict[str, Any]:
    presses = data["press_count"] if isinstance(data["press_count"], int) else 1
    shown = {"alarm_id": data["alarm_id"], "stage": data["stage"], "press_count": presses}
    return {**shown, "holder": data.get("held_by", {}).get("by"), "actual": True, "rings": int(not data["historical"])}
