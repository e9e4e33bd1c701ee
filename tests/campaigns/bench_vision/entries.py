"""Alarms beside true entries, scored as i-LIDS scored video analytics: by event, with a recall bias.

The i-LIDS User Guide (Home Office Centre for Applied Science and Technology, publication 10/11) counts an alarm as
true if it comes within 10 s of the event's beginning, and ranks systems by F1 = (a + 1) R P / (R + a P), where R is
the share of the events that were found, P the share of the alarms that were true, and a the recall bias of the role.
Its value for operational alert in the sterile zone, where a guard follows up each alarm, is taken at second hand: 0.65.
It is a weighted harmonic mean: with a = 1 it is the usual F1, and below 1 a false alarm weighs more than a miss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

RECALL_BIAS = 0.65
WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Score:
    """How many entries were found and missed, how many alarms were false, and how late the true ones came."""

    found: int
    missed: int
    false: int
    delays_s: tuple[float, ...] = ()

    @property
    def recall(self) -> float:
        """1 where there was nothing to find."""
        return self.found / (self.found + self.missed) if self.found + self.missed else 1.0

    @property
    def precision(self) -> float:
        """1 where there was no alarm."""
        return self.found / (self.found + self.false) if self.found + self.false else 1.0

    @property
    def f1(self) -> float:
        """With the recall bias; 0 where all alarms are false or every entry was missed."""
        both = self.recall + RECALL_BIAS * self.precision
        return (RECALL_BIAS + 1) * self.recall * self.precision / both if both else 0.0


def score(entries: Sequence[float], alarms: Sequence[float], *, early_s: float = 0.0) -> Score:
    """Times in s. Each alarm takes the oldest entry that waits for one; `early_s`: how far a true time may be late."""
    waiting = sorted(entries)
    delays: list[float] = []
    false = 0
    for alarm in sorted(alarms):
        waiting = [entry for entry in waiting if alarm <= entry + WITHIN_S]
        if waiting and waiting[0] - early_s <= alarm:
            delays.append(alarm - waiting.pop(0))
        else:
            false += 1
    return Score(len(delays), len(entries) - len(delays), false, tuple(delays))
