"""The demo's command centre: hears everything that the kiosk says, and can answer."""

import json
import queue
from typing import Any

from agent.adapters.paho_centre import Centre, Heard
from agent.adapters.tls_context import TlsFiles
from agent.cli.centre import centre_topic
from agent.cli.demo_stage import Stage
from agent.cli.sender import Sender
from agent.core.errors import BrokerError


class DemoCentre:
    """The centre's connection and its open alarms. Use it as a context manager; entering connects. One thread."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._url = f"mqtt://127.0.0.1:{stage.port}"
        self._ears = Centre(
            self._url,
            on_message=self._heard.put,
            state_topic=centre_topic(stage.settings.identity.root, "demo-centre"),
        )
        self._open: dict[str, dict[str, Any]] = {}
        """The last message about each open alarm, by id; the newest alarm comes last."""
        self._closed: set[str] = set()

    def __enter__(self) -> "DemoCentre":
        self._ears.open([self._stage.settings.identity.up("#")])
        return self

    def __exit__(self, *_: object) -> None:
        self._ears.close()

    def next(self, timeout_s: float) -> Heard | None:
        """Return the next message, or None when none came in time."""
        try:
            heard = self._heard.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if "/up/alarm/" in heard.topic:
            data = data_of(heard)
            if data["stage"] == "closed":
                self._forget(data["alarm_id"])
            elif data["alarm_id"] not in self._closed:
                self._open[data["alarm_id"]] = data
        return heard

    def _forget(self, alarm_id: str) -> None:
        self._open.pop(alarm_id, None)
        self._closed.add(alarm_id)

    def answer(self, action: str) -> str:
        """Sign an ack and send it; return one line that says how the kiosk answered.

        It answers the newest open alarm; for `registered`, the newest that nobody has registered yet, if there is one.
        """
        waiting = [each for each in self._open.values() if each["stage"] not in {"registered", "dispatched"}]
        alarms = (waiting if action == "registered" else []) or list(self._open.values())
        if not alarms:
            return "There is no open alarm to answer."
        alarm_id, button = alarms[-1]["alarm_id"], alarms[-1]["input"]
        identity = self._stage.settings.identity
        why = {"reason": "helped"} if action == "closed" else {}
        try:
            with Sender([self._url], TlsFiles(), identity, lambda _: None) as sender:
                result = sender.send(
                    name="ack",
                    arguments={"alarm_id": alarm_id, "action": action, "by": "Thandi", **why},
                    topic=identity.down("ack", alarm_id),
                    key=self._stage.key,
                    timeout_s=5.0,
                )
        except BrokerError as error:
            return str(error)
        if action == "closed" and result["status"] == "succeeded":
            self._forget(alarm_id)
        left = f" {len(self._open)} more open." if self._open and alarm_id not in self._open else ""
        others = [each["input"] for each in waiting if each["alarm_id"] != alarm_id]
        if action == "registered" and others:
            left = f' Green waits for an answer to "{others[-1]}" as well.'
        return f'The kiosk verified the signed ack for "{button}": {result["status"]} ({result["text"]}).{left}'


def data_of(heard: Heard) -> dict[str, Any]:
    """Return the `data` of an envelope; empty for a picture."""
    try:
        data: dict[str, Any] = json.loads(heard.payload)["data"]
    except (ValueError, KeyError, TypeError):
        return {}
    return data
