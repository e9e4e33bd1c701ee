"""A flood of forged and spoilt commands: a press is as fast as without it, and the agent grows no fatter."""

import itertools
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from agent.trust.jose_keys import PrivateKey
from edge_centre.key_files import make_key
from tests.support.agent_process import TREE, AgentProcess
from tests.support.centre import Centre
from tests.support.fuzz import Shot, shots
from tests.support.mosquitto import Mosquitto
from tests.support.office import claims
from tests.support.subscriber import Subscriber
from tests.support.wait import wait_for

PRESSES = 30
LONGEST = 128 * 1024
"""The broker hangs up on who sends more."""
SLOWER_MS = 50.0
"""So much slower may a press be while this machine's processors also make and carry the flood."""
FATTER = 16 * 1024 * 1024


def press_ms(kiosk: AgentProcess, centre: Centre, before: int) -> float:
    """The median time from the edge to the subscriber. `before` presses have been counted."""
    took = []
    for count in range(before + 1, before + PRESSES + 1):
        edge_ns = kiosk.press()
        heard = centre.wait_for("alarm/police", lambda m: m.data["press_count"] == count)  # noqa: B023 - called at once
        took.append((heard.arrived_ns - edge_ns) / 1e6)
    return median(took)


@contextmanager
def flood(broker: Mosquitto, ammunition: list[Shot]) -> Iterator[list[int]]:
    """Send one message after the other; the list counts them."""
    end, sent = threading.Event(), [0]

    def run(publisher: Subscriber) -> None:
        for shot in itertools.cycle(ammunition):
            if end.wait(0.001):
                return
            publisher.publish(f"{TREE}/down/{shot.topic}", shot.payload, qos=0)
            sent[0] += 1

    with Subscriber(broker.port) as publisher:
        thread = threading.Thread(target=run, args=(publisher,))
        thread.start()
        try:
            yield sent
        finally:
            end.set()
            thread.join()


def test_a_press_in_a_flood_of_spoilt_commands_is_as_fast_as_without(tmp_path: Path, broker: Mosquitto) -> None:
    kiosk = AgentProcess(tmp_path, broker.url)
    keys = [kiosk.key, make_key("technician", tmp_path / "keys"), PrivateKey.generate("admin")]
    made = shots(random.Random(3), keys, claims)
    ammunition = [
        shot for shot in itertools.islice(made, 2000) if len(shot.payload) < LONGEST and not set("+#") & set(shot.topic)
    ]
    with Centre(broker.port) as centre, kiosk:
        centre.wait_for("state", lambda m: m.data["state"] == "online")
        quiet_ms = press_ms(kiosk, centre, 0)
        with flood(broker, ammunition) as sent:
            wait_for(lambda: sent[0] > 500, what="a flood")
            rss, began, began_s = kiosk.rss_bytes(), sent[0], time.monotonic()
            flooded_ms = press_ms(kiosk, centre, PRESSES)
            rate = (sent[0] - began) / (time.monotonic() - began_s)
        grown = kiosk.rss_bytes() - rss
        print(f"{quiet_ms:.1f} ms in the quiet, {flooded_ms:.1f} ms at {rate:.0f} a second; {grown >> 10} KiB more")
        assert flooded_ms < quiet_ms + SLOWER_MS
        assert grown < FATTER
        centre.wait_for("security/command-rejected")
        assert "ended unexpectedly" not in kiosk.log()
