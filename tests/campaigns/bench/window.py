"""What a resident's press survives, and after how long; and the yellow light beside a disk that hangs."""

from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.bench.child import Child
from tests.campaigns.bench.distribution import Distribution
from tests.campaigns.bench.simulated_agent import settings_text

_HANG_S = 10.0
_PAUSE_S = 0.03
_ANSWER_S = 60.0


@dataclass(frozen=True, slots=True)
class Window:
    """Milliseconds from the edge."""

    boxed: Distribution
    """Until the press outlives the death of the process."""
    safe: Distribution
    """Until it outlives the loss of power."""
    boxed_beside_hanging_disk: Distribution
    lit_beside_hanging_disk: Distribution
    """Until yellow is on, while a sync hangs for ten seconds."""


def measure(directory: Path, port: int, presses: int) -> Window:
    """An agent of its own, connected to the broker on `port`."""
    directory.mkdir()
    config = directory / "edge-agent.toml"
    config.write_text(settings_text(directory, port), encoding="utf-8")
    with Child("-m", "tests.campaigns.bench.press_window", str(config), what="the agent with stop watches") as agent:
        agent.ask(_ANSWER_S, presses=5, pause_s=_PAUSE_S, hang=False)
        usual = agent.ask(_ANSWER_S, presses=presses, pause_s=_PAUSE_S, hang=False)
        hanging = agent.ask(_ANSWER_S, presses=presses, pause_s=_HANG_S / presses, hang=True)
    return Window(*(Distribution(found) for found in (usual["boxed"], usual["safe"], hanging["boxed"], hanging["lit"])))
