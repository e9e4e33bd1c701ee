"""Detects that a camera delivers no pictures, whatever the reason. Pure."""

from agent.contract.vocabulary import TamperKind
from agent.core.camera.tamper import TamperChanged

_SECOND_NS = 1_000_000_000
_LONGEST_LOOK_NS = _SECOND_NS
"""A longer time between two calls counts as this much: in such a gap the caller did not run either."""
_FIRST_S = 15.0
"""How long the first picture may take after the start: the model is loaded and the camera opened first."""
_PATIENCE_S = 4.0
_OVER_S = 2.0


class VideoLoss:
    """Takes the age of the newest picture, and reports when there have been none for too long. One thread."""

    def __init__(self, frames_per_second: float) -> None:
        """`frames_per_second` is the camera's rate; a slow camera is given more time."""
        self._patience_ns = int(max(_PATIENCE_S, 3 / frames_per_second) * _SECOND_NS)
        self._limit_ns = int(_FIRST_S * _SECOND_NS)
        self._looked_ns: int | None = None
        self._unseen_ns = 0
        self._well_ns = 0
        self._began_ns: int | None = None

    def pictured(self, age_ns: int, now_ns: int) -> None:
        """Note the age of the newest picture at `now_ns`."""
        self._pass(now_ns)
        self._unseen_ns = min(self._unseen_ns, age_ns)
        self._limit_ns = self._patience_ns

    def restarted(self) -> None:
        """Note that the camera begins anew, as we want it to: the first picture may take as long as at the start."""
        if self._began_ns is None:
            self._unseen_ns, self._limit_ns = 0, int(_FIRST_S * _SECOND_NS)

    def tick(self, now_ns: int) -> TamperChanged | None:
        """Return a change that has become certain, if any. Call it several times a second."""
        self._pass(now_ns)
        if self._began_ns is None:
            if self._unseen_ns <= self._limit_ns:
                return None
            self._began_ns = now_ns - self._unseen_ns
            return TamperChanged(TamperKind.SIGNAL_LOST, True, self._began_ns, self._began_ns)
        if self._well_ns < _OVER_S * _SECOND_NS:
            return None
        began_ns, self._began_ns = self._began_ns, None
        return TamperChanged(TamperKind.SIGNAL_LOST, False, now_ns - self._well_ns, began_ns)

    def _pass(self, now_ns: int) -> None:
        passed_ns = 0 if self._looked_ns is None else min(now_ns - self._looked_ns, _LONGEST_LOOK_NS)
        self._looked_ns = now_ns
        self._unseen_ns += passed_ns
        near = self._began_ns is not None and self._unseen_ns < self._patience_ns // 2
        self._well_ns = self._well_ns + passed_ns if near else 0
