"""The demo's command centre: hears everything that the kiosk says, and can answer."""

import json
import queue
from typing import Any

from agent.adapters.paho_centre import Centre, Heard
from agent.cli.centre import centre_topic, listens, send_signed
from agent.cli.demo_stage import Stage
from agent.core.errors import BrokerError


class DemoCentre:
    """Enter to connect. One thread."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._url = f"mqtt://127.0.0.1:{stage.port}"
        self._ears = Centre(
            self._url,
            on_message=self._heard.put,
            state_topic=centre_topic(stage.settings.identity.root, "demo-centre"),
        )
        self.alarm_id: str | None = None
        """The open alarm that was heard of last."""

    def __enter__(self) -> "DemoCentre":
        self._ears.open([self._stage.settings.identity.up("#")])
        return self

    def __exit__(self, *_: object) -> None:
        self._ears.close()

    def next(self, timeout_s: float) -> Heard | None:
        """The next message, or None."""
        try:
            heard = self._heard.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if "/up/alarm/" in heard.topic:
            data = data_of(heard)
            if data["stage"] != "closed":
                self.alarm_id = data["alarm_id"]
            elif data["alarm_id"] == self.alarm_id:
                self.alarm_id = None
        return heard

    def answer(self, action: str) -> str:
        """Sign an ack for the open alarm and send it; one line that says what the kiosk made of it."""
        if self.alarm_id is None:
            return "There is no open alarm to answer."
        identity = self._stage.settings.identity
        centre = Centre(self._url)
        centre.open(listens(identity))
        try:
            result = send_signed(
                centre,
                identity,
                name="ack",
                arguments={"alarm_id": self.alarm_id, "action": action},
                topic=identity.down("ack", self.alarm_id),
                key=self._stage.key,
                timeout_s=5.0,
            )
        except BrokerError as error:
            return str(error)
        finally:
            centre.close()
        return f"The kiosk verified the signed ack: {result['status']} ({result['text']})."


def data_of(heard: Heard) -> dict[str, Any]:
    """The `data` of an envelope; empty for a picture."""
    try:
        data: dict[str, Any] = json.loads(heard.payload)["data"]
    except (ValueError, KeyError, TypeError):
        return {}
    return data
