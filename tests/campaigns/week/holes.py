"""What a centre that follows the contract's rules takes for lost, of all that it heard in the week."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from edge_centre.library.consumer import Consumer
from edge_centre.library.notices import HoleFilled, HoleFound, NewMessage, RecordSkipped, Unreadable

_STEP_S = 0.5


@dataclass(slots=True)
class Holes:
    """Numbers of the record."""

    heard: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    """Taken for lost at some time."""
    false: set[int] = field(default_factory=set)
    """Taken for lost, and heard before or after all the same."""
    skipped: int = 0
    """How often numbers were skipped."""
    unreadable: list[str] = field(default_factory=list)

    def faults(self, explained: int) -> list[str]:
        """What is wrong with it; `explained` numbers may really be lost, as the device says so."""
        found = [f"{len(self.false)} numbers of the record were taken for lost, and were not"] if self.false else []
        really = len(self.lost - self.false)
        found += [f"{really} numbers of the record are lost that nobody gave up"] if really > explained else []
        return found + [f"the centre can't read a message: {reason}" for reason in self.unreadable[:3]]


def listen(heard: Iterable[tuple[float, str, bytes]]) -> Holes:
    """Hear everything (time, topic and payload) as it came, and wait in between as a centre does."""
    consumer, found = Consumer(), Holes()
    consumer.connection("broker", True, 0.0)
    now_s = 0.0

    def note(notices: Iterable[object]) -> None:
        for notice in notices:
            match notice:
                case NewMessage() if (number := notice.message.envelope.record) is not None:
                    found.heard.add(number)
                case HoleFound():
                    found.lost |= {*range(notice.first, notice.last + 1)}
                case HoleFilled():
                    found.false.add(notice.number)
                case RecordSkipped():
                    found.skipped += 1
                case Unreadable():
                    found.unreadable.append(notice.reason)

    for at_s, topic, payload in heard:
        while now_s + _STEP_S < at_s <= now_s + 60:
            now_s += _STEP_S
            note(consumer.tick(now_s))
        now_s = max(now_s, at_s)
        note(consumer.tick(now_s))
        note(consumer.hear("broker", topic, payload, False, now_s))
    note(consumer.tick(now_s + 60))
    found.false |= found.lost & found.heard
    return found
