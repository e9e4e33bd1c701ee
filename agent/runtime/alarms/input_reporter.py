"""Reports to the centre the faults of the inputs, and the conditions of the kiosk that inputs watch."""

import logging
from collections.abc import Callable
from datetime import timedelta

from agent.contract.envelope import rfc3339
from agent.contract.events import ConditionData, InputFaultData
from agent.contract.vocabulary import Codes, ConditionKind, Fault
from agent.core.camera.battery import Battery
from agent.core.facts import ConditionChanged, InputFault
from agent.runtime.supervision.context import Context

log = logging.getLogger(__name__)

_CODES: dict[tuple[ConditionKind, bool], Codes] = {
    ("tamper", True): {"contact_id": "137", "sia": "TA"},
    ("tamper", False): {"contact_id": "137", "sia": "TR"},
    ("mains", True): {"contact_id": "301", "sia": "AT"},
    ("mains", False): {"contact_id": "301", "sia": "AR"},
    ("battery", True): {"contact_id": "302", "sia": "YT"},
    ("battery", False): {"contact_id": "302", "sia": "YR"},
}
_IN_WORDS = {
    Fault.SHORT: "both contacts are closed: a short, or the normally-closed line is dead",
    Fault.OPEN: "both contacts are open: the cable is cut, or the normally-open line is dead",
    Fault.STUCK: "it stays pressed",
    Fault.CHATTER: "it is pressed far too often: rain, a loose contact or a hand; presses are reported as sums",
    Fault.UNUSABLE: "it can't be watched",
}


class InputReporter:
    """Publishes an event for each fault and condition, and reports the part `input-NAME` for an input with a fault. One
    thread."""

    def __init__(self, context: Context, service: Callable[[str, bool], None], battery: Battery | None = None) -> None:
        """`service` hears that the contact inside the cabinet is held, or was let go; `battery` hears of mains and
        battery."""
        self._service = service
        self._battery = battery
        self._reporter = context.reporter
        self._board = context.board
        self._clock = context.clock
        self._faults: dict[str, dict[Fault, str]] = {}

    def report(self, fact: InputFault | ConditionChanged) -> None:
        """Report that a fault of an input has begun or ended, or that the condition it watches has changed."""
        ago = timedelta(microseconds=(self._clock.boottime_ns() - fact.since_ns) // 1000)
        since = rfc3339(self._clock.wall() - ago)
        if isinstance(fact, InputFault):
            self._reporter.publish(
                self._reporter.make.input_fault(
                    InputFaultData(
                        input=fact.input,
                        fault=fact.fault,
                        active=fact.active,
                        since=since,
                        presses=fact.presses,
                        detail=fact.detail or _IN_WORDS[fact.fault],
                    )
                )
            )
            self._report(fact)
        elif fact.kind == "service":
            self._service(fact.input, fact.active)
        else:
            if self._battery is not None:
                self._battery.condition(fact.input, fact.kind, active=fact.active, since_ns=fact.since_ns)
            log.info("%s %s: %s", fact.kind, fact.input, "failed" if fact.active else "well")
            self._reporter.publish(
                self._reporter.make.condition(
                    ConditionData(
                        input=fact.input,
                        kind=fact.kind,
                        active=fact.active,
                        since=since,
                        codes=_CODES[fact.kind, fact.active],
                    )
                )
            )

    def _report(self, fact: InputFault) -> None:
        faults = self._faults.setdefault(fact.input, {})
        if fact.active:
            faults[fact.fault] = fact.detail or _IN_WORDS[fact.fault]
        else:
            faults.pop(fact.fault, None)
        self._board.report(f"input-{fact.input}", ok=not faults, detail="; ".join(faults.values()))
