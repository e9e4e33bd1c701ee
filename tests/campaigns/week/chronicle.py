"""What really happened to the kiosk, and when: the truth that the agent's words about itself are held against."""

from array import array
from collections import defaultdict
from collections.abc import Iterable

from tests.campaigns.week.schedule import Span


class Chronicle:
    """Times are seconds since the beginning of the week. In arrays, which take no memory that could hide a leak."""

    def __init__(self) -> None:
        self._spans: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._lives: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._since_s: dict[str, float] = {}

    def note(self, at_s: float, ills: Iterable[str]) -> None:
        """These are ill from now on, and nothing else is."""
        ills = {*ills}
        for kind in self._since_s.keys() - ills:
            self.add(Span(kind, self._since_s.pop(kind), at_s))
        for kind in ills - self._since_s.keys():
            self._since_s[kind] = at_s

    def add(self, span: Span) -> None:
        """Something was ill from then till then."""
        self._spans[span.kind].extend((span.begin_s, span.end_s))

    def lived(self, life: Span) -> None:
        """A run of the agent is over; its kind is how it ended."""
        self._lives[life.kind].extend((life.begin_s, life.end_s))

    @property
    def lives(self) -> list[Span]:
        """The runs of the agent, one after the other."""
        return sorted(_spans(self._lives), key=lambda life: life.begin_s)

    def ends(self) -> list[Span]:
        """Each end of a run as a moment."""
        names = {"power-cut": "power cut", "kill": "restart"}
        return [Span(names.get(life.kind, life.kind), life.end_s, life.end_s) for life in self.lives]

    def of(self, *kinds: str) -> list[Span]:
        """What there was of these kinds; of all, if none is named."""
        return [span for span in _spans(self._spans) if not kinds or span.kind in kinds]

    def overlap(self, begin_s: float, end_s: float, *kinds: str) -> bool:
        """Whether any of these was so at some time in between."""
        return any(span.begin_s <= end_s and begin_s <= span.end_s for span in self.of(*kinds) if kinds)

    def cover(self, begin_s: float, end_s: float, *kinds: str) -> bool:
        """Whether one of these was so all the time from before the beginning until after the end."""
        return any(span.begin_s < begin_s and end_s < span.end_s for span in self.of(*kinds) if kinds)


def _spans(times: "dict[str, array[float]]") -> list[Span]:
    return [Span(kind, *pair) for kind, each in times.items() for pair in zip(each[::2], each[1::2], strict=True)]
