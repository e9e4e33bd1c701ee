"""From the start of the process to READY, the agent's and a bare program's in turn."""

import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench.child import ROOT
from tests.bench.distribution import Distribution
from tests.bench.simulated_agent import SimulatedAgent, end, start_until_ready

BARE = str(ROOT / "tests" / "bench" / "bare_start.py")
_LIBRARIES = (
    "argparse",
    "logging",
    "sqlite3",
    "pydantic_settings",
    "gpiozero",
    "gpiozero.pins.mock",
    "paho.mqtt.client",
    "psutil",
    "jwt",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
)
"""What the core imports from elsewhere."""


def measure(directory: Path, port: int, runs: int, tell: Callable[[str], None]) -> tuple[Distribution, Distribution]:
    """Seconds of the agent, with one button, and of the bare program. The first run of each only warms the cache."""
    ours, bare = [], []
    for run in range(runs + 1):
        tell(f"start {run + 1} of {runs + 1}")
        with SimulatedAgent(directory / f"agent-{run}", port) as agent:
            ours.append(agent.ready_s)
        bare.append(_bare(directory / f"bare-{run}", port))
    return Distribution(ours[1:]), Distribution(bare[1:])


def _bare(directory: Path, port: int) -> float:
    directory.mkdir()
    with (directory / "log").open("wb") as log:
        command = [sys.executable, BARE, str(port), *_LIBRARIES]
        process, ready_s = start_until_ready(command, directory, log)
    end(process)
    return ready_s
