"""From the start of the process to READY, the agent's and those of bare programs in turn."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.bench.bare_programs import kiosk, least
from tests.campaigns.bench.distribution import Distribution
from tests.campaigns.bench.simulated_agent import SimulatedAgent


@dataclass(frozen=True, slots=True)
class Starts:
    """Seconds of each."""

    ours: Distribution
    kiosk: Distribution
    least: Distribution


def measure(directory: Path, port: int, keys: Path, runs: int, tell: Callable[[str], None]) -> Starts:
    """The agent with one button and a key set, beside the bare programs. The first run of each warms the caches."""
    ours, bare, smallest = [], [], []
    for run in range(runs + 1):
        tell(f"start {run + 1} of {runs + 1}")
        with SimulatedAgent(directory / f"agent-{run}", port, keys=keys) as agent:
            ours.append(agent.ready_s)
        with kiosk(directory / f"bare-{run}", port) as program:
            bare.append(program.ready_s)
        with least(directory / f"least-{run}", port) as program:
            smallest.append(program.ready_s)
    return Starts(Distribution(ours[1:]), Distribution(bare[1:]), Distribution(smallest[1:]))
