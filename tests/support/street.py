"""A siren in a street where time goes as a test wants it."""

from dataclasses import dataclass, field
from typing import Any

from agent.contract.messages import AlarmData
from agent.contract.stages import Stage
from agent.core.alarms.siren import Siren, SirenRules, Turn
from tests.support.drafts import alarm_data

S = 10**9
RULES = SirenRules(after_ns=30 * S, limit_ns=180 * S, total_ns=400 * S)


def alarm(alarm_id: str = "a", stage: Stage = Stage.UNCONFIRMED, **fields: Any) -> AlarmData:
    return alarm_data(alarm_id, stage=stage, **fields)


@dataclass
class Street:
    """A siren, and a time that a test sets in seconds."""

    rules: SirenRules = RULES
    boot_id: str = "boot-1"
    kept: dict[str, Turn] = field(default_factory=dict)
    earnest: str = "actual"

    def __post_init__(self) -> None:
        self.siren = Siren(self.rules, self.earnest, self.boot_id, self.kept.get)  # type: ignore[arg-type]

    def at(self, seconds: float, *alarms: AlarmData) -> list[tuple[str, str]]:
        """What it tells at this time with these alarms open: the alarm and the reason."""
        changes = self.siren.update(alarms, int(seconds * S))
        for alarm_id, turn in self.siren.unkept.items():
            if turn is None:
                self.kept.pop(alarm_id, None)
            else:
                self.kept[alarm_id] = turn
        return [(change.alarm.alarm_id, change.reason) for change in changes]

    @property
    def sounds(self) -> bool:
        return bool(self.siren.sounds_for)

    def later(self, boot_id: str = "boot-1") -> "Street":
        """The next run of the agent."""
        return Street(self.rules, boot_id, self.kept, self.earnest)
