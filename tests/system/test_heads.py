"""`edge-centre evidence heads` as a service: what brokers bring is kept across restarts, and a forger is told of."""

import subprocess
from pathlib import Path

from agent.trust.evidence.chain import read_heads
from tests.support.agent_process import start_cli
from tests.support.made_up import TREE, envelope
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber
from tests.support.wait import wait_for

A, B, C = "a" * 64, "b" * 64, "c" * 64


def test_heads_are_kept_also_those_that_came_while_it_was_away_and_a_forged_one_is_refused(
    tmp_path: Path, broker: Mosquitto
) -> None:
    path, errors = tmp_path / "heads.jsonl", tmp_path / "errors"

    def start() -> "subprocess.Popen[str]":
        with errors.open("a") as file:
            return start_cli("evidence", "heads", path, "--broker", broker.url, stdout=subprocess.DEVNULL, stderr=file)

    def kept(count: int) -> None:
        wait_for(lambda: path.exists() and len(path.read_text().splitlines()) == count, what=f"{count} heads")

    with Subscriber(broker.port) as device:

        def say(number: int, seq: int, head: str) -> None:
            data = {"historical": False, "camera": "front", "reason": "", "chain": {"seq": seq, "head": head}}
            device.publish(f"{TREE}/up/evidence", envelope("evidence.head.v1", data, number))

        service = start()
        try:
            wait_for(lambda: "SUBACK to heads-" in broker.log(), what="a subscription")
            say(1, 7, A)
            kept(1)
            service.kill()
            service.wait(30)
            say(2, 8, B)
            service = start()
            kept(2)
            say(3, 8, C)
            wait_for(lambda: "REFUSED" in errors.read_text(), what="a word about the forger")
        finally:
            service.kill()
            service.wait()
    assert "entry 8 of the camera front of gp/park-station/kiosk-1 is REFUSED: its entry 8 is cc" in errors.read_text()
    assert [each.head for each in read_heads(path.read_text())] == [(7, A), (8, B)]
