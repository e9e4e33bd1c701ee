"""The command centre at every node: it hears, with one memory for all, says that it watches, and answers."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress

from agent.trust.jose_keys import PrivateKey, sign
from edge_centre.adapters.paho_centre import CentreConnection as Tool
from tests.campaigns.brokers.cluster import Node
from tests.support.centre import Centre, Message, read
from tests.support.wait import wait_for

NAME = "jhb-centre"
_REPEAT_S = 2.0

_ANSWER_S = 30.0


class Witness(AbstractContextManager["Witness"]):
    """Subscribed at each node, as the contract asks: QoS 1, a client id for each. One thread."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._ears: dict[str, Centre] = {}
        self._read: Counter[str] = Counter()
        self._tools = ExitStack()
        self._watches: dict[str, bool] = {}
        self.known: dict[str, Message] = {}
        """Every message by its id, as it came first; there is one source."""

    def __enter__(self) -> "Witness":
        for node in self._nodes:
            self.join(node)
            tool = Tool(
                node.url,
                on_link=lambda up, _, name=node.name: self._watches.update({name: up}),  # type: ignore[misc]
                state_topic=f"edge/v1/host/{NAME}/state",
            )
            tool.open([])
            self._tools.callback(tool.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._tools.close()
        for name in list(self._ears):
            self.leave(name)

    def join(self, node: Node) -> None:
        """Listen at this node. The centre's word comes back there by itself."""

        def joined() -> Centre | None:
            with suppress(Exception):  # it is only starting
                centre = Centre(node.port, client_id=f"centre-{node.name}")
                centre.__enter__()
                return centre
            return None

        centre = wait_for(joined, 60, f"{node.name}, which takes the centre")
        assert centre is not None
        self._ears[node.name] = centre

    def await_watching(self) -> None:
        """Return when the centre says at every node that it watches."""
        wait_for(
            lambda: len(self._watches) == len(self._nodes) and all(self._watches.values()), 60, "the centre's word"
        )

    def leave(self, name: str) -> None:
        """That node is dead."""
        self.poll()
        self._read.pop(name, None)
        self._ears.pop(name).__exit__(None, None, None)

    def poll(self) -> None:
        """Take what has come."""
        for name, ear in self._ears.items():
            heard = ear.subscriber.heard
            fresh, self._read[name] = heard[self._read[name] :], len(heard)
            for message in (read(each) for each in fresh if not each.retain):
                if message is not None:
                    self.known.setdefault(message.id, message)

    def of(self, under: str) -> list[Message]:
        """What is known under `up/UNDER`."""
        self.poll()
        return [each for each in self.known.values() if f"/up/{under}" in each.topic]

    def answer(self, alarm_id: str, action: str, press_count: int, key: PrivateKey) -> float:
        """Sign an ack and send it to every node that lives, again and again under one `cmd_id`, until its result has
        come; returns the seconds that took. Raises AssertionError when it does not come."""
        began_s = time.monotonic()
        sent_s = -_REPEAT_S
        any_ear = next(iter(self._ears.values()))
        nonce = max((each for each in self.of("state") if each.data["state"] == "online"), key=lambda each: each.seq)
        claims = any_ear.ack_claims(alarm_id, key, action, boot_nonce=str(nonce.data["boot_nonce"]))
        claims["args"]["press_count"] = press_count

        def answered() -> list[Message]:
            nonlocal sent_s
            if time.monotonic() - sent_s >= _REPEAT_S:
                sent_s = time.monotonic()
                fresh = any_ear.ack_claims(alarm_id, key, action, boot_nonce=claims["boot_nonce"])
                token = sign({**claims, **{name: fresh[name] for name in ("iat", "exp", "ctr")}}, key)
                for ear in self._ears.values():
                    ear.send(f"ack/{alarm_id}", token)
            return self.of(f"result/{claims['cmd_id']}")

        result = wait_for(answered, _ANSWER_S, f"the result of {action}")[0]
        assert result.data["status"] == "succeeded", result.data
        return time.monotonic() - began_s
