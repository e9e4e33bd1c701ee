"""All streams that are looked at: each is pushed until the last lease of its camera, and none while an alarm waits."""

from collections.abc import Mapping

from agent.contract.messages import AlarmData
from agent.outbox.alarms_first import AlarmsFirst
from agent.outbox.outbox import Outbox
from agent.ports import Clock
from agent.runtime.live.push import CameraPush, StreamRules
from agent.runtime.uplink.publisher import Publisher


class Streams:
    """`lacks` and `pressed` on any thread, the rest under the lock of live view. Only `close` blocks."""

    def __init__(self, rules: StreamRules, clock: Clock, outbox: Outbox, publisher: Publisher) -> None:
        self._rules = rules
        self._clock = clock
        self._alarms = AlarmsFirst(outbox)
        self._publisher = publisher
        self._pushes: dict[str, CameraPush] = {}
        self._ending: list[CameraPush] = []

    @property
    def place(self) -> str:
        """The host to which streams go."""
        return self._rules.place

    @property
    def is_pushing(self) -> bool:
        """Whether any is pushed now, or ends."""
        return bool(self._pushes or self._ending)

    def pressed(self, alarm: AlarmData) -> None:
        """An alarm was raised, or pressed again: its message and its picture go first."""
        self._alarms.pressed(alarm, self._clock.boottime_ns())

    def lacks(self, camera: str) -> str:
        """Return why there is no stream of this camera now; empty if there is one."""
        return "" if self._rules.recorders.can_give(camera) else f"{camera} is not recorded now"

    def tick(self, wanted: Mapping[str, int]) -> dict[str, tuple[int, str | None]]:
        """Have the stream of each camera pushed until then, on CLOCK_BOOTTIME. The thread `live`, which outlives them.

        Returns how many pictures have left since the last time, and why it has ended if it has: then call `leave`.
        """
        self._ending = [each for each in self._ending if not each.is_gone]
        holds = self._alarms.must_hold(self._clock.boottime_ns(), connected=self._publisher.connected)
        return {camera: self._tick(camera, until_ns, holds=holds) for camera, until_ns in wanted.items()}

    def leave(self, camera: str) -> CameraPush | None:
        """Let a stream end; return it, if there is one: `close` it when nothing leaves any more."""
        push = self._pushes.pop(camera, None)
        if push is not None:
            push.leave()
            self._ending.append(push)
        return push

    def close(self) -> None:
        """Wait for what is killed, when all were left and the thread has ended. It takes some seconds at worst."""
        for each in self._ending:
            each.kill()

    def _tick(self, camera: str, until_ns: int, *, holds: bool) -> tuple[int, str | None]:
        push = self._pushes.get(camera)
        if push is None:
            if any(each.camera == camera and not each.is_over for each in self._ending):
                return 0, None  # one after the other
            try:
                push = self._pushes[camera] = CameraPush(self._rules, camera, until_ns, self._clock)
            except OSError as error:
                return 0, f"its process can't be started: {error.strerror}"
        return push.tick(until_ns, holds=holds)
