"""What a program answers by itself: alarms of self-tests, and alarms whose close was lost in a power cut."""

from concurrent.futures import Future
from typing import Any, Protocol

from agent.contract.messages import ResultData
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction
from edge_centre.library.notices import Alarm, AlarmChanged, AlarmReopened, Notice

_PATIENCE_S = 60.0


class Acks(Protocol):
    """The way to the devices."""

    def ack(self, alarm: Alarm, action: AckAction, *, timeout_s: float | None, **more: Any) -> "Future[ResultData]":
        """Send an ack until its result comes."""
        ...


class Answers:
    """Answers nothing else: neither a test that a person makes with a button nor a real alarm. One thread."""

    def __init__(self, acks: Acks) -> None:
        self._acks = acks

    def hear(self, notice: Notice) -> None:
        """Answer a self-test's alarm that was just raised, and close again what nobody has pressed since its close."""
        if isinstance(notice, AlarmChanged):
            alarm = notice.alarm
            is_raised = notice.before is None and alarm.data.stage is Stage.RAISED
            if is_raised and alarm.is_self_test and alarm.data.status == "test":
                taken = self._acks.ack(alarm, AckAction.REGISTERED, timeout_s=_PATIENCE_S)
                taken.add_done_callback(lambda _: self._close_answered(alarm, taken))
        elif isinstance(notice, AlarmReopened) and not notice.presses:
            self._close(notice.alarm, press_count=notice.closed.data.press_count)

    def _close_answered(self, alarm: Alarm, taken: "Future[ResultData]") -> None:
        if taken.exception() is None:
            self._close(alarm)

    def _close(self, alarm: Alarm, **more: Any) -> None:
        self._acks.ack(alarm, AckAction.CLOSED, timeout_s=_PATIENCE_S, **more)
