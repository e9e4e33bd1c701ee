"""The command centre under chaos: at every broker, with a session that the broker keeps. It hears, and answers."""

import itertools
import json
from contextlib import AbstractContextManager

from agent.trust.jose_keys import PrivateKey, sign
from tests.campaigns.chaos.ledger import Arrival
from tests.support.agent_process import TREE
from tests.support.centre import Centre
from tests.support.subscriber import RefusedError
from tests.support.wait import wait_for

_MARKS = "chaos/mark"


class Witness(AbstractContextManager["Witness"]):
    """Hears everything below the device's topics at these brokers, however often they die. Main thread."""

    def __init__(self, *ports: int) -> None:
        self._ears = {port: _Ear(port) for port in ports}
        self._told: dict[tuple[str, str], int] = {}
        self.arrivals: list[Arrival] = []
        """What has come until the last `poll`."""

    def __enter__(self) -> "Witness":
        try:
            for port in self._ears:
                self.join(port)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def join(self, port: int) -> None:
        """Connect to this broker, and take up the session again; tried until the broker has us."""
        self._ears[port].join()

    def leave(self, port: int) -> None:
        """Hear all that this broker has taken until now, and disconnect; the broker keeps the session."""
        self._ears[port].catch_up()
        self.poll()
        self._ears[port].leave()

    def poll(self) -> int:
        """Take what has come; returns how many presses the centre knows of."""
        for arrival in (arrival for ear in self._ears.values() for arrival in ear.take()):
            self.arrivals.append(arrival)
            if arrival.is_alarm:
                key = (arrival.data["input"], arrival.data["alarm_id"])
                self._told[key] = max(arrival.data["press_count"], self._told.get(key, 0))
        return sum(self._told.values())

    def catch_up(self) -> None:
        """Return when everything has come that the brokers had taken before this call."""
        for ear in self._ears.values():
            ear.catch_up()
        self.poll()

    def answer(self, action: str, key: PrivateKey) -> None:
        """Sign this answer for every alarm that is open as far as we know, and send it to every broker."""
        self.poll()
        newest: dict[str, Arrival] = {}
        for arrival in sorted(self.arrivals, key=lambda arrival: arrival.seq):
            if arrival.is_alarm:
                newest[arrival.data["alarm_id"]] = arrival
        said = [arrival for arrival in self.arrivals if arrival.envelope.get("nonce")]
        nonce = max(said, key=lambda arrival: arrival.seq).envelope["nonce"]
        for alarm_id, last in newest.items():
            if last.data["stage"] != "closed":
                self._send(alarm_id, key, action, last.data["press_count"], str(nonce))

    def _send(self, alarm_id: str, key: PrivateKey, action: str, press_count: int, nonce: str) -> None:
        centres = [ear.centre for ear in self._ears.values() if ear.centre is not None]
        claims = centres[0].ack_claims(alarm_id, key, action, boot_nonce=nonce)
        claims["args"]["press_count"] = press_count
        ack = sign(claims, key)
        for centre in centres:
            centre.send(f"ack/{alarm_id}", ack)

    def _end(self) -> None:
        for ear in self._ears.values():
            ear.leave()


class _Ear:
    """The centre at one broker."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._marks = itertools.count()
        self._read = 0
        self.centre: Centre | None = None

    def join(self) -> None:
        assert self.centre is None, "joined already"
        self.centre = wait_for(self._connected, what="a broker that takes the witness")
        self._read = 0

    def leave(self) -> None:
        centre, self.centre = self.centre, None
        if centre is not None:
            centre.__exit__(None, None, None)

    def take(self) -> list[Arrival]:
        """What has come since the last call."""
        if self.centre is None:
            return []
        heard = self.centre.subscriber.heard
        fresh, self._read = heard[self._read :], len(heard)
        return [
            Arrival(each.arrived_ns, each.topic, each.retain, json.loads(each.payload))
            for each in fresh
            if each.topic.startswith(f"{TREE}/up/")
        ]

    def catch_up(self) -> None:
        """A mark is sent through the broker to ourselves: what it had queued for us comes before the mark."""
        assert self.centre is not None, "nobody listens at this broker"
        mark = str(next(self._marks)).encode()
        subscriber = self.centre.subscriber
        subscriber.publish(_MARKS, mark, timeout_s=20)
        subscriber.wait_for(lambda heard: heard.topic == _MARKS and heard.payload == mark, timeout_s=20)

    def _connected(self) -> Centre | None:
        centre = Centre(self._port, client_id="chaos-centre", persistent=True, more_filters=[_MARKS])
        try:
            return centre.__enter__()
        except (RefusedError, OSError):
            return None
