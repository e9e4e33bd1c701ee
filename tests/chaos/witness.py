"""The command centre under chaos: a subscriber with a session that the broker keeps. It hears, and answers."""

import itertools
import json
from contextlib import AbstractContextManager
from types import TracebackType

from agent.adapters.jose_keys import PrivateKey
from tests.chaos.ledger import Arrival
from tests.support.agent_process import TREE
from tests.support.centre import Centre
from tests.support.subscriber import RefusedError
from tests.support.wait import wait_for

_MARKS = "chaos/mark"


class Witness(AbstractContextManager["Witness"]):
    """Hears everything below the device's topics, however often the broker dies. Main thread."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._centre: Centre | None = None
        self._read = 0
        self._marks = itertools.count()
        self.arrivals: list[Arrival] = []
        """What has come until the last `poll`, in order."""
        self._told: dict[tuple[str, str], int] = {}

    def __enter__(self) -> "Witness":
        self.join()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def join(self) -> None:
        """Connect, and take up the session again; tried until the broker has us."""
        assert self._centre is None, "joined already"
        self._centre = wait_for(self._connected, what="a broker that takes the witness")
        self._read = 0

    def leave(self) -> None:
        """Disconnect; the broker keeps the session."""
        centre, self._centre = self._centre, None
        if centre is not None:
            self._take(centre)
            centre.__exit__(None, None, None)

    def poll(self) -> int:
        """Take what has come; returns how many presses the centre knows of."""
        if self._centre is not None:
            self._take(self._centre)
        return sum(self._told.values())

    def catch_up(self) -> None:
        """Return when everything has come that the broker had taken before this call.

        A mark is sent through the broker to ourselves: what it had queued for us comes before the mark.
        """
        assert self._centre is not None
        mark = str(next(self._marks)).encode()
        subscriber = self._centre.subscriber
        subscriber.publish(_MARKS, mark, timeout_s=20)
        subscriber.wait_for(lambda heard: heard.topic == _MARKS and heard.payload == mark, timeout_s=20)
        self.poll()

    def answer(self, action: str, key: PrivateKey) -> None:
        """Sign and send this answer for every alarm that is open as far as we know."""
        assert self._centre is not None
        self.poll()
        newest: dict[str, Arrival] = {}
        for arrival in self.arrivals:
            if arrival.is_alarm:
                known = newest.setdefault(arrival.data["alarm_id"], arrival)
                if arrival.seq > known.seq:
                    newest[arrival.data["alarm_id"]] = arrival
        for alarm_id, last in newest.items():
            if last.data["stage"] != "closed":
                self._centre.acknowledge(alarm_id, key, action, last.data["press_count"])

    def _connected(self) -> Centre | None:
        centre = Centre(self._port, client_id="chaos-centre", persistent=True, more_filters=[_MARKS])
        try:
            return centre.__enter__()
        except (RefusedError, OSError):
            return None

    def _take(self, centre: Centre) -> None:
        heard = centre.subscriber.heard
        for message in heard[self._read :]:
            if message.topic.startswith(f"{TREE}/up/"):
                arrival = Arrival(message.arrived_ns, message.topic, message.retain, json.loads(message.payload))
                self.arrivals.append(arrival)
                if arrival.is_alarm:
                    key = (arrival.data["input"], arrival.data["alarm_id"])
                    self._told[key] = max(arrival.data["press_count"], self._told.get(key, 0))
        self._read = len(heard)
