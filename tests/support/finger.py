"""A finger on one button, and a clock that meets every deadline of it."""

from agent.core.facts import Edge, InputFact, InputFault, Pressed
from agent.core.inputs.button import Button
from agent.core.wiring import ButtonRules

MS = 1_000_000


class Finger:
    """Moves the lines of one button; times are milliseconds. Deadlines are met to the millisecond."""

    def __init__(self, *, supervised: bool = False, **rules: float) -> None:
        self._supervised = supervised
        self.button = Button(ButtonRules("police", supervised=supervised, **rules))  # type: ignore[arg-type]
        self.facts: list[InputFact] = []

    def no(self, at: int, *, closed: bool, at_start: bool = False) -> None:
        self.until(at)
        self.facts += self.button.take(Edge("police", closed, at * MS, at_start))

    def nc(self, at: int, *, closed: bool, at_start: bool = False) -> None:
        self.until(at)
        self.facts += self.button.take(Edge("police", not closed, at * MS, at_start, normally_closed=True))

    def press(self, at: int, hold: int = 200) -> None:
        """Both lines of a healthy supervised button, or the one of a plain one, 2 ms apart."""
        for start, down in ((at, True), (at + hold, False)):
            if self._supervised:
                self.nc(start, closed=not down)
            self.no(start + 2, closed=down)

    def until(self, at: int) -> None:
        while (due := self.button.due_ns()) is not None and due <= at * MS:
            before = self.button.due_ns()
            self.facts += self.button.tick(due)
            assert self.button.due_ns() != before, "a deadline that has passed is no deadline any more"

    def presses(self) -> list[int]:
        """When presses were made, in ms."""
        return [fact.edge_ns // MS for fact in self.facts if isinstance(fact, Pressed)]

    def faults(self) -> list[tuple[str, bool, int]]:
        """Faults that began and ended, and since when, in ms."""
        return [(f.fault.value, f.active, f.since_ns // MS) for f in self.facts if isinstance(f, InputFault)]

    def told(self) -> list[tuple[int, int]]:
        """Presses as they were told: when the first of each was made, in ms, and how many they are."""
        return [(fact.edge_ns // MS, fact.count) for fact in self.facts if isinstance(fact, Pressed)]
