"""What processes hold in memory, once they have nothing more to do."""

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import psutil

from agent.core.camera.link import Heartbeat
from tests.campaigns.bench.bare_programs import BareProgram
from tests.campaigns.bench.child import Child
from tests.campaigns.bench.latency import Bench
from tests.campaigns.bench.simulated_agent import BASE, SimulatedAgent
from tests.support.vision_process import VisionProcess, vision_spec

_SETTLE_S = 2.0
_PATIENCE_S = 90.0


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB: resident, and with shared pages divided among those who share them."""

    rss: float
    pss: float


def of_core(directory: Path, port: int, keys: Path, bench: Bench) -> Memory:
    """The core with one button, a key set and no camera, connected."""
    bench.collect(0, lambda heard: True)
    with SimulatedAgent(directory / "memory", port, keys=keys) as agent:
        bench.wait_for(f"{BASE}/up/state", _PATIENCE_S, lambda data: data["state"] == "online")
        time.sleep(_SETTLE_S)
        return of_process(agent.pid)


def of_bare(program: AbstractContextManager[BareProgram]) -> Memory:
    """A bare program that is connected."""
    with program as running:
        time.sleep(_SETTLE_S)
        return of_process(running.pid)


def of_vision(directory: Path, video: Path) -> Memory:
    """A camera process that looks at a video at the video's pace."""
    spec = vision_spec(directory / "pictures", simulate=False, source=f"file:{video}?loop=1")
    with VisionProcess() as vision:
        vision.link.start(spec)
        vision.link.wait_for(Heartbeat, _PATIENCE_S, lambda beat: beat.frames >= 20)
        return of_process(vision.process.pid)


def of_bare_vision(video: Path, bare: Child) -> Memory:
    """A program that has looked at as much of the same video with the same model."""
    bare.ask(_PATIENCE_S, frames=20)
    return of_process(bare.pid)


def of_process(pid: int) -> Memory:
    """Read from the kernel's own account."""
    full = psutil.Process(pid).memory_full_info()
    return Memory(full.rss / 2**20, full.pss / 2**20)
