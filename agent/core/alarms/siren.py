"""When the siren sounds: the last resort if nobody answers an alarm. Pure: the caller passes the time, and the changes
to carry out come back. docs/alarm-life.md has the rules in words."""

import json
from collections.abc import Callable, Container, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args

from agent.contract.events import SirenReason, SoundReason
from agent.contract.messages import AlarmData, Status
from agent.contract.stages import Stage


@dataclass(frozen=True, slots=True)
class SirenRules:
    """When the siren begins, and how long it may sound, in nanoseconds of CLOCK_BOOTTIME."""

    stage: Literal[Stage.DELAYED, Stage.UNCONFIRMED] = Stage.UNCONFIRMED
    """An alarm calls for the siren in this stage, and in later ones without an answer."""
    after_ns: int = 30 * 10**9
    """How long an alarm must have called for the siren before it sounds."""
    limit_ns: int = 180 * 10**9
    """How long the siren sounds, counted from the last press."""
    total_ns: int = 900 * 10**9
    """How long the siren sounds for one alarm, in all stretches together."""

    def calls(self, stage: Stage) -> bool:
        """Return whether an alarm in this stage calls for the siren."""
        return self.stage.rank() <= stage.rank() <= Stage.UNCONFIRMED.rank()


@dataclass(frozen=True, slots=True)
class Turn:
    """The state of the siren for one alarm.

    While the alarm calls for it (`called`), the siren sounds from `begins_ns` to `ends_ns`, CLOCK_BOOTTIME of the boot
    `boot_id`. `spent_ns` is how long it sounded before that.
    """

    boot_id: str
    begins_ns: int
    ends_ns: int
    spent_ns: int
    press_count: int
    """The press count of the alarm when it was last processed."""
    reason: SoundReason = "unanswered"
    called: bool = True

    def sounds(self, now_ns: int) -> bool:
        """Return whether the siren sounds for this alarm."""
        return self.called and self.begins_ns <= now_ns < self.ends_ns

    def spent_by(self, now_ns: int) -> int:
        """Return how long the siren has sounded for this alarm, in nanoseconds."""
        return self.spent_ns + (max(0, min(now_ns, self.ends_ns) - self.begins_ns) if self.called else 0)

    def encode(self) -> str:
        """Return the text that is saved for the next start."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> "Turn | None":
        """Return the state that was saved; None if the text can't be read, as if the siren had never sounded."""
        try:
            kept = json.loads(text)
            return cls(
                boot_id=str(kept["boot_id"]),
                begins_ns=int(kept["begins_ns"]),
                ends_ns=int(kept["ends_ns"]),
                spent_ns=int(kept["spent_ns"]),
                press_count=int(kept["press_count"]),
                reason="pressed" if kept["reason"] == "pressed" else "unanswered",
                called=bool(kept["called"]),
            )
        except (ValueError, TypeError, KeyError):
            return None


@dataclass(frozen=True, slots=True)
class SirenChange:
    """The siren starts or stops sounding for an alarm. `sounded_ns` adds up all stretches so far."""

    alarm: AlarmData
    sounds: bool
    reason: SirenReason
    sounded_ns: int


