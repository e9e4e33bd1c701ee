"""The books of the power cuts: what was pressed against what the disk had when the power went. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SAFE_MS = 1000.0
"""A press so long before the cut must be on the disk, in an emulator some twenty times slower than a Pi."""


@dataclass(frozen=True, slots=True)
class Press:
    """One press whose yellow light was lit, and how long before the cut its contact had closed."""

    input: str
    before_cut_ms: float


@dataclass(frozen=True, slots=True)
class Life:
    """Of the machine, from one cut to the next."""

    presses: Sequence[Press]
    """In their order."""
    cut_off: str | None
    """The button that was being pressed when the power went."""
    left: Mapping[str, int]
    """What the disk counted then, by input."""


@dataclass(slots=True)
class Verdict:
    """Of one cut or more."""

    made: int = 0
    """Presses whose closing contact was told by the machine before it went off."""
    old: int = 0
    """Of these, how many must be on the disk."""
    kept: int = 0
    lost: list[Press] = field(default_factory=list)
    """Old enough, and not on the disk."""
    forgotten_ms: float | None = None
    """How long before a cut the oldest press was that the disk did not have."""
    invented: int = 0
    """On the disk, and nobody has pressed."""

    def add(self, other: "Verdict") -> None:
        """Sum up."""
        self.made += other.made
        self.old += other.old
        self.kept += other.kept
        self.lost += other.lost
        self.invented += other.invented
        self.forgotten_ms = max(filter(None, (self.forgotten_ms, other.forgotten_ms)), default=None)


def judge(lives: Sequence[Life], before: Mapping[str, int] | None = None) -> Verdict:
    """Over these, one after the other. The first began with `before` on the disk, or with nothing."""
    total, before = Verdict(), before or {}
    for life in lives:
        total.add(_judge(life, before))
        before = life.left
    return total


def _judge(life: Life, before: Mapping[str, int]) -> Verdict:
    """One. The disk has the presses of an input in their order: those that it has not are the last ones."""
    presses, after = life.presses, life.left
    verdict = Verdict(made=len(presses), old=sum(press.before_cut_ms > SAFE_MS for press in presses))
    made = Counter(press.input for press in presses)
    possible = made + Counter([life.cut_off] if life.cut_off else [])
    for name in {*before, *after, *made}:
        counted = after.get(name, 0) - before.get(name, 0)
        verdict.invented += max(0, counted - possible[name])
        own = [press for press in presses if press.input == name]
        verdict.kept += min(len(own), max(0, counted))
        forgotten = own[max(0, counted) :]
        verdict.lost += [press for press in forgotten if press.before_cut_ms > SAFE_MS]
        # Fewer than before: what an earlier boot had kept is gone.
        verdict.lost += [Press(name, float("inf"))] * max(0, -counted)
        if forgotten:
            verdict.forgotten_ms = max(verdict.forgotten_ms or 0.0, forgotten[0].before_cut_ms)
    return verdict
