"""A console of a control room: it has a key of its own, and knows of other consoles only what the kiosk says."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from agent.trust.jose_keys import PrivateKey, sign
from tests.support.centre import Centre, Message, read
from tests.support.wait import PATIENCE_S, wait_for

AGAIN_S = 1.0


class Console(AbstractContextManager["Console"]):
    """Hears the kiosk at every broker, and answers its alarms by all of them. One thread at a time."""

    def __init__(self, key: PrivateKey, *ports: int) -> None:
        self._key = key
        self._centres = [Centre(port) for port in ports]
        self._stack = ExitStack()
        self._pool = ThreadPoolExecutor(8)
        """One that hangs with its broker must not hold up the others."""
        self._heard: dict[str, Message] = {}
        """By identifier, each once, whichever broker brought it."""
        self._looked_at = [0] * len(ports)
        self._nonce = (0, "")
        self._birth = (0, 0)
        """The highest `bdseq` of a birth, and the broker that it came from, by its place."""

    @property
    def name(self) -> str:
        """What `issuer` says of it."""
        return self._key.issuer

    @property
    def in_use(self) -> int:
        """The broker at which the kiosk is, by its place."""
        self._read()
        return self._birth[1]

    def __enter__(self) -> "Console":
        with ExitStack() as stack:
            for centre in self._centres:
                stack.enter_context(centre)
            stack.callback(self._pool.shutdown)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def answer(
        self, alarm_id: str, action: str, at: threading.Barrier | None = None, **said: Any
    ) -> tuple[int, dict[str, Any]]:
        """Sign an ack, send it by every broker when all are there, and again until its result comes.

        Returns the number of the result, and its data.
        """
        wait_for(self._newest_nonce, what="a nonce of the kiosk")
        claims = self._centres[0].ack_claims(alarm_id, self._key, boot_nonce=self._newest_nonce())
        claims["args"] = {"alarm_id": alarm_id, "action": action, **said}
        for attempt in range(int(PATIENCE_S / AGAIN_S)):
            token = sign(claims, self._key)
            if at is not None and not attempt:
                at.wait(PATIENCE_S)
            for centre in self._centres:
                self._pool.submit(centre.send, f"ack/{alarm_id}", token)
            if found := self._result(claims["cmd_id"]):
                return found
            fresh = self._centres[0].ack_claims(alarm_id, self._key, boot_nonce=self._newest_nonce())
            claims |= {name: fresh[name] for name in ("iat", "exp", "ctr", "boot_nonce")}
        raise AssertionError(f"{self.name} has heard no result of {action}")

    def alarm(self, alarm_id: str) -> dict[str, Any]:
        """What it shows of an alarm: the newest that the kiosk has said of it; empty for an unknown one."""
        told = list(self._told(alarm_id))
        return max(told, key=lambda each: each[0])[1] if told else {}

    def history(self, alarm_id: str) -> list[dict[str, Any]]:
        """All that the alarm's own messages have said, in the kiosk's order."""
        self._read()
        own = [m for m in self._heard.values() if m.type.startswith("edge.alarm.") and m.data["alarm_id"] == alarm_id]
        return [message.data for message in sorted(own, key=lambda message: message.seq)]

    @property
    def alarms(self) -> set[str]:
        """The identifiers of all alarms that it has heard raised."""
        self._read()
        return {m.data["alarm_id"] for m in self._heard.values() if m.type == "edge.alarm.raised.v1"}

    def _told(self, alarm_id: str) -> Iterator[tuple[int, dict[str, Any]]]:
        self._read()
        for message in self._heard.values():
            if message.type.startswith("edge.alarm"):
                for data in message.data.get("open", [message.data]):
                    if data["alarm_id"] == alarm_id:
                        yield message.seq, data

    def _result(self, command_id: str) -> tuple[int, dict[str, Any]] | None:
        def found() -> tuple[int, dict[str, Any]] | None:
            self._read()
            results = (m for m in self._heard.values() if m.topic.endswith(f"/result/{command_id}"))
            said = [(m.seq, m.data) for m in results if m.data["status"] != "rejected"]
            return min(said, key=lambda each: each[0]) if said else None  # a later one only repeats it

        try:
            return wait_for(found, timeout_s=AGAIN_S, what="a result")
        except AssertionError:
            return None

    def _newest_nonce(self) -> str:
        self._read()
        return self._nonce[1]

    def _read(self) -> None:
        for place, centre in enumerate(self._centres):
            heard = centre.subscriber.heard
            for message in filter(None, map(read, heard[self._looked_at[place] :])):
                self._heard[message.id] = message
                self._nonce = max(self._nonce, (message.seq, message.nonce)) if message.nonce else self._nonce
                if message.type == "edge.state.v1" and message.data["state"] == "online":
                    self._birth = max(self._birth, (message.data["bdseq"], place))
            self._looked_at[place] = len(heard)
