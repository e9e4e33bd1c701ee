"""The two lines of a supervised button: one closes when it is pressed, the other one opens."""

from dataclasses import dataclass

from agent.contract.vocabulary import Fault
from agent.core.events import Edge, InputFault
from agent.core.wiring import ButtonRules


@dataclass(slots=True)
class _Move:
    """From rest to rest: whether the normally-open line was active, and whether both were at once."""

    began_ns: int
    no: bool = False
    both: bool = False


class Pair:
    """Compares the two lines. At rest none is active, pressed both are.

    Only the normally-open line active: both are closed, `short`. Only the normally-closed one: both are open,
    `open`. That is a fault when it lasts longer than the settling time, as no finger moves both at once.

    What a press has shown to be broken looks whole again when the button is let go. So such a fault stays until a
    press moves both lines. One that has lasted for `stuck_after_s` was no press, and ends with its cause.
    """

    def __init__(self, rules: ButtonRules) -> None:
        self._name = rules.name
        self._settle_ns = rules.settle_ms * 1_000_000
        self._lasting_ns = int(rules.stuck_after_s * 1e9)
        self._hold_ns = int(rules.hold_s * 1e9)
        self._no = False
        self._nc = False
        self._changed_ns = 0
        """When the lines came into the state in which they are."""
        self._move: _Move | None = None
        """What they have done since they left their rest; None when they have settled there again."""
        self._faults: dict[Fault, int] = {}
        """Those there are, and since when."""

    @property
    def pressed(self) -> bool:
        """Whether both lines say that the button is pressed."""
        return self._no and self._nc

    def press(self, edge: Edge) -> bool:
        """Take the next edge of either line; true when it is a press although the normally-open line did not move.

        That line has then been closed for long, so the other one is all that can tell.
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
        """The faults that have begun or ended, and the time of a press that only the normally-closed line told."""
        told: list[InputFault] = []
        press_ns: int | None = None
        if now_ns >= self._changed_ns + self._settle_ns:
            mismatch = self._mismatch
            if mismatch is not None and mismatch not in self._faults:
                self._faults[mismatch] = self._changed_ns
                told.append(InputFault(self._name, mismatch, True, self._changed_ns))
            elif self._move is not None and not (self._no or self._nc):
                lasted_ns = self._changed_ns - self._move.began_ns
                if not self._move.no and max(self._settle_ns, self._hold_ns) <= lasted_ns < self._lasting_ns:
                    press_ns = self._move.began_ns
                if self._move.both or lasted_ns >= self._lasting_ns:
                    told += [InputFault(self._name, fault, False, ns) for fault, ns in self._faults.items()]
                    self._faults.clear()
                self._move = None
        return told, press_ns

    def due_ns(self) -> int | None:
        """When `tick` has something to tell or to decide."""
        settling = self._move is not None and not (self._no or self._nc)
        suspect = self._mismatch is not None and self._mismatch not in self._faults
        return self._changed_ns + self._settle_ns if settling or suspect else None

    @property
    def _mismatch(self) -> Fault | None:
        if self._no == self._nc:
            return None
        return Fault.SHORT if self._no else Fault.OPEN
