"""Live view with everything around it in memory."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from agent.contract.commands import LiveStartArgs
from agent.core.errors import MessageRefused
from agent.ports import Line, OutgoingMessage
from agent.runtime.live.answers import LiveAnswer
from agent.runtime.live.live_view import LiveView
from agent.runtime.live.look import Looker
from tests.support.command_rig import WhenAwaited
from tests.support.context import make_context
from tests.support.drafts import body, killed, open_outbox, taken, write
from tests.support.sim_clock import SimClock

JPEG = b"\xff\xd8jpeg"
THANDI = Looker("room", "Thandi", "operator")
SIPHO = Looker("room", "Sipho", "operator")
BOSS = Looker("boss", None, "supervisor")
WHY = "who is at the door?"


@dataclass
class LiveRig:
    """Somebody looks: two cameras that answer at once, a line that takes everything, and a beacon."""

    directory: Path
    clock: SimClock = field(default_factory=lambda: SimClock(boottime_ns=10**12))
    blind: set[str] = field(default_factory=set)
    """Cameras that give no picture."""
    silent: bool = False
    """Whether a silent alarm is open."""
    busy: bool = False
    """Whether the line has not taken all that came before."""
    rest_s: float = 0
    """For how long the sender sends none, as connections have ended for them."""
    bytes_a_s: float | None = None
    """How fast the line is, if every picture is as large as it may be; it confirms 0.1 s later."""
    most_bytes: int | None = None
    """The broker's Maximum Packet Size, if it has one; every picture is as large as it may be."""
    clears_ns: int = 0
    sizes: list[int] = field(default_factory=list)
    """How large the pictures might be that were asked for."""
    slow: bool = False
    """Whether cameras wait with their pictures for `hand_over`."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    shown: list[bool] = field(default_factory=list)
    saves: bool = False
    """Whether this month's data is used up, and no alarm is open."""
    sent: list[tuple[int, OutgoingMessage, list[str]]] = field(default_factory=list)
    """When, what, and the looks whose beginning was on the disk at that moment."""
    security: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Every security event that was heard, by the identifier of its message."""
    _kills: int = 0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.outbox = open_outbox(self.directory, self.clock)
        writer, keep = self.outbox.writer, self.outbox.writer.keep
        writer.keep = lambda values: WhenAwaited(keep(values), self.outbox)  # type: ignore[method-assign]
        part: Any = self
        self.live = LiveView(make_context(self.outbox, self.clock), self.outbox, part, part, self, spares=self.spares)
        self.live.restore()

    def kill(self, *, power: bool = False) -> None:
        """The process ends at once, or the machine; then it starts again."""
        self._kills += 1
        left = killed(self.directory, self.directory.with_name(f"store-{self._kills}"))
        self.outbox.close()
        if power:
            (left / "black-box").unlink(missing_ok=True)
        self.directory = left
        self.clock = SimClock(boottime_ns=10**12) if power else self.clock
        self.start()

    def close(self) -> None:
        self.outbox.close()

    # --- what it is given

    def spares(self) -> bool:
        return self.saves

    def shows(self, camera: str | None) -> tuple[str | None, bool]:
        name = camera or "front"
        return (name, name not in self.blind) if name in {"front", "back"} else (None, False)

    def snapshot(self, picture_id: str, camera: str | None, max_bytes: int | None = None) -> str | None:
        assert camera is not None
        assert max_bytes is not None
        self.sizes.append(max_bytes)
        if camera in self.blind:
            return None
        self.asked.append((picture_id, camera))
        if not self.slow:
            self.hand_over()
        return camera

    def hand_over(self, jpeg: bytes | None = JPEG) -> None:
        """The camera answers what it was asked last."""
        assert self.live.picture_came(self.asked[-1][0], jpeg)

    def line(self) -> Line | None:
        is_idle = not self.busy and self.clock.boottime_ns() >= self.clears_ns
        return None if self.outbox.alarm_waits else Line(is_idle, 0.1)

    def pictures_rest_s(self) -> float:
        return self.rest_s

    def offer(self, message: OutgoingMessage) -> bool:
        if self.most_bytes is not None and self.sizes[-1] > self.most_bytes:
            raise MessageRefused("too large")
        if not self.busy:
            if self.bytes_a_s is not None:
                self.clears_ns = self.clock.boottime_ns() + int(1e9 * (0.1 + self.sizes[-1] / self.bytes_a_s))
            kept = [key.removeprefix("live/") for key in self.outbox._store.state("live/")]
            self.sent.append((self.clock.boottime_ns(), message, kept))
        return not self.busy

    def show_look(self, looks: bool) -> None:
        self.shown.append(looks)

    def has_silent(self) -> bool:
        return self.silent

    # --- what the test does

    def ask(self, who: Looker = THANDI, **args: Any) -> LiveAnswer:
        return self.live.start(LiveStartArgs.model_validate({"reason": WHY, **args}), who)

    def look(self, who: Looker = THANDI, **args: Any) -> str:
        answer = self.ask(who, **args)
        assert answer.code == "ok", answer
        return str(answer.output["live"])

    def passes(self, seconds: float = 0, step_s: float = 0.05) -> None:
        """Let time go by."""
        self._pass()
        for _ in range(round(seconds / step_s)):
            self.clock.advance(timedelta(seconds=step_s))
            self._pass()

    def told(self, kind: str = "") -> list[dict[str, Any]]:
        """The details of all security events about looks so far, with their kind."""
        write(self.outbox)
        bodies = [body(message) for message in taken(self.outbox)]
        self.security |= {b["id"]: b["data"] for b in bodies if b["type"].startswith("edge.security.live-")}
        events = self.security.values()
        found = [{"kind": data["kind"].removeprefix("live-"), **data["detail"]} for data in events]
        return [each for each in found if kind in {"", each["kind"]}]

    def _pass(self) -> None:
        for _ in range(6):  # a wake, a picture, and what follows from it, of two cameras
            self.live.run_once(0)
