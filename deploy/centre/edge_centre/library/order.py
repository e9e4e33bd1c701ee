"""Which message of a device is newer, and which came already."""

from typing import NamedTuple

REMEMBERED = 2000
"""How many identifiers are remembered for each device. What comes twice comes soon after: a broker that repeats what it
was not told to have arrived, a device that has lost its connection, several nodes of a cluster. One that comes again
counts as just heard, so what a broken node repeats for hours stays known. Replayed messages, which are older, are known
by their number in the record."""
_EPOCHS = 16
_LONGEST_NONCE = 64


class Order(NamedTuple):
    """Where a message stands among those of its device; a larger one is newer."""

    epoch: int
    """The rank of the epoch: a later one is larger."""
    seq: int


class Numbers:
    """The epochs, identifiers and nonce of one device. Pure, one thread."""

    def __init__(self) -> None:
        self._ids: dict[int, None] = {}
        """By their hash, which takes half the memory; the one that was heard last comes last."""
        self._early: dict[int, None] = {}
        """Those that came ahead of any number of others, and have not come after them yet."""
        self._ranks: dict[str, int] = {}
        self._live: set[str] = set()
        """The epochs of which something was heard that was not retained."""
        self._ahead: set[str] = set()
        """Those of which nothing was heard but alarms that came ahead of the rest."""
        self._made: dict[str, str] = {}
        """Until something fresh is heard: by epoch, the latest time that brokers had kept, by a clock that was set."""
        self._nonce: tuple[Order, str] | None = None
        self.epoch = ""
        """The newest one; empty before the first."""

    def is_new(self, message_id: str, *, ahead: bool = False) -> bool:
        """Note an identifier; return whether it was not known."""
        this = hash(message_id)
        known = this in self._ids or this in self._early
        if not ahead:
            self._early.pop(this, None)
        ids = self._early if ahead else self._ids
        ids.pop(this, None)
        ids[this] = None
        if len(ids) > REMEMBERED:
            del ids[next(iter(ids))]
        return not known

    def place(
        self,
        epoch: str,
        seq: int,
        nonce: str | None,
        *,
        live: bool,
        ahead: bool = False,
        made: str | None = None,
    ) -> Order | None:
        """Return the order of a message; None if it does not belong to the device's count.

        An epoch that is heard for the first time is the newest. One that is not `live`, but retained or a will, does
        not make it so where another one is known: a broker may have kept it for months. Nor does one with the newest
        nonce, which the device has given out with another epoch: its disk came late. Nor does one that was waiting
        while an alarm of the newest epoch came `ahead` of it.

        Until something fresh is heard, the newest of the epochs that brokers had kept is the one that was `made` last
        (RFC 3339; None where the device's clock was not set).
        """
        if not epoch:
            return None
        if live and epoch not in self._live:
            was_waiting = self.epoch in self._ahead and not ahead
            if epoch != self.epoch and (nonce is None or nonce != self.nonce) and not was_waiting:
                self._ranks[epoch] = max(self._ranks.values(), default=0) + 1
            self._live.add(epoch)
            if ahead:
                self._ahead.add(epoch)
            self._made.clear()
        elif not self._live and made is not None:
            newest = self._made.get(self.epoch)
            self._made[epoch] = max(made, self._made.get(epoch, ""))
            if epoch != self.epoch and newest is not None and made > newest:
                self._ranks[epoch] = max(self._ranks.values()) + 1
        if not ahead:
            self._ahead.discard(epoch)
        if epoch not in self._ranks:
            self._ranks[epoch] = min(self._ranks.values(), default=2) - 1
        while len(self._ranks) > _EPOCHS:
            oldest = min(self._ranks, key=self._ranks.__getitem__)
            del self._ranks[oldest]
            self._live.discard(oldest)
            self._ahead.discard(oldest)
            self._made.pop(oldest, None)
        self.epoch = max(self._ranks, key=self._ranks.__getitem__)
        rank = self._ranks.get(epoch)
        return None if rank is None else Order(rank, seq)

    def order(self, epoch: str, seq: int) -> Order | None:
        """Return the order of a message that has its place, as that is now."""
        rank = self._ranks.get(epoch)
        return None if rank is None else Order(rank, seq)

    def newest_rank(self) -> int:
        """Return the rank of the newest epoch."""
        return self._ranks.get(self.epoch, 0)

    def hear_nonce(self, order: Order, nonce: str | None) -> None:
        """Note the nonce of a message."""
        if nonce and len(nonce) <= _LONGEST_NONCE and (self._nonce is None or order >= self._nonce[0]):
            self._nonce = (order, nonce)

    @property
    def nonce(self) -> str | None:
        """The newest one that the device has said."""
        return None if self._nonce is None else self._nonce[1]
