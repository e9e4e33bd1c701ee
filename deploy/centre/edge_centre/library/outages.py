"""Which devices can't be reached: told once for each, and once for a whole suburb that goes dark at the same time."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from math import inf
from typing import NamedTuple

from edge_centre.library.notices import DevicesBack, DevicesGone, Notice

PERHAPS, CERTAIN = 0.52, 1.0
"""From which absence on a device is told of together with others, and from which on by itself. Between the two lies
more than one report of its health, by which devices that went dark at the same moment seem to differ."""
_SURVEY_S = 5.0
_STEADY_S = 10.0
_BACK_WITHIN_S = 60.0
"""So long the first device that is back waits for the others of its place, so that they are one message."""


class Liveness(NamedTuple):
    """What one run of a centre's program tells the next one about a device."""

    gone: str | None
    """The place of the message in which it was told gone; None while it is there."""
    health_s: float
    """How often it reports its health, as far as that is known."""


class Absence(NamedTuple):
    """How a device seems now."""

    degree: float
    """0 if it is there; see `PERHAPS` and `CERTAIN`."""
    heard_s: float
    """When the device itself last spoke; -inf if it has not in this run."""
    unheard: tuple[str, ...] = ()
    """The brokers by which it last spoke, if we are connected to none of them."""


@dataclass(slots=True)
class _Outage:
    """Devices that were told gone in one message."""

    place: str
    told_s: float
    left: set[str]
    back: dict[str, float] = field(default_factory=dict)
    """Those that have come back, which is still to be told, and when that was noticed."""


class Outages:
    """Tells who is gone and who is back. Pure, one thread."""

    def __init__(self, before: Mapping[str, Liveness]) -> None:
        """`before` is what an earlier run knew, by device."""
        places = defaultdict[str, set[str]](set)
        for source, known in before.items():
            if known.gone is not None:
                places[known.gone].add(source)
        self._outages = [_Outage(place, -inf, sources) for place, sources in places.items()]
        self._gone = {source: each.place for each in self._outages for source in each.left}
        self._surveyed_s = -inf

    def is_due(self, now_s: float) -> bool:
        """Return whether to call `survey`: seldom, as that looks at every device."""
        return now_s >= self._surveyed_s + _SURVEY_S

    def place_of(self, source: str) -> str | None:
        """Return the place of the message in which a device was told gone; None if it is there."""
        return self._gone.get(source)

    def survey(self, now_s: float, absences: Mapping[str, Absence]) -> list[Notice]:
        """Return who is gone and who is back. `absences` has every device that is known."""
        self._surveyed_s = now_s
        told: list[Notice] = [notice for each in self._outages for notice in self._back(each, now_s, absences)]
        self._outages = [each for each in self._outages if each.left]
        return [*told, *self._new(now_s, absences)]

    def _back(self, outage: _Outage, now_s: float, absences: Mapping[str, Absence]) -> Iterator[Notice]:
        for source in outage.left:
            seems = absences.get(source)
            if seems is None or seems.degree >= PERHAPS or seems.heard_s <= outage.told_s:
                outage.back.pop(source, None)
            else:
                outage.back.setdefault(source, now_s)
        since_s = outage.back.values()
        all_are_steady = len(outage.back) == len(outage.left) and now_s >= max(since_s) + _STEADY_S
        if not outage.back or not (all_are_steady or now_s >= min(since_s) + _BACK_WITHIN_S):
            return
        outage.left -= outage.back.keys()
        for source in outage.back:
            del self._gone[source]
        yield DevicesBack(outage.place, (*sorted(outage.back),), len(outage.left))
        outage.back = {}

    def _new(self, now_s: float, absences: Mapping[str, Absence]) -> Iterator[Notice]:
        there = [source for source in absences if source not in self._gone]
        dark = {source for source in there if absences[source].degree >= PERHAPS}
        if not any(absences[source].degree >= CERTAIN for source in dark):
            return
        # Whoever spoke by a broker that we have lost has this in common, wherever it is.
        by_link = defaultdict[tuple[str, ...], list[str]](list)
        for source in dark:
            by_link[absences[source].unheard].append(source)
        rest = by_link.pop((), [])
        for brokers, sources in [*by_link.items(), *(((), each) for each in _together(rest, there))]:
            if any(absences[source].degree >= CERTAIN for source in sources):
                place = _common_place(sources)
                of = sum(place in _places(source) for source in there)
                self._outages.append(_Outage(place, now_s, set(sources)))
                self._gone |= dict.fromkeys(sources, place)
                heard_s = max(absences[source].heard_s for source in sources)
                yield DevicesGone(place, (*sorted(sources),), of, brokers, heard_s)


def _together(dark: Collection[str], there: Iterable[str]) -> Iterator[list[str]]:
    """Sort dark devices by the largest place that is dark: where most of its parts are, and most of its devices."""
    dark = {*dark}
    devices, gone, parts = Counter[str](), Counter[str](), defaultdict[str, set[str]](set)
    for source in there:
        places = _places(source)
        devices.update(places)
        gone.update(places if source in dark else ())
        for whole, part in pairwise(places):
            parts[whole].add(part)

    @cache
    def is_dark(place: str) -> bool:
        most = 2 * gone[place] > devices[place]
        return most and (place not in parts or 2 * sum(map(is_dark, parts[place])) > len(parts[place]))

    together = defaultdict[str, list[str]](list)
    for source in dark:
        together[next(place for place in _places(source) if is_dark(place))].append(source)
    yield from together.values()


def _common_place(sources: Iterable[str]) -> str:
    """Return the smallest place that all of them are in."""
    return max(set.intersection(*({*_places(source)} for source in sources)), key=len)


def _places(source: str) -> list[str]:
    """Return what a device is in, from everything ("") to itself: `gp`, `gp/soweto`, `gp/soweto-clinic`, ..."""
    province, site, device = source.removeprefix("/edge/").split("/")
    words = site.split("-")
    parts = [f"{province}/{'-'.join(words[:number])}" for number in range(1, len(words) + 1)]
    return ["", province, *parts, f"{province}/{site}/{device}"]
