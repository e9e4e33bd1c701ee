"""The devices that are played: by every broker they speak to the subscriber that is graded, and hear what it orders."""

import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from agent.contract.commands import Circumstances, CommandRejected, UsedCounters, check, read_claims
from agent.contract.errors import BrokerError
from agent.contract.host_state import CentreStateError, read_state
from agent.contract.identity import Identity
from agent.contract.messages import AlarmData
from agent.contract.mistakes import mistake
from agent.trust.jose_keys import KeyRing
from agent.trust.tls_context import TlsFiles
from edge_centre.adapters.paho_centre import CentreConnection, Heard
from edge_centre.conform.oversize import publish_largest
from edge_centre.conform.verdict import Wrong
from edge_centre.conform.view import View
from edge_centre.conform.voice import Made, Voice, closed, press

PATIENCE_S = 10.0
"""How long a subscriber may take to show what it has heard."""
_PROVINCE = "conform"
Condition = tuple[str, Callable[[View], bool]]
"""What is wrong where it is false, and whether a view is right."""


@dataclass(slots=True)
class Order:
    """An ack or a command that a played device has heard."""

    name: str
    claims: dict[str, Any]
    heard_s: float
    brokers: set[int]
    trouble: str = ""
    """Why a device would refuse it, if it would."""

    @property
    def args(self) -> dict[str, Any]:
        """Its arguments; empty if there are none."""
        args = self.claims.get("args")
        return args if isinstance(args, dict) else {}


