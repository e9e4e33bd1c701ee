"""From the capture of the frame that makes an event true to its arrival at a subscriber: real agent, real broker."""

import json
import time

from tests.campaigns.bench.child import Child, ChildError
from tests.campaigns.bench.distribution import Distribution
from tests.campaigns.bench.quiet_broker import QuietBroker
from tests.campaigns.bench.simulated_agent import BASE, SimulatedAgent
from tests.campaigns.bench_vision.row import Row
from tests.campaigns.bench_vision.stage import RATE, Stage
from tests.campaigns.bench_vision.watched import Watched

MOST_MS = 1000 / RATE + 100
_PATIENCE_S = 110.0
_ASK_S = 10.0
_LOOK_AGAIN_S = 0.2
_CAMERA = """
[[cameras]]
name = "front"
source = "file:{video}?loop=1"
model = "{model}"
frames_per_second = {rate}
inferences_per_second = {budget}
threads = {threads}
"""


def row(stage: Stage, watched: Watched) -> Row:
    """`watched` tells how long the inferences of a frame take, which are not the agent's to shorten."""
    spec = stage.spec()
    camera = _CAMERA.format(
        video=stage.video, model=spec.model, rate=RATE, budget=spec.inferences_per_second, threads=spec.threads
    )
    summary = watched.tally.summary()
    inference_ms = summary["wall_ms_per_inference"] * summary["inferences_per_frame"]
    with (
        QuietBroker(stage.directory / "broker") as broker,
        Child(
            "-m", "tests.campaigns.bench.listener", str(broker.port), f"{BASE}/up/#", what="the listener"
        ) as listener,
        SimulatedAgent(stage.directory / "agent", broker.port, more=camera),
    ):
        took = Distribution(_collect(stage, listener))
    worst_ms = took.percentile(95)
    return Row(
        "arrival",
        "capture to event at the subscriber, p95",
        f"≤ {MOST_MS:.0f} ms beside inference",
        f"{worst_ms:.0f} ms (p50 {took.median:.0f} ms, {len(took)} events), inference {inference_ms:.0f} ms of it",
        worst_ms - inference_ms <= MOST_MS,
        {"ms": took.as_dict(), "inference_ms": inference_ms},
    )


def _collect(stage: Stage, listener: Child) -> list[float]:
    """Milliseconds, an event each; as many as come in time. Raises ChildError when none does.

    What was captured before the agent was online could not be told at once, and does not count.
    """
    deadline = time.monotonic() + _PATIENCE_S
    took: list[float] = []
    wanted = stage.effort.arrivals
    online_ms: float | None = None
    while len(took) < wanted and time.monotonic() < deadline:
        for arrived_ns, topic, payload in listener.ask(_ASK_S):
            arrived_ms = arrived_ns / 1e6
            if topic == f"{BASE}/up/state":
                online_ms = arrived_ms
            elif topic == f"{BASE}/up/event/person-entered" and online_ms is not None:
                captured_ms = json.loads(payload)["data"]["frame_monoms"]
                if captured_ms > online_ms:
                    took.append(arrived_ms - captured_ms)
        stage.say("events at the subscriber", min(len(took), wanted), wanted)
        time.sleep(_LOOK_AGAIN_S)
    if not took:
        raise ChildError("no person-entered event came: look whether the agent's camera process runs")
    return took