class Siren:
    """Decides for each open alarm separately; the siren sounds while it does for any of them. One thread at a time.

    Only audible alarms in earnest call for it. A silent alarm neither starts nor stops anything, because either would
    betray it.
    """

    def __init__(self, rules: SirenRules, earnest: Status, boot_id: str, recall: Callable[[str], Turn | None]) -> None:
        """`earnest` is the status of an alarm that is not a test. `recall` returns the state that an earlier run saved
        for the alarm with that identifier."""
        self._rules = rules
        self._earnest = earnest
        self._boot_id = boot_id
        self._recall = recall
        self._turns: dict[str, Turn | None] = {}
        self._sounding: dict[str, AlarmData] = {}
        """The alarms that the siren sounds for, as last reported."""
        self._updated_ns = 0
        self.unkept: dict[str, Turn | None] = {}
        """The changes of the last update that must be saved for the next start, by alarm; None removes one."""

    @property
    def sounds_for(self) -> tuple[str, ...]:
        """The identifiers of the alarms that the siren sounds for; if there are none, it is silent."""
        return tuple(self._sounding)

    def update(self, alarms: Iterable[AlarmData], now_ns: int) -> list[SirenChange]:
        """Take in the open alarms and the time, and return the changes."""
        self._updated_ns, self.unkept = now_ns, {}
        calling = {alarm.alarm_id: alarm for alarm in alarms if not alarm.silent and alarm.status == self._earnest}
        changes = self._forget_all_but(calling, now_ns)
        for alarm_id, alarm in calling.items():
            before = self._turns[alarm_id] if alarm_id in self._turns else self._remembered(alarm_id)
            turn = self._turns[alarm_id] = self._follow(before, alarm, now_ns)
            if turn != before:
                self.unkept[alarm_id] = turn
            if turn is not None and turn.sounds(now_ns) is not (alarm_id in self._sounding):
                changes.append(self._report(alarm, turn, now_ns))
        return changes

    def next_due_ns(self) -> int | None:
        """Return when `update` next has something to report without a new fact."""
        turns = [turn for turn in self._turns.values() if turn is not None and turn.called]
        due = (at for turn in turns for at in (turn.begins_ns, turn.ends_ns) if at > self._updated_ns)
        return min(due, default=None)

    def leave_off(self, now_ns: int) -> list[SirenChange]:
        """Stop with the agent. The siren's time runs on, and the next start finds what is left of it."""
        sounding, self._sounding = self._sounding, {}
        return [self._change(alarm, "agent-stopped", now_ns) for alarm in sounding.values()]

    def _follow(self, turn: Turn | None, alarm: AlarmData, now_ns: int) -> Turn | None:
        if not self._rules.calls(alarm.stage):
            return None if turn is None else replace(turn, spent_ns=turn.spent_by(now_ns), called=False)
        if turn is None or not turn.called:
            spent_ns = 0 if turn is None else turn.spent_ns
            return self._stretch(alarm, now_ns + self._rules.after_ns, spent_ns, "unanswered")
        if alarm.press_count == turn.press_count:
            return turn
        if now_ns <= turn.begins_ns:  # the press has not made it sound
            return replace(turn, press_count=alarm.press_count)
        return self._stretch(alarm, now_ns, turn.spent_by(now_ns), "pressed")

    def _stretch(self, alarm: AlarmData, begins_ns: int, spent_ns: int, reason: SoundReason) -> Turn:
        left_ns = max(0, self._rules.total_ns - spent_ns)
        ends_ns = begins_ns + min(self._rules.limit_ns, left_ns)
        return Turn(self._boot_id, begins_ns, ends_ns, spent_ns, alarm.press_count, reason)

    def _remembered(self, alarm_id: str) -> Turn | None:
        """Return the turn of an earlier run.

        If that was in this boot, it continues. After another boot nobody knows how much of it was heard, so all of it
        counts as spent: otherwise a machine that keeps restarting would sound for ever.
        """
        turn = self._recall(alarm_id)
        if turn is None or turn.boot_id == self._boot_id:
            return turn
        return replace(turn, spent_ns=turn.spent_by(turn.ends_ns), called=False)

    def _forget_all_but(self, calling: Container[str], now_ns: int) -> list[SirenChange]:
        """Drop the alarms that no longer call, and return the changes for those that were closed."""
        closed = [alarm for alarm_id, alarm in self._sounding.items() if alarm_id not in calling]
        changes = [self._change(alarm, "closed", now_ns) for alarm in closed]
        for alarm_id in [alarm_id for alarm_id in self._turns if alarm_id not in calling]:
            self._sounding.pop(alarm_id, None)
            if self._turns.pop(alarm_id) is not None:
                self.unkept[alarm_id] = None
        return changes

    def _report(self, alarm: AlarmData, turn: Turn, now_ns: int) -> SirenChange:
        if turn.sounds(now_ns):
            self._sounding[alarm.alarm_id] = alarm
            return self._change(alarm, turn.reason, now_ns)
        del self._sounding[alarm.alarm_id]
        return self._change(alarm, "time-over" if turn.called else "answered", now_ns)

    def _change(self, alarm: AlarmData, reason: SirenReason, now_ns: int) -> SirenChange:
        turn = self._turns[alarm.alarm_id]
        assert turn is not None  # it sounds or has sounded for this alarm
        return SirenChange(alarm, reason in get_args(SoundReason), reason, turn.spent_by(now_ns))
