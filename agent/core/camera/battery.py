"""How much of their work cameras do while the kiosk runs on its battery. Pure; any thread."""

from dataclasses import dataclass
from enum import StrEnum

from agent.contract.vocabulary import ContactKind


class Watch(StrEnum):
    """What a camera process does."""

    FULL = "full"
    SLOW = "slow"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class BatteryRules:
    """When cameras slow down and stop, in seconds without mains."""

    slow_after_s: float
    stop_after_s: float
    frames_per_second: float
    """Of a slow camera, at most; inferences too."""
    has_mains: bool
    """Whether an input watches the mains; without one the battery's word alone counts."""


class Battery:
    """Follows the inputs that watch mains and battery. One thread tells, any thread asks."""

    def __init__(self, rules: BatteryRules) -> None:
        self.rules = rules
        self._without_ns: dict[str, int] = {}
        """By input: since when the mains are away, in boot time."""
        self._low: frozenset[str] = frozenset()

    def condition(self, name: str, kind: ContactKind, *, active: bool, since_ns: int) -> None:
        """Note that an input tells of mains or battery that it has failed, or is well again; others change nothing."""
        if kind == "mains":
            others = {each: ns for each, ns in self._without_ns.items() if each != name}
            self._without_ns = {**others, name: since_ns} if active else others
        elif kind == "battery":
            self._low = self._low | {name} if active else self._low - {name}

    def watch(self, now_ns: int) -> Watch:
        """Return what cameras do now. A battery that is low while the mains are there is no reason to stop."""
        since_ns = min(self._without_ns.values(), default=None)
        if self._low and (since_ns is not None or not self.rules.has_mains):
            return Watch.STOPPED
        if since_ns is None:
            return Watch.FULL
        without_s = (now_ns - since_ns) / 1e9
        if without_s >= self.rules.stop_after_s:
            return Watch.STOPPED
        return Watch.SLOW if without_s >= self.rules.slow_after_s else Watch.FULL
