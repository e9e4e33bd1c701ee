"""One button: turns the edges of its lines into presses and faults."""

from dataclasses import replace

from agent.contract.vocabulary import Fault
from agent.core.facts import Edge, InputFact, InputFault
from agent.core.inputs.chatter import PressReporter
from agent.core.inputs.contact import Contact
from agent.core.inputs.hold import Hold
from agent.core.inputs.pair import Pair
from agent.core.wiring import ButtonRules


class Button:
    """Judges the edges of one button. Whatever is wrong with it, a press is reported at its first edge.

    Only three kinds of press wait: one that must be held; one that only the normally-closed line of a supervised button
    has shown; and one that seems to follow another without a release (see `Contact`). While the button chatters,
    presses are reported as sums.
    """

    def __init__(self, rules: ButtonRules) -> None:
        self._name = rules.name
        self._contact = Contact(rules.debounce_ms)
        self._hold = Hold(rules.hold_s, rules.debounce_ms)
        self._pair = Pair(rules) if rules.supervised else None
        self._reporter = PressReporter(rules.name, rules.chatter_presses, rules.chatter_window_s)
        self._stuck_after_ns = int(rules.stuck_after_s * 1e9)
        self._pressed_since_ns: int | None = None
        self._faults: dict[Fault, str] = {}

    @property
    def presses(self) -> int:
        """Presses since the start."""
        return self._reporter.presses

    @property
    def cut_short(self) -> int:
        """Presses since the start that were not held long enough, and so not reported."""
        return self._hold.cut_short

    @property
    def faults(self) -> dict[Fault, str]:
        """The current faults, each with more about it or an empty text."""
        return dict(self._faults)

    def take(self, edge: Edge) -> list[InputFact]:
        """Take the next edge of a line of this button."""
        if edge.at_start and not edge.active:
            return []  # the button is assumed at rest until an edge comes, and one may have come already
        facts = self._noted(self._due(edge.boottime_ns))
        pressed = False
        if not edge.normally_closed:
            pressed = self._hold.press(edge, begins=self._contact.press(edge))
        if self._pair is not None:
            pressed = self._pair.press(edge) or pressed
        if pressed:
            facts += self._noted(self._reporter.press(edge.boottime_ns))
        return facts + self._noted(self._watch(edge, anew=pressed))

    def tick(self, now_ns: int) -> list[InputFact]:
        """Return what has become due."""
        return self._noted(self._due(now_ns))

    def due_ns(self) -> int | None:
        """Return when `tick` next has something to report or to decide; None if nothing waits."""
        due = [self._reporter.due_ns(), self._hold.due_ns(), self._contact.due_ns()]
        if self._pair is not None:
            due.append(self._pair.due_ns())
        if self._pressed_since_ns is not None and Fault.STUCK not in self._faults:
            due.append(self._pressed_since_ns + self._stuck_after_ns)
        return min((ns for ns in due if ns is not None), default=None)

    def report_next(self) -> None:
        """Report the next press at once, even while the button chatters."""
        self._reporter.report_next()

    def flush(self) -> list[InputFact]:
        """Return the presses that no sum has reported yet."""
        return self._reporter.flush()

    def lost(self, detail: str, now_ns: int) -> list[InputFact]:
        """Note that a line of this button can't be watched."""
        return self._noted([InputFault(self._name, Fault.UNUSABLE, True, now_ns, detail=detail)])

    def _due(self, now_ns: int) -> list[InputFact]:
        facts: list[InputFact] = []
        presses: list[tuple[int | None, int]] = []
        anew_ns = self._contact.tick(now_ns)
        if anew_ns is not None:
            again = Edge(self._name, True, anew_ns)
            if self._hold.press(again, begins=True):
                presses.append((anew_ns, 0))
            facts = self._watch(again, anew=True)
        presses.append((self._hold.tick(now_ns), self._hold.hold_ns))
        if self._pair is not None:
            faults, press_ns = self._pair.tick(now_ns)
            facts += faults
            presses.append((press_ns, 0))
        facts += self._reporter.tick(now_ns)
        for press_ns, held_ns in presses:
            if press_ns is not None:
                facts += self._reporter.press(press_ns, held_ns)
        since_ns = self._pressed_since_ns
        if since_ns is not None and Fault.STUCK not in self._faults and now_ns >= since_ns + self._stuck_after_ns:
            facts.append(InputFault(self._name, Fault.STUCK, True, since_ns))
        return facts

    def _watch(self, edge: Edge, *, anew: bool) -> list[InputFact]:
        """Track how long the button has been pressed; `anew` if it was pressed once more."""
        since_ns = self._pressed_since_ns
        pressed = edge.active if self._pair is None else self._pair.pressed
        if not pressed:
            self._pressed_since_ns = None
        elif anew or since_ns is None:
            self._pressed_since_ns = edge.boottime_ns
        if Fault.STUCK not in self._faults or self._pressed_since_ns == since_ns:
            return []
        assert since_ns is not None
        return [InputFault(self._name, Fault.STUCK, False, since_ns)]

    def _noted(self, facts: list[InputFact]) -> list[InputFact]:
        """Keep track of the faults, and add the number of presses to them."""
        for number, fact in enumerate(facts):
            if isinstance(fact, InputFault):
                facts[number] = replace(fact, presses=self.presses)
                if fact.active:
                    self._faults[fact.fault] = fact.detail
                else:
                    del self._faults[fact.fault]
        return facts
