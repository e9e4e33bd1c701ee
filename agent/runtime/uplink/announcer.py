"""Announces this device to the centre: birth, description, farewell, and the will for when it can't say anything."""

import json

from agent import __version__
from agent.contract.device import CommissionedData, MetaData
from agent.contract.envelope import Stamp, rfc3339, seal
from agent.contract.messages import Draft, StateData
from agent.contract.uuid7 import Uuid7Source
from agent.outbox.outbox import Outbox
from agent.ports import OutgoingMessage
from agent.runtime.supervision.context import Context

BDSEQ_KEY = "bdseq"
COMMISSIONED_KEY = "commissioned"
"""What is kept of the newest report, with the device's name then (`device`) and its `board`."""


class Announcer:
    """The birth and death of one device. `will` and `connected` on the publisher's thread; the rest from any thread."""

    def __init__(
        self,
        *,
        context: Context,
        outbox: Outbox,
        meta: MetaData,
        config_revision: str,
    ) -> None:
        self._outbox = outbox
        self._reporter = context.reporter
        self._clock = context.clock
        self._meta = meta
        self._config_revision = config_revision
        self._ids = Uuid7Source()
        self._bdseq = self._will_bdseq = self._last_bdseq()

    def will(self) -> OutgoingMessage:
        """Make the will for the next connection, with a `bdseq` of its own that the birth will repeat.

        The will is made before it is true, so it takes no new sequence number: it repeats the last one given.
        """
        self._will_bdseq += 1
        self._outbox.keep(BDSEQ_KEY, str(self._will_bdseq))
        return self.unnumbered(self._state("lost", self._will_bdseq))

    def unnumbered(self, draft: Draft) -> OutgoingMessage:
        """Make a message that does not go through the outbox. It repeats the last number that was given, and has no
        nonce, since a will is read long after it is made. Any thread."""
        wall = self._clock.wall()
        recordtop, recorddone = self._outbox.record
        stamp = Stamp(
            id=self._ids.next(int(wall.timestamp() * 1000)),
            seq=self._outbox.seq,
            time=rfc3339(wall),
            monoms=self._clock.boottime_ns() // 1_000_000,
            timeq=self._clock.quality().value,
            recordtop=recordtop,
            recorddone=recorddone,
        )
        payload = seal(draft, self._reporter.make.identity.source, self._clock.boot_id, stamp, self._outbox.epoch)
        return OutgoingMessage(draft.topic, payload, draft.qos, draft.retain)

    def connected(self) -> None:
        """Note that the connection of the last will is up: from here on births are its births.

        A connection that is only being tried must not change the births of the one in use, whose will has the older
        number.
        """
        self._bdseq = self._will_bdseq

    def birth(self) -> None:
        """Publish that the device is online, and its description."""
        self._reporter.publish(self._state("online", self._bdseq))
        self.describe()

    def describe(self) -> None:
        """Publish the description."""
        meta = self._meta.model_copy(update={"commissioned": self.commissioned()})
        self._reporter.publish(self._reporter.make.meta(meta))

    def commissioned(self) -> CommissionedData | None:
        """Return what is known of the newest report under this name, with this board; None if there is none."""
        text = self._outbox.kept(COMMISSIONED_KEY).get(COMMISSIONED_KEY)
        try:
            kept = {} if text is None else json.loads(text)
            is_own = kept.get("device") == self._reporter.make.identity.user
            board, own = kept.get("board", "").split(), self._outbox.board.split()
            is_here = not board or not own or not set(board).isdisjoint(own)
            return CommissionedData.model_validate(kept) if is_own and is_here else None
        except (ValueError, AttributeError, RecursionError):
            return None

    def configured(self, meta: MetaData, config_revision: str) -> None:
        """Describe the device so from now on, and publish it."""
        self._meta, is_new = meta, config_revision != self._config_revision
        self._config_revision = config_revision
        if is_new:
            self.birth()
        else:
            self.describe()

    def farewell(self) -> None:
        """Publish an orderly end."""
        self._reporter.publish(self._state("offline", self._bdseq))

    def _last_bdseq(self) -> int:
        """Return the number of the last connection. If it can't be read, return one far above any, since the centre
        takes a lower one for old."""
        text = self._outbox.kept(BDSEQ_KEY).get(BDSEQ_KEY, "0")
        if self._outbox.knows_all and text.isdecimal():
            return int(text)
        return max(int(self._clock.wall().timestamp()), int(text) if text.isdecimal() else 0)

    def _state(self, state: str, bdseq: int) -> Draft:
        return self._reporter.make.state(
            StateData.model_validate(
                {
                    "state": state,
                    "bdseq": bdseq,
                    "epoch": self._outbox.epoch,
                    "boot_nonce": self._outbox.nonces.first,
                    "agent_version": __version__,
                    "config_revision": self._config_revision,
                }
            )
        )
