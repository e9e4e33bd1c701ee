"""Judges new settings while they are on trial: have they come up, and is nothing worse than before?"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from agent.outbox.outbox import Outbox
from agent.runtime.remote.kept import Trial
from agent.runtime.supervision.context import Context

TRIAL_S = 45.0
"""How long new settings have to come up. With the restarts, the device is back on the old ones within a minute."""
_SETTLED_S = 3.0
"""How long all must be well before they are confirmed."""
_ALARM_S = 10.0
"""How long an alarm may wait for a broker that only new settings name."""


class Verdict(NamedTuple):
    """What to do with the settings, and why."""

    do: Literal["wait", "confirm", "go-back"]
    reason: str = ""


class TrialJudge:
    """Counts from its making, at the start of the agent, or from `begin`. One thread."""

    def __init__(
        self, context: Context, outbox: Outbox, cameras: Callable[[], Mapping[str, Mapping[str, object]]]
    ) -> None:
        """`cameras` returns the last report of each. Any thread."""
        self._clock = context.clock
        self._board = context.board
        self._outbox = outbox
        self._cameras = cameras
        self._began_ns = context.clock.boottime_ns()
        self._well_since_ns: int | None = None

    def begin(self) -> None:
        """Begin a trial without a new start."""
        self._began_ns, self._well_since_ns = self._clock.boottime_ns(), None

    def before(self) -> tuple[list[str], list[str]]:
        """Return the cameras that give pictures, and the parts that don't work, for a trial to be compared with."""
        cameras = [name for name, about in self._cameras().items() if _gives_pictures(about)]
        return cameras, [name for name, part in self._board.parts().items() if not part.ok]

    @property
    def is_watched(self) -> bool:
        """Whether a centre says that it watches."""
        return self._is_well("centre")

    def judge(self, trial: Trial) -> Verdict:
        """Judge the trial."""
        now_ns = self._clock.boottime_ns()
        age_s = (now_ns - self._began_ns) / 1e9
        trouble = self._trouble(trial)
        if not trouble:
            if self._well_since_ns is None:
                self._well_since_ns = now_ns
            return Verdict("confirm" if now_ns - self._well_since_ns >= _SETTLED_S * 1e9 else "wait")
        self._well_since_ns = None
        if self._outbox.alarm_waits and not self._is_well("uplink") and age_s > _ALARM_S:
            return Verdict("go-back", f"an alarm could not be sent: {trouble}")
        return Verdict("go-back" if age_s > TRIAL_S else "wait", trouble)

    def _trouble(self, trial: Trial) -> str:
        """Say what is worse than before the trial; empty if nothing is."""
        parts, cameras = self._board.parts(), self._cameras()
        if not self._is_well("uplink"):
            uplink = parts.get("uplink")
            return f"no broker takes the birth{f': {uplink.detail}' if uplink is not None else ''}"
        if trial.is_watched and not self.is_watched:
            # The brokers work, but not for us: nobody would hear a press there, and nobody could order us back.
            return "no centre says at the new brokers that it watches"
        for name in trial.cameras:
            if not _gives_pictures(cameras.get(name, {})):
                part = parts.get(f"camera-{name}")
                return f"camera {name} gives no pictures{f': {part.detail}' if part and part.detail else ''}"
        # A camera that gave no pictures before may go on so, and the light is no fault of settings.
        known = {*trial.degraded, *(name for name in parts if name.startswith(("camera-", "sight-")))}
        return "; ".join(f"{name}: {part.detail}" for name, part in parts.items() if not part.ok and name not in known)

    def _is_well(self, name: str) -> bool:
        """Return whether a part has said that it is well: before its first word nobody knows."""
        part = self._board.parts().get(name)
        return part is not None and part.ok


def _gives_pictures(about: Mapping[str, object]) -> bool:
    frames = about.get("frames")
    return about.get("state") == "ok" and isinstance(frames, int) and frames > 0
