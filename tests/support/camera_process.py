"""A link to a camera process whose program a test writes."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.contract.camera_events import CameraEventData, EventName
from agent.contract.vocabulary import TamperKind
from agent.core.camera.battery import Battery, BatteryRules
from agent.core.camera.link import Aim
from agent.core.camera.vision_spec import VisionSpec
from agent.core.delivery.backoff import Backoff
from agent.runtime.cameras.impairments import Impairments
from agent.runtime.cameras.vision_link import VisionLink
from agent.runtime.supervision.health import HealthBoard
from tests.support.context import Collected, reporter
from tests.support.sim_clock import SimClock
from tests.support.wait import wait_for

PRELUDE = """
import json, os, signal, socket, sys
link = socket.socket(fileno=int(sys.argv[1]))
lines = link.makefile("rb")
spec = json.loads(lines.readline())["spec"]

def say(**message):
    link.sendall(json.dumps(message).encode() + b"\\n")

def hello(**more):
    say(t="hello", pid=os.getpid(), model="m", model_sha256="0" * 64, runtime="r 1", **more)

def beat(state="ok", detail=""):
    say(t="heartbeat", state=state, detail=detail, frames=1, frames_per_second=1.0,
        inferences_per_second=1.0, inference_ms=1.0, frame_age_ms=1, persons=2, rss_bytes=1)
"""
SERVE = """
hello()
beat()
for line in lines:
    message = json.loads(line)
    if message["t"] == "stop":
        break
    beat()
"""


@dataclass
class Rig:
    """A link to a stand-in process; `until` runs passes until something has happened."""

    directory: Path
    clock: SimClock
    states: list[tuple[bool, str]] = field(default_factory=list)
    delegate_states: list[tuple[bool, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    specs: list[VisionSpec] = field(default_factory=list)
    battery: Battery = field(default_factory=lambda: Battery(BatteryRules(60, 1800, 2, has_mains=True)))
    told: list[tuple[EventName, CameraEventData]] = field(default_factory=list)
    events: Collected = field(default_factory=Collected)
    pictures: list[tuple[str, bytes | None, str]] = field(default_factory=list)

    def link(self, script: str, command: list[str] | None = None, **settings: Any) -> VisionLink:
        program = self.directory / "camera.py"
        program.write_text(PRELUDE + script)
        snapshots = self.directory / "snapshots"
        snapshots.mkdir(exist_ok=True)
        self.board = HealthBoard(reporter(self.events))
        self.made = VisionLink(
            spec=VisionSpec(
                name="front",
                source="file:x",
                model="m",
                model_directories=(),
                snapshot_directory=str(snapshots),
                snapshot_max_bytes=1000,
                **settings,
            ),
            command=command or [sys.executable, "-S", "-E", str(program)],
            clock=self.clock,
            callbacks=self,
            impairments=Impairments(
                "front",
                tuple(TamperKind),
                10.0,
                reporter=reporter(self.events),
                board=self.board,
                clock=self.clock,
            ),
            backoff=Backoff(longest_s=60, uniform=lambda _, high: high),
            battery=self.battery,
        )
        return self.made

    def on_respec(self, spec: VisionSpec) -> None:
        self.specs.append(spec)

    def on_event(self, event: EventName, data: CameraEventData) -> None:
        self.told.append((event, data))

    def on_picture(self, picture_id: str, jpeg: bytes | None, detail: str, aim: Aim | None = None) -> None:
        self.pictures.append((picture_id, jpeg, detail))

    def on_state(self, works: bool, detail: str, *, transient: bool = False) -> None:
        self.states.append((works, detail))

    def on_delegate(self, works: bool, detail: str) -> None:
        self.delegate_states.append((works, detail))

    def on_model(self, refused: str, retired: str = "") -> None:
        self.refused.append(refused)

    def until(self, condition: Callable[[], object], what: str = "it") -> None:
        def passed() -> bool:
            self.made.run_once(0.02)
            return bool(condition())

        wait_for(passed, what=what)

    @property
    def failures(self) -> list[str]:
        return [detail for ok, detail in self.states if not ok]
