import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from agent.contract.envelope import Stamp, seal
from agent.contract.messages import AlarmData, Draft, StateData, Status
from agent.contract.stages import Stage
from tests.support.drafts import FACTORY, IDENTITY
from tests.support.mosquitto import Mosquitto
from tests.support.run import ran
from tests.support.subscriber import Subscriber
from tests.support.wait import wait_for

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-subscriber.md"


class Example:
    """The page's program, running, with a device that speaks to it."""

    def __init__(self, output: Path, device: Subscriber, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self._output = output
        self._device = device

    def say(self, draft: Draft, seq: int, message_id: str, epoch: str = "e1", source: str = IDENTITY.source) -> None:
        stamp = Stamp(message_id, seq, "2026-01-01T00:00:00.000Z", 0, "synced")
        self.publish(draft.topic, seal(draft, source, "boot", stamp, epoch), retain=draft.retain)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._device.publish(topic, payload, retain=retain)

    def state(self, state: Literal["online", "offline"], seq: int, epoch: str = "e1") -> None:
        data = StateData(state=state, bdseq=1, epoch=epoch, boot_nonce="n", agent_version="0", config_revision="0")
        self.say(FACTORY.state(data), seq, f"state-{epoch}-{seq}", epoch)

    def printed(self) -> list[str]:
        return self._output.read_text(encoding="utf-8").splitlines()

    def wait_for_line(self, line: str) -> None:
        wait_for(lambda: line in self.printed(), what=f"the line {line!r}")


def alarm(
    change: Literal["raised", "updated"], stage: Stage, *, historical: bool = False, status: Status = "actual"
) -> Draft:
    return FACTORY.alarm(
        change,
        AlarmData(
            historical=historical,
            alarm_id="a1",
            input="police",
            kind="panic",
            status=status,
            silent=False,
            press_count=1,
            stage=stage,
            raised_at="2026-01-01T00:00:00.000Z",
            codes={"contact_id": "120", "sia": "PA"},
            latency_ms={},
        ),
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, "the page has no program"
    program = tmp_path / "subscriber.py"
    program.write_text(found[1], encoding="utf-8")
    return program


@pytest.fixture
def example(tmp_path: Path, program: Path, broker: Mosquitto) -> Iterator[Example]:
    output = tmp_path / "output.txt"
    with output.open("wb") as file, Subscriber(broker.port, []) as device:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", str(program), "127.0.0.1", str(broker.port)],
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            example = Example(output, device, process)
            example.state("online", 1)
            example.wait_for_line(f"{IDENTITY.source} online")
            yield example
        finally:
            process.kill()
            process.wait()


def test_the_example_shows_a_message_once_and_never_an_older_stage(example: Example) -> None:
    example.state("online", 1)
    example.say(alarm("raised", Stage.RAISED), 2, "m2")
    example.say(alarm("raised", Stage.RAISED), 2, "m2")
    example.say(alarm("updated", Stage.REGISTERED), 4, "m4")
    example.say(alarm("updated", Stage.SENT), 3, "m3")
    example.state("offline", 5)
    example.wait_for_line(f"{IDENTITY.source} offline")
    assert example.printed() == [
        f"{IDENTITY.source} online",
        f"{IDENTITY.source} police raised 1",
        f"{IDENTITY.source} police registered 1",
        f"{IDENTITY.source} offline",
    ]


def test_the_example_ends_at_ctrl_c_without_a_traceback(example: Example) -> None:
    example.process.send_signal(signal.SIGINT)
    assert example.process.wait(30) == 0
    assert example.printed() == [f"{IDENTITY.source} online"]


@pytest.mark.parametrize(
    ("words", "says"),
    [((), "call it with the broker's HOST and PORT"), (("127.0.0.1", "1"), "no connection to 127.0.0.1 port 1: ")],
)
def test_the_example_says_why_it_can_not_begin(program: Path, words: tuple[str, ...], says: str) -> None:
    done = ran(sys.executable, program, *words)
    assert done.returncode == 1
    assert done.stderr.startswith(says)
    assert len(done.stderr.splitlines()) == 1


def test_the_example_marks_what_comes_late(example: Example) -> None:
    example.say(alarm("raised", Stage.RAISED, historical=True), 2, "m2")
    example.wait_for_line(f"{IDENTITY.source} police raised 1 (late)")


def test_the_example_sends_nobody_out_for_a_test(example: Example) -> None:
    example.say(alarm("raised", Stage.RAISED, status="test"), 2, "m2")
    example.wait_for_line(f"{IDENTITY.source} police raised 1 (test: send nobody)")


@pytest.mark.parametrize(
    "payload", [b"", b"garbage", b"{}", b"[]", b"[" * 100_000, f'{{"source": "{IDENTITY.source}", "id": []}}'.encode()]
)
def test_the_example_outlives_what_is_no_message_of_the_contract(example: Example, payload: bytes) -> None:
    topic = alarm("raised", Stage.RAISED).topic
    example.publish(topic, payload)
    example.say(alarm("raised", Stage.RAISED), 2, "m2")
    example.wait_for_line(f"{IDENTITY.source} police raised 1")
    assert example.printed()[1].startswith(f"{topic}: no message of the contract: ")
    assert len(example.printed()) == 3


def test_the_example_believes_a_device_only_about_itself(example: Example) -> None:
    example.say(alarm("updated", Stage.CLOSED), 9, "m9", source=f"{IDENTITY.source}1")
    example.say(alarm("raised", Stage.RAISED), 2, "m2")
    example.wait_for_line(f"{IDENTITY.source} police raised 1")
    assert "names another device" in example.printed()[1]
    assert len(example.printed()) == 3


def test_the_example_listens_to_a_device_that_counts_from_1_again_and_says_so(example: Example) -> None:
    example.say(alarm("raised", Stage.RAISED), 900, "m900")
    example.state("online", 1, "e2")
    example.say(alarm("updated", Stage.REGISTERED), 2, "m2", "e2")
    example.say(alarm("updated", Stage.SENT), 901, "m901")
    example.state("offline", 3, "e2")
    example.wait_for_line(f"{IDENTITY.source} offline")
    assert example.printed()[1:] == [
        f"{IDENTITY.source} police raised 1",
        f"{IDENTITY.source} has begun anew and knows no older alarm: call",
        f"{IDENTITY.source} online",
        f"{IDENTITY.source} police registered 1",
        f"{IDENTITY.source} offline",
    ]
