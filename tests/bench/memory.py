"""What processes hold in memory, once they have nothing more to do."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from agent.core.link import Heartbeat
from tests.bench.child import Child
from tests.bench.latency import Bench
from tests.bench.simulated_agent import BASE, SimulatedAgent, end, start_until_ready
from tests.bench.startup import BARE
from tests.support.vision_process import VisionProcess, vision_spec

_CORE_LIBRARIES = ("gpiozero", "paho.mqtt.client", "pydantic_settings")
_SETTLE_S = 2.0
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB: resident, and with shared pages divided among those who share them."""

    rss: float
    pss: float


def of_core(directory: Path, port: int, bench: Bench) -> Memory:
    """The core with one button and without a camera, connected."""
    bench.collect(0, lambda heard: True)
    with SimulatedAgent(directory / "memory", port) as agent:
        bench.wait_for(f"{BASE}/up/state", _PATIENCE_S, lambda data: data["state"] == "online")
        time.sleep(_SETTLE_S)
        return of_process(agent.pid)


def of_bare_core(directory: Path, port: int) -> Memory:
    """A program that has imported the core's three largest libraries and is connected."""
    directory = directory / "memory-bare"
    directory.mkdir()
    with (directory / "log").open("wb") as log:
        process, _ = start_until_ready([sys.executable, BARE, str(port), *_CORE_LIBRARIES], directory, log)
    try:
        time.sleep(_SETTLE_S)
        return of_process(process.pid)
    finally:
        end(process)


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
