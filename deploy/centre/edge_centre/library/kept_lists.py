"""Which list of a device's open alarms is the newest, where several brokers have kept one."""

from collections.abc import Set

from edge_centre.library.notices import Message

DECIDED_AFTER_S = 0.5
"""So long the first list waits for those of the other brokers: a call must ring within a second, connecting and all."""
_NONE: frozenset[str] = frozenset()


class KeptLists:
    """The lists that brokers had kept, held back until every broker has brought its own. Pure, one thread."""

    __slots__ = ("_brought", "_due_s", "_spell", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[str, Message] | None = None
        """By broker."""
        self._brought: Set[str] = _NONE
        self._due_s: float | None = None
        self._spell = 0

    def take(self, message: Message, brokers: Set[str], spell: int, *, is_new: bool) -> list[Message]:
        """Note a list, also one that came before by another broker; return those that are to be compared now.

        `brokers` are all that may have kept one. `spell` is another number once nothing was heard of any for a while.
        """
        if spell != self._spell:
            self._spell, self._brought, self._due_s = spell, _NONE, None
        self._brought = self._brought | {message.broker}
        if self._due_s is None:
            self._due_s = message.heard_s + DECIDED_AFTER_S
        if is_new:
            self._waiting = {**(self._waiting or {}), message.broker: message}
        if not self._brought >= brokers and message.heard_s < self._due_s:
            return []
        self._brought = brokers
        return self._taken()

    def due(self, now_s: float) -> list[Message]:
        """Return what is to be compared now although some broker has brought none."""
        return self._taken() if self._due_s is not None and now_s >= self._due_s else []

    @property
    def is_waiting(self) -> bool:
        """Whether a list is held back."""
        return self._waiting is not None

    def _taken(self) -> list[Message]:
        taken, self._waiting = self._waiting, None
        return [*taken.values()] if taken else []
