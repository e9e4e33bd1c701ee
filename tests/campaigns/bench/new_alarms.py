"""First presses: each raises a new alarm and lights the yellow light, and the centre closes it again."""

import json
import secrets
import time
from dataclasses import dataclass

from agent.trust.jose_keys import PrivateKey, sign
from edge_centre.adapters.paho_centre import CentreConnection
from tests.campaigns.bench.distribution import Distribution
from tests.campaigns.bench.latency import Bench, Pacing
from tests.campaigns.bench.simulated_agent import BASE, BUTTON, SOURCE, SimulatedAgent

_ALARMS = f"{BASE}/up/alarm/{BUTTON}"
_LIFE_S = 120
_WARM_UP = 3


@dataclass(frozen=True, slots=True)
class NewAlarms:
    """Milliseconds from the edge until the centre has the alarm, and until the simulator has answered.

    The simulator answers when the agent's pin callback has returned, which lights the yellow light before anything
    else. So the second is an upper bound for edge to light: it has the answer's way to us in it.
    """

    arrival: Distribution
    lit: Distribution


class ClosingCentre:
    """Closes alarms with signed acks."""

    def __init__(self, port: int, key: PrivateKey) -> None:
        self._centre = CentreConnection(f"mqtt://127.0.0.1:{port}")
        self._key = key

    def __enter__(self) -> "ClosingCentre":
        self._centre.open([])
        return self

    def __exit__(self, *_: object) -> None:
        self._centre.close()

    def close_alarm(self, alarm_id: str, nonce: str) -> None:
        """Sign and send."""
        now = int(time.time())
        claims = {
            "cmd_id": f"cmd-{secrets.token_hex(8)}",
            "name": "ack",
            "args": {"alarm_id": alarm_id, "action": "closed"},
            "aud": SOURCE,
            "iss": self._key.issuer,
            "iat": now,
            "exp": now + _LIFE_S,
            "ctr": time.time_ns() // 1000,
            "boot_nonce": nonce,
        }
        self._centre.publish(f"{BASE}/down/ack/{alarm_id}", sign(claims, self._key))


def measure(bench: Bench, agent: SimulatedAgent, centre: ClosingCentre, count: int, pacing: Pacing) -> NewAlarms:
    """Press, note, close, `count` times after a few to warm up."""
    arrivals: list[float] = []
    lit: list[float] = []
    for number in range(-_WARM_UP, count):
        due = time.monotonic() + pacing.interval_s * 2
        arrival_ms, lit_ms = _one(bench, agent, centre, pacing)
        if number >= 0:
            arrivals.append(arrival_ms)
            lit.append(lit_ms)
        time.sleep(max(0.0, due - time.monotonic()))
    return NewAlarms(Distribution(arrivals), Distribution(lit))


def _one(bench: Bench, agent: SimulatedAgent, centre: ClosingCentre, pacing: Pacing) -> tuple[float, float]:
    assert agent.outputs()["yellow"] == "off", "an alarm is still open"
    for answer in agent.press(pacing.hold_s):
        answered_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        edge_ns = answer["edge_boottime_ns"]
    heard = bench.collect(1, lambda heard: heard[1] == _ALARMS and _stage(heard[2]) == "raised")
    alarm = json.loads(heard[0][2])
    alarm_id = alarm["data"]["alarm_id"]
    centre.close_alarm(alarm_id, alarm["nonce"])
    bench.collect(1, lambda heard: heard[1] == _ALARMS and _stage(heard[2]) == "closed")
    return (heard[0][0] - edge_ns) / 1e6, (answered_ns - edge_ns) / 1e6


def _stage(payload: str) -> str:
    return str(json.loads(payload)["data"]["stage"])
