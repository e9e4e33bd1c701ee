"""Decides when a camera is tampered with. Pure: takes what single pictures suggest, and reports what lasts."""

from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass

from agent.contract.vocabulary import TamperKind

_SECOND_NS = 1_000_000_000
LASTS_S = 4.0
"""A suspicion is reported once it has lasted this long. A lorry or a person right before the lens is gone by then."""
OVER_S = 3.0
"""A tamper is over once the picture has been good for this long. After an uncover the exposure takes a moment."""
_SHARE = 0.85
"""The share of pictures in that time that must agree: one or two that say otherwise change nothing."""
_FEWEST_SAMPLES = 3
_HABIT_S = 20.0
"""Pictures that stayed the same for this long were frozen; it was not an encoder saving bits."""


@dataclass(frozen=True, slots=True)
class TamperChanged:
    """A tamper has begun or is over."""

    kind: TamperKind
    active: bool
    boottime_ns: int
    """Capture time of the first picture that showed it, or of the first that no longer did."""
    began_ns: int
    well: bool = True
    """At an end: False if it is unknown whether it is over, because something else is to be reported instead."""


class TamperJudge:
    """Reports what has lasted, one kind at a time: a covered camera is not also turned, dark and defocused.

    What began as one kind keeps that kind until the picture is good. The exception is `dark`, which nobody causes: it
    gives way to any other kind.
    """

    def __init__(self, kinds: Collection[TamperKind]) -> None:
        """Suspicions of kinds other than `kinds` are ignored."""
        self._kinds = frozenset(kinds)
        self._samples: deque[tuple[int, TamperKind | None]] = deque()
        self._began_ns = 0
        self.active: TamperKind | None = None
        """The kind that was reported last and is not over."""

    def update(self, suspicion: TamperKind | None, now_ns: int) -> list[TamperChanged]:
        """Take in what one picture, captured at `now_ns`, suggests, and return the changes. At any rate.

        If the stamp steps back, because a camera's clock was set, the count starts over.
        """
        samples = self._samples
        if samples and now_ns == samples[-1][0]:
            return []
        if samples and now_ns < samples[-1][0]:
            samples.clear()
        if len(samples) > 1 and now_ns - samples[-1][0] > max(3 * _SECOND_NS, 3 * (samples[-1][0] - samples[-2][0])):
            samples.clear()  # nobody knows what happened in between
        samples.append((now_ns, suspicion if suspicion in self._kinds else None))
        while len(samples) > _FEWEST_SAMPLES and samples[1][0] <= now_ns - LASTS_S * _SECOND_NS:
            samples.popleft()
        if self.active in {None, TamperKind.DARK} and (found := self._lasting(now_ns)) not in {None, self.active}:
            assert found is not None
            began_ns = next(at_ns for at_ns, kind in samples if kind is not None)
            return [*self._end(began_ns, well=False), *self._begin(found, began_ns)]
        well_ns = self._well_since(now_ns)
        return [] if well_ns is None else self._end(well_ns, well=True)

    def stuck(self, now_ns: int) -> list[TamperChanged]:
        """Report pictures that keep coming with the same stamp, `now_ns`: that alone proves that they are frozen."""
        if TamperKind.FROZEN not in self._kinds or self.active not in {None, TamperKind.DARK}:
            return []
        return [*self._end(now_ns, well=False), *self._begin(TamperKind.FROZEN, now_ns)]

    def forget(self, now_ns: int) -> list[TamperChanged]:
        """Start over, because the pictures are different ones from now on; what was known of the old ones is over."""
        self._samples.clear()
        return self._end(now_ns, well=False)

    def _lasting(self, now_ns: int) -> TamperKind | None:
        if not self._spans(LASTS_S, now_ns):
            return None
        kinds = Counter(kind for _, kind in self._samples if kind is not None)
        if kinds.total() < _SHARE * len(self._samples):
            return None
        return kinds.most_common()[0][0]

    def _well_since(self, now_ns: int) -> int | None:
        if not self._spans(OVER_S, now_ns):
            return None
        count = sum(at_ns >= now_ns - OVER_S * _SECOND_NS for at_ns, _ in self._samples)
        recent = list(self._samples)[-max(count, _FEWEST_SAMPLES) :]
        well = [at_ns for at_ns, kind in recent if kind is None]
        return well[0] if recent[-1][1] is None and len(well) >= _SHARE * len(recent) else None

    def _spans(self, seconds: float, now_ns: int) -> bool:
        return len(self._samples) >= _FEWEST_SAMPLES and now_ns - self._samples[0][0] >= seconds * _SECOND_NS

    def _begin(self, kind: TamperKind, began_ns: int) -> list[TamperChanged]:
        self.active, self._began_ns = kind, began_ns
        return [TamperChanged(kind, True, began_ns, began_ns)]

    def _end(self, now_ns: int, *, well: bool) -> list[TamperChanged]:
        kind, self.active = self.active, None
        return [] if kind is None else [TamperChanged(kind, False, now_ns, self._began_ns, well)]


class Stillness:
    """Decides whether it is suspicious for this camera that a picture equals the one before.

    A real sensor never gives the same picture twice. But an encoder that saves bits sends nothing while nothing moves,
    until its next key frame. So a standstill that has ended by itself before is a habit, and only one of more than
    twice its length is suspicious.
    """

    def __init__(self) -> None:
        self._since_ns = self._last_ns = 0
        self._habit_ns = 0

    def update(self, same: bool, now_ns: int) -> bool:
        """Take in the picture of `now_ns` and whether it equals the one before. Return whether that is suspicious."""
        if same:
            self._last_ns = now_ns
            return now_ns - self._since_ns > 2 * self._habit_ns
        lasted_ns = self._last_ns - self._since_ns
        if lasted_ns < _HABIT_S * _SECOND_NS:
            self._habit_ns = max(self._habit_ns, lasted_ns)
        self._since_ns = self._last_ns = now_ns
        return False
