"""Decides whether the kiosk is in service: would a person hear of a press? Pure: each fact brings its time.

Without an uplink, or without anybody watching at the centre, it goes out of service once that has lasted longer than
the setting. After a failed self-test, when no button can be relied on, or when its card is a copy of another device's,
it does so at once. It comes back as soon as nothing is wrong.
"""

from dataclasses import dataclass

from agent.core.facts import ButtonsHeard, CentreWatched, SelfTested, UplinkChanged

ServiceFact = UplinkChanged | CentreWatched | SelfTested | ButtonsHeard

_AT_ONCE = ("self-test", "no-button", "copied-card")


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """The kiosk goes out of service for these reasons, has other reasons now, or comes back."""

    in_service: bool
    reasons: tuple[str, ...]


class Service:
    """Tracks whether the kiosk is in service. One thread at a time."""

    def __init__(self, out_of_service_after_ns: int, now_ns: int) -> None:
        """At the start there is no uplink yet. The centre and the self-test are unknown, so neither counts as wrong."""
        self._after_ns = out_of_service_after_ns
        self._wrong_since: dict[str, int] = {"no-uplink": now_ns}
        self._reported: tuple[str, ...] = ()

    @property
    def in_service(self) -> bool:
        """Whether the kiosk is in service, as last reported."""
        return not self._reported

    def take(self, fact: ServiceFact, now_ns: int) -> None:
        """Note a fact; `tick` returns what follows from it."""
        match fact:
            case UplinkChanged():
                self._note("no-uplink", wrong=not fact.up, now_ns=now_ns)
                self._note("copied-card", wrong=fact.is_copy, now_ns=now_ns)
            case CentreWatched():
                self._note("no-centre", wrong=not fact.online, now_ns=now_ns)
            case SelfTested():
                self._note("self-test", wrong=not fact.passed, now_ns=now_ns)
            case ButtonsHeard():
                self._note("no-button", wrong=not fact.any, now_ns=now_ns)

    def tick(self, now_ns: int) -> ServiceChange | None:
        """Return the change to report now: out of service, back in service, or out of service for other reasons."""
        # Once out of service it comes back only when all is well, so that an unsteady cause does not make it flicker.
        out = not self.in_service or any(self._due_ns(reason) <= now_ns for reason in self._wrong_since)
        reasons = tuple(sorted(self._wrong_since)) if out else ()
        if reasons == self._reported:
            return None
        self._reported = reasons
        return ServiceChange(self.in_service, reasons)

    def next_due_ns(self) -> int | None:
        """Return when `tick` may next have something to report without a new fact."""
        return min(map(self._due_ns, self._wrong_since), default=None) if self.in_service else None

    def _due_ns(self, reason: str) -> int:
        return self._wrong_since[reason] + (0 if reason in _AT_ONCE else self._after_ns)

    def _note(self, reason: str, *, wrong: bool, now_ns: int) -> None:
        if wrong:
            self._wrong_since.setdefault(reason, now_ns)
        else:
            self._wrong_since.pop(reason, None)
