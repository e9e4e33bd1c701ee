"""The two lines of a supervised button: one closes when it is pressed, and the other opens."""

from dataclasses import dataclass

from agent.contract.vocabulary import Fault
from agent.core.facts import Edge, InputFault
from agent.core.wiring import ButtonRules


@dataclass(slots=True)
class _Move:
    """A movement from rest to rest: whether the normally-open line was active, and whether both were at once."""

    began_ns: int
    no: bool = False
    both: bool = False


class Pair:
    """Compares the two lines. At rest neither is active; pressed, both are.

    If only the normally-open line is active, both contacts are closed: `short`. If only the normally-closed line is
    active, both are open: `open`. Either is a fault only once it lasts longer than the settling time, because no finger
    moves both lines at the same instant.

    A defect that a press has revealed looks fine again when the button is released. So such a fault stays until a press
    moves both lines. A mismatch that has lasted for `stuck_after_s` was no press, and its fault ends with its cause.
    """

    def __init__(self, rules: ButtonRules) -> None:
        self._name = rules.name
        self._settle_ns = rules.settle_ms * 1_000_000
        self._lasting_ns = int(rules.stuck_after_s * 1e9)
        self._hold_ns = int(rules.hold_s * 1e9)
        self._no = False
        self._nc = False
        self._changed_ns = 0
        """When the lines came into their current state."""
        self._move: _Move | None = None
        """What they have done since they left their rest; None once they have settled there again."""
        self._faults: dict[Fault, int] = {}
        """The current faults, and since when."""

    @property
    def pressed(self) -> bool:
        """Whether both lines say that the button is pressed."""
        return self._no and self._nc

    def press(self, edge: Edge) -> bool:
        """Take the next edge of either line; return True if it is a press although the normally-open line did not move.

        In that case the normally-open line has been closed for long, so only the other line can show the press.
        """
        no = self._no if edge.normally_closed else edge.active
        nc = edge.active if edge.normally_closed else self._nc
        if (no, nc) == (self._no, self._nc):
            return False
        stuck_closed = self._mismatch is Fault.SHORT and edge.boottime_ns >= self._changed_ns + self._settle_ns
        self._no, self._nc, self._changed_ns = no, nc, edge.boottime_ns
        if self._move is None:
            self._move = _Move(edge.boottime_ns)
        self._move.no |= no
        self._move.both |= no and nc
        return stuck_closed and no and nc

    def tick(self, now_ns: int) -> tuple[list[InputFault], int | None]:
        """Return the faults that began or ended, and the time of a press that only the normally-closed line showed."""
        changes: list[InputFault] = []
        press_ns: int | None = None
        if now_ns >= self._changed_ns + self._settle_ns:
            mismatch = self._mismatch
            if mismatch is not None and mismatch not in self._faults:
                self._faults[mismatch] = self._changed_ns
                changes.append(InputFault(self._name, mismatch, True, self._changed_ns))
            elif self._move is not None and not (self._no or self._nc):
                lasted_ns = self._changed_ns - self._move.began_ns
                if not self._move.no and max(self._settle_ns, self._hold_ns) <= lasted_ns < self._lasting_ns:
                    press_ns = self._move.began_ns
                if self._move.both or lasted_ns >= self._lasting_ns:
                    changes += [InputFault(self._name, fault, False, ns) for fault, ns in self._faults.items()]
                    self._faults.clear()
                self._move = None
        return changes, press_ns

    def due_ns(self) -> int | None:
        """Return when `tick` next has something to report or to decide; None if nothing waits."""
        settling = self._move is not None and not (self._no or self._nc)
        suspect = self._mismatch is not None and self._mismatch not in self._faults
        return self._changed_ns + self._settle_ns if settling or suspect else None

    @property
    def _mismatch(self) -> Fault | None:
        if self._no == self._nc:
            return None
        return Fault.SHORT if self._no else Fault.OPEN
