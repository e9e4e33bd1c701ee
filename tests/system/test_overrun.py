"""A broker, hostile or broken, that sends what would fill a small device's memory."""

import json
import re
import statistics
import time
from collections.abc import Iterable
from itertools import chain, repeat
from pathlib import Path

import pytest

from agent.trust.paho_bounded import MAXIMUM_PACKET_BYTES
from tests.support.agent_process import TREE, AgentProcess
from tests.support.fake_broker import MQTT5, Behaviour, FakeBroker, publish_header
from tests.support.wait import wait_for
from tests.system.test_other_brokers import published

MIB = 2**20
PRESSES, EVERY_S = 80, 0.1
TOPIC = f"{TREE}/down/command/ping"


def packet(size: int) -> Iterable[bytes]:
    """One PUBLISH with a payload of that size, a mebibyte at a time."""
    return chain([publish_header(TOPIC, size)], repeat(bytes(MIB), size // MIB), [bytes(size % MIB)])


@pytest.mark.long
@pytest.mark.parametrize(
    ("count", "size"),
    [(1, 255 * MIB), (1, 100 * MIB), (300, MAXIMUM_PACKET_BYTES)],
    ids=["255 MiB", "100 MiB", "300 just above the limit"],
)
def test_no_message_fills_the_memory_or_holds_up_a_press_or_ends_the_connection(
    tmp_path: Path, count: int, size: int
) -> None:
    # In MQTT 3.1.1, where a broker is told of no limit.
    behaviour = Behaviour(connack=lambda level: b"\0\x84\0" if level == MQTT5 else b"\0\0")
    with FakeBroker(behaviour) as broker, AgentProcess(tmp_path, broker.url) as agent:
        quiet_ms = waits_ms(broker, press_evenly(agent))
        peak_kb = vm_hwm_kb(agent)
        behaviour.flood = [piece for _ in range(count) for piece in packet(size)]
        seen = len(broker.levels)
        broker.cut()
        edges = press_evenly(agent)
        under_flood_ms = waits_ms(broker, edges, presses_before=PRESSES)
        grown_kb = vm_hwm_kb(agent) - peak_kb
        wait_for(
            lambda: f"ping: {size} bytes; at most 16384 are accepted" in rejections(broker), what="the security event"
        )
        assert len(broker.levels) == seen + 2, "the connection after the cut, in MQTT 5 and 3.1.1, goes on"
    print(f"quiet {quiet_ms:.1f} ms, under flood {under_flood_ms:.1f} ms, peak grown by {grown_kb} kB")
    assert grown_kb <= 4 * 1024
    assert under_flood_ms <= 1.5 * quiet_ms + 1, "in whole milliseconds, so one may be the rounding's"


def press_evenly(agent: AgentProcess) -> list[int]:
    """When each press was asked for, by our clock: those of a simulated contact stand still with the whole process."""
    asked = []
    for _ in range(PRESSES):
        due = time.monotonic() + EVERY_S
        asked.append(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        agent.press()
        _pause_until(due)
    return asked


def _pause_until(due: float) -> None:
    wait_for(lambda: time.monotonic() >= due, what="the time of the next press")


def waits_ms(broker: FakeBroker, edges: list[int], presses_before: int = 0) -> float:
    """From a press until its message was made: the median."""
    made: dict[int, int] = {}

    def all_have_come() -> bool:
        for payload in published(broker, "alarm/police"):
            envelope = json.loads(payload)
            made.setdefault(envelope["data"]["press_count"] - presses_before, envelope["monoms"])
        return made.keys() >= set(range(1, len(edges) + 1))

    wait_for(all_have_come, what="every press at the broker", timeout_s=60)
    return statistics.median((made[number] - edge / 1e6 for number, edge in enumerate(edges, start=1)))


def rejections(broker: FakeBroker) -> str:
    return str([json.loads(payload)["data"]["text"] for payload in published(broker, "security/command-rejected")])


def vm_hwm_kb(agent: AgentProcess) -> int:
    """The core's peak of resident memory."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{agent.pid}/status").read_text())
    assert found is not None
    return int(found[1])