class Fleet:
    """Connections to every broker, through which every device speaks. Use it as a context manager."""

    def __init__(self, brokers: Sequence[str], tls: TlsFiles, root: str, keys: KeyRing) -> None:
        """`keys` are those that the devices obey. Raises BrokerError for an address or file that can't be used."""
        self.root = root
        self.keys = keys
        self.site = f"run-{secrets.token_hex(4)}"
        self.changed = threading.Condition()
        self.views: defaultdict[str, list[View]] = defaultdict(list)
        """All that the subscriber has said of each device."""
        self.centre = ""
        """The name of the subscriber, once it has spoken."""
        self.bad_views: list[str] = []
        self.host_states: list[tuple[int, str, bool | None]] = []
        """What centres say of themselves: broker, topic, and whether they watch; None for what is not of the form."""
        self._is_over = False
        self._players: dict[str, Player] = {}
        self._brokers = brokers
        self._connections = [
            CentreConnection(url, tls, partial(self._hear, number)) for number, url in enumerate(brokers)
        ]

    def __enter__(self) -> Self:
        devices = f"{self.root}/{_PROVINCE}/{self.site}/+/down"
        filters = [f"{self.root}/conform/+/view", f"{self.root}/host/+/state", f"{devices}/ack/+"]
        for connection in self._connections:
            connection.open([*filters, f"{devices}/command/+"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(value, BrokerError):  # else each would wait for a broker that is gone
            for player in self._players.values():
                player.leave()
        while self._connections:
            self._connections.pop().close()

    @property
    def size(self) -> int:
        """How many brokers there are."""
        return len(self._connections)

    def player(self, name: str) -> "Player":
        """Return a new device of that name."""
        player = Player(self, Identity(_PROVINCE, self.site, name, self.root))
        with self.changed:
            self._players[name] = player
        return player

    def send_largest(self, topic: str) -> None:
        """Publish messages as large as the broker takes, by each of the brokers. Raises BrokerError."""
        for connection in self._connections:
            publish_largest(connection, topic)

    def send(self, made: Made, broker: int = 0) -> None:
        """Publish by one of the brokers; wait until it has it. Raises BrokerError."""
        self._connections[broker].publish(made.topic, made.payload, retain=made.retain)

    def wait(self, true: Callable[[], bool], within_s: float) -> bool:
        """Wait until it is true, which only what is heard can make it; return whether it is."""
        with self.changed:
            return self.changed.wait_for(lambda: self._is_over or true(), within_s) and not self._is_over

    def give_up(self) -> None:
        """Let nobody wait any longer: somebody has had enough, or a broker is gone."""
        with self.changed:
            self._is_over = True
            self.changed.notify_all()

    def _hear(self, broker: int, heard: Heard) -> None:
        levels = heard.topic.removeprefix(f"{self.root}/").split("/")
        with self.changed:
            if levels[0] == "conform" and levels[-1] == "view":
                self._see(levels[1], heard.payload)
            elif levels[0] == "host":
                try:
                    self.host_states.append((broker, heard.topic, read_state(heard.payload, len(heard.payload))))
                except CentreStateError:
                    self.host_states.append((broker, heard.topic, None))
            elif (player := self._players.get(levels[2])) is not None:
                player.hear(broker, levels[4], levels[-1], heard.payload)
            self.changed.notify_all()

    def _see(self, centre: str, payload: bytes) -> None:
        try:
            view = View.model_validate_json(payload)
        except ValidationError as error:
            self.bad_views.append(mistake(error))
            return
        if f"/{self.site}/" in view.device:  # what is retained may be of an earlier run
            self.centre = centre
            self.views[view.device].append(view)


class Player:
    """One device that is played. One thread, but for `hear`."""

    def __init__(self, fleet: "Fleet", identity: Identity) -> None:
        self.fleet = fleet
        self.voice = Voice(identity)
        self.source = identity.source
        self.bdseq = 0
        self.events = 0
        """How many different events it has said."""
        self.orders: list[Order] = []
        """What it has heard, each once."""
        self._tokens: dict[bytes, Order] = {}
        self._nonces = {self.voice.nonce: time.monotonic()}
        self._retained: set[tuple[str, int]] = set()

    # --- what it says

    def send(self, made: Made, broker: int = 0) -> Made:
        """Send a message, for the first time or again."""
        if made.retain:
            self._retained.add((made.topic, broker))
        self.fleet.send(made, broker)
        return made

    def birth(self, broker: int = 0) -> None:
        """Connect by a broker: say `online`, and that no alarm is open."""
        self.bdseq += 1
        self.send(self.voice.state("online", self.bdseq), broker)
        self.send(self.voice.open_list(), broker)

    def raised(self, **fields: Any) -> AlarmData:
        """Connect, and raise an alarm, which is returned."""
        self.birth()
        alarm = press(**fields)
        self.alarm(alarm)
        return alarm

    def event(self, broker: int = 0, **fields: Any) -> Made:
        """Say a new event."""
        self.events += 1
        return self.send(self.voice.event(**fields), broker)

    def alarm(self, data: AlarmData, /, broker: int = 0, **fields: Any) -> Made:
        """Say how an alarm is."""
        return self.send(self.voice.alarm(data, **fields), broker)

    def answer(self, order: "Order", status: str, code: str, **output: Any) -> None:
        """Say what became of an order."""
        self.send(self.voice.result(order.claims["cmd_id"], order.name, status, code, output))

    def new_nonce(self) -> str:
        """From now on its messages carry another nonce, which is returned."""
        with self.fleet.changed:
            nonce = self.voice.new_nonce()
            self._nonces[nonce] = time.monotonic()
        return nonce

    def begin_epoch(self) -> None:
        """Start again without a memory."""
        self.voice.begin_epoch()
        self.new_nonce()
        self.bdseq = 0

    def leave(self) -> None:
        """Take away what it has retained."""
        for topic, broker in self._retained:
            self.fleet.send(Made(topic, b"", retain=True), broker)

    # --- what it sees and hears

    @property
    def views(self) -> list[View]:
        """All that the subscriber has said of it."""
        return self.fleet.views[self.source]

    def see(self, *conditions: Condition, within_s: float | None = None) -> None:
        """Wait until the newest view is right. Raises Wrong with what is wrong with it when the time is up."""

        def faults() -> list[str]:
            if not self.views:
                return ["does not show the device"]
            return [fault for fault, is_right in conditions if not is_right(self.views[-1])]

        if not self.fleet.wait(lambda: not faults(), PATIENCE_S if within_s is None else within_s):
            with self.fleet.changed:
                raise Wrong(*faults() or ["shows it too late"])

    def settle(self, broker: int = 0) -> None:
        """Raise an exercise, and close it when it is shown: then all that the broker had before has been heard."""
        marker = press(status="exercise")
        self.alarm(marker, broker)
        self.see(("does not go on after it", lambda view: view.alarm(marker.alarm_id) is not None))
        self.alarm(closed(marker), broker)
        self.see(("does not go on after it", lambda view: view.alarm(marker.alarm_id) is None))

    def stays(self, fault: str, is_right: Callable[[View], bool], for_s: float) -> None:
        """Wait so long; raise Wrong as soon as a view has been wrong."""
        if self.fleet.wait(lambda: not all(map(is_right, self.views)), for_s):
            raise Wrong(fault)

    def expect(
        self, fault: str, where: Callable[[Order], bool], within_s: float | None = None, after: Order | None = None
    ) -> Order:
        """Wait for an order that a device would execute, and return it. Raises Wrong."""

        def heard() -> list[Order]:
            return self.orders[0 if after is None else self.orders.index(after) + 1 :]

        def found() -> Order | None:
            return next((order for order in heard() if not order.trouble and where(order)), None)

        self.fleet.wait(lambda: found() is not None, PATIENCE_S if within_s is None else within_s)
        with self.fleet.changed:
            order = found()
            if order is None:
                raise Wrong(
                    fault, *sorted({f"its {each.name} is refused: {each.trouble}" for each in heard() if each.trouble})
                )
            return order

    def quiet(self, fault: str, is_wrong: Callable[[Order], bool], for_s: float, grace_s: float | None = None) -> None:
        """Wait so long; raise Wrong as soon as there is an order that should not be: any so far, or with `grace_s` one
        that comes later than that from now."""
        since_s = 0.0 if grace_s is None else time.monotonic() + grace_s
        if self.fleet.wait(lambda: any(order.heard_s > since_s and is_wrong(order) for order in self.orders), for_s):
            raise Wrong(fault)

    def hear(self, broker: int, kind: str, level: str, payload: bytes) -> None:
        """Take in what came on one of its topics. The client library's thread, under the fleet's lock."""
        known = self._tokens.get(payload)
        if known is not None:
            known.brokers.add(broker)
            return
        order = self._tokens[payload] = self._judge(kind, level, payload)
        order.brokers.add(broker)
        self.orders.append(order)

    def _judge(self, kind: str, level: str, payload: bytes) -> Order:
        order = Order("ack" if kind == "ack" else level, {}, time.monotonic(), set())
        try:
            signed = self.fleet.keys.verify(payload)
            order.claims = signed.claims
            claims = read_claims(signed.claims)
            counters = frozenset(each.claims["ctr"] for each in self.orders if not each.trouble)
            born_s = self._nonces.get(claims.boot_nonce or "")
            age_s = None if born_s is None else time.monotonic() - born_s
            window = UsedCounters(seen=counters)
            here = Circumstances(self.source, kind, level, window, age_s, datetime.now(UTC), self.voice.clock)
            check(claims, signed.role, here)
            if claims.iss != signed.issuer:
                order.trouble = f"wrong-issuer (the key is that of {signed.issuer})"
        except CommandRejected as error:
            order.trouble = f"{error.code} ({error})"
        return order
