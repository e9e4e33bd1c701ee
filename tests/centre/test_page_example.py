"""The program of docs/how-to/build-a-centre.md, run as it stands there."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.agent_process import SOURCE, TREE, AgentProcess
from tests.support.made_up import alarm_json, envelope
from tests.support.mosquitto import Mosquitto
from tests.support.run import ran
from tests.support.subscriber import Subscriber
from tests.support.wait import wait_for

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "build-a-centre.md"


class Example:
    """The page's program, running, and somebody who types."""

    def __init__(self, output: Path, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._output = output

    def printed(self) -> list[str]:
        return self._output.read_text(encoding="utf-8").splitlines()

    def line(self, pattern: str) -> str:
        """The newest line that has this pattern in it, as soon as there is one."""
        return wait_for(
            lambda: next((line for line in reversed(self.printed()) if re.search(pattern, line)), ""),
            what=f"a line with {pattern!r}",
        )

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, "the page has no program"
    program = tmp_path / "alarms.py"
    program.write_text(found[1], encoding="utf-8")
    return program


@pytest.fixture
def agent(tmp_path: Path, broker: Mosquitto) -> AgentProcess:
    return AgentProcess(tmp_path / "kiosk", broker.url, self_test={"enabled": False, "centre_ack": True})


@pytest.fixture
def example(tmp_path: Path, program: Path, broker: Mosquitto, agent: AgentProcess) -> Iterator[Example]:
    output = tmp_path / "output.txt"
    words = (sys.executable, "-W", "error", program, "Thandi", agent.key_file, broker.url)
    with output.open("wb") as file:
        process = subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: "SUBACK to wall-display-1" in broker.log(), what="a program that listens")
            yield Example(output, process)
        finally:
            process.kill()
            process.communicate()


def test_the_example_shows_an_alarm_takes_it_and_says_who_has_it(example: Example, agent: AgentProcess) -> None:
    with agent:
        example.line(f"{SOURCE} online")
        agent.press()
        rung = example.line("RING")
        assert re.search(rf"RING (\S+) {SOURCE} police raised nobody has it \(exercise: send nobody\)", rung), rung
        example.type(rung.split()[1])
        example.line("registered by ")
        example.line(r"police registered Thandi \(\S+\) has it")
        assert agent.outputs()["green"] == "on"
        example.type("nonsense")
        example.type("")
        assert agent.send(signal.SIGTERM) == 0
        example.line(f"{SOURCE} offline")
    assert "Traceback" not in "\n".join(example.printed())


def test_the_example_outlives_what_is_no_message_and_believes_a_device_only_about_itself(
    example: Example, broker: Mosquitto
) -> None:
    with Subscriber(broker.port, []) as device:
        device.publish(f"{TREE}/up/alarm/police", b"\x1b[2J")
        device.publish(f"{TREE}/up/alarm/police", envelope("alarm.raised.v1", alarm_json(), 9, source=f"{SOURCE}1"))
        device.publish(f"{TREE}/up/alarm/police", envelope("alarm.raised.v1", alarm_json(), 2, source=SOURCE))
    example.line("RING a1 ")  # it may come ahead of the others
    example.line("names another device")
    assert sorted(line.partition("(")[0] for line in example.printed())[1:] == ["Unreadable", "Unreadable"]
    assert len(example.printed()) == 3


def test_every_thread_of_the_library_leaves_ctrl_c_to_the_main_thread(example: Example, agent: AgentProcess) -> None:
    with agent:
        example.line(f"{SOURCE} online")
        threads = {int(each.name): blocks_ctrl_c(each) for each in Path(f"/proc/{example.process.pid}/task").iterdir()}
        assert threads.pop(example.process.pid) is False
        assert set(threads.values()) == {True}


def test_the_example_ends_at_ctrl_c_and_at_the_end_of_its_input_without_a_traceback(example: Example) -> None:
    example.process.send_signal(signal.SIGINT)
    assert example.process.wait(30) == 0
    assert example.printed() == []


def blocks_ctrl_c(thread: Path) -> bool:
    blocked = re.search(r"SigBlk:\s*(\w+)", (thread / "status").read_text(encoding="utf-8"))
    assert blocked is not None
    return bool(int(blocked[1], 16) >> (signal.SIGINT - 1) & 1)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "call it with your name"),
        (("Thandi", "KEY"), "call it with your name"),
        (("Thandi", "KEY", "mqtt://127.0.0.1:1"), "no connection to 127.0.0.1:1"),
        (("Thandi", "no-key.json", "mqtt://127.0.0.1:1"), "no-key.json: can't be read"),
    ],
    ids=["no words", "no address", "no broker", "no key"],
)
def test_the_example_says_why_it_can_not_begin(
    program: Path, agent: AgentProcess, words: tuple[str, ...], why: str
) -> None:
    done = ran(sys.executable, program, *(agent.key_file if word == "KEY" else word for word in words))
    assert done.returncode == 1
    assert done.stderr.startswith(why)
    assert len(done.stderr.splitlines()) == 1
