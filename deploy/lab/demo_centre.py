"""The demo's command centre: hears everything that the kiosk says, and can answer."""

import json
import queue
from typing import Any

from agent.contract.stages import Stage as AlarmStage
from agent.contract.vocabulary import AckAction
from agent.core.errors import BrokerError
from deploy.lab.demo_stage import Stage
from edge_centre.adapters.paho_centre import Heard
from edge_centre.library import Centre


class DemoCentre:
    """The centre's connection and its open alarms. Use it as a context manager; entering connects. One thread."""

    def __init__(self, stage: Stage) -> None:
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        identity = stage.settings.identity
        self._centre = Centre(
            [f"mqtt://127.0.0.1:{stage.port}"],
            key=stage.key,
            name="demo-centre",
            root=identity.root,
            filters=[identity.up("#")],
            on_heard=self._heard.put,
        )

    def __enter__(self) -> "DemoCentre":
        self._centre.__enter__()
        self._centre.await_connection()
        return self

    def __exit__(self, *_: object) -> None:
        self._centre.__exit__(None, None, None)

    def next(self, timeout_s: float) -> Heard | None:
        """Return the next message, or None when none came in time."""
        try:
            return self._heard.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def answer(self, action: str) -> str:
        """Sign an ack and send it; return one line that says how the kiosk answered.

        It answers the newest open alarm; for `registered`, the newest that nobody has registered yet, if there is one.
        """
        opened = sorted(self._centre.open_alarms(), key=lambda alarm: alarm.data.raised_at)
        waiting = [each for each in opened if each.data.stage not in {AlarmStage.REGISTERED, AlarmStage.DISPATCHED}]
        alarms = (waiting if action == "registered" else []) or opened
        if not alarms:
            return "There is no open alarm to answer."
        alarm = alarms[-1]
        why: dict[str, Any] = {"reason": "helped"} if action == "closed" else {}
        try:
            result = self._centre.ack(alarm, AckAction(action), timeout_s=5.0, by="Thandi", **why).result()
        except BrokerError as error:
            return str(error)
        others = [each.data.input for each in waiting if each.alarm_id != alarm.alarm_id]
        left = ""
        if action == "closed" and result.status == "succeeded" and len(opened) > 1:
            left = f" {len(opened) - 1} more open."
        if action == "registered" and others:
            left = f' Green waits for an answer to "{others[-1]}" as well.'
        return f'The kiosk verified the signed ack for "{alarm.data.input}": {result.status} ({result.text}).{left}'


def data_of(heard: Heard) -> dict[str, Any]:
    """Return the `data` of an envelope; empty for a picture."""
    try:
        data: dict[str, Any] = json.loads(heard.payload)["data"]
    except (ValueError, KeyError, TypeError):
        return {}
    return data
