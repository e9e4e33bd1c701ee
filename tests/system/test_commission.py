"""`edge-agent commission` in front of a whole simulated kiosk: through the tap, with the technician's key alone."""

import subprocess
import threading
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from agent.bootstrap.specs import tap_socket
from agent.cli.keygen import make_key
from tests.support.agent_process import AGENT, REPOSITORY, USER, AgentProcess, environment, run_cli
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.wait import PATIENCE_S, wait_for

BUTTONS = [
    {"name": "police", "pin": 17, "debounce_ms": 0, "chatter_presses": 0},
    {"name": "clinic", "kind": "medical", "pin": 24, "debounce_ms": 0, "chatter_presses": 0},
]
LIGHTS = {"yellow": 22, "green": 27, "beacon": 23}


class Technician(AbstractContextManager["Technician"]):
    """Types answers, and reads what the terminal says."""

    def __init__(self, agent: AgentProcess, key: Path) -> None:
        self._command = [*AGENT, "commission", "--config", str(agent.config), "--key", str(key)]
        self._said: list[str] = []
        self._read_to = 0

    def __enter__(self) -> "Technician":
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            self._command,
            cwd=REPOSITORY,
            env=environment({}),
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        print("--- the terminal", *self._said, sep="\n")

    def _read(self) -> None:
        assert self.process.stdout is not None
        self._said.extend(line.rstrip("\n") for line in iter(self.process.stdout.readline, ""))

    def types(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def sees(self, *words: str) -> None:
        """Wait for a line that was not looked at yet and has all these words."""

        def found() -> bool:
            for number in range(self._read_to, len(self._said)):
                if all(word in self._said[number] for word in words):
                    self._read_to = number + 1
                    return True
            return False

        wait_for(found, what=f"{words} at the terminal, which says {self._said[self._read_to :]}")


@pytest.fixture
def broker(tls_broker: Mosquitto) -> Mosquitto:
    return tls_broker


@pytest.fixture
def agent(tmp_path: Path, broker: Mosquitto, authorities: BrokerAuthorities) -> AgentProcess:
    files = authorities.device(USER)
    mqtt = {"ca_file": str(files.ca), "cert_file": str(files.cert), "key_file": str(files.key)}
    return AgentProcess(tmp_path / "kiosk", broker.url, mqtt=mqtt, buttons=BUTTONS, lights=LIGHTS)


def centre_of(broker: Mosquitto, authorities: BrokerAuthorities) -> Centre:
    return Centre(broker.centre_port, host="localhost", files=authorities.centre(CENTRE))


def key_of(agent: AgentProcess, role: str) -> Path:
    keys = agent.directory / "keys"
    return keys / f"{make_key(role, keys).kid}.key.json"


def test_a_technician_alone_walks_a_kiosk_with_no_key_but_their_own_and_a_person_at_the_centre_answers(
    agent: AgentProcess, broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    key = key_of(agent, "technician")
    with ExitStack() as stack, centre_of(broker, authorities) as centre, agent:
        with Technician(agent, key) as technician:
            technician.sees("label", "gp/jhb-park-station/kiosk-0042", "flash fast")
            agent.wait_for_outputs(yellow="fast-flash", green="fast-flash", beacon="fast-flash")
            technician.types("y")
            technician.sees("button-police", "press it once")
            agent.press("police")
            assert centre.wait_for_alarm(input="police").data["status"] == "test"
            technician.sees("button-police", "Is yellow lit?")
            technician.types("y")

            # Somebody presses the other button before the technician does: it is no test, and the walk waits.
            technician.sees("button-clinic", "press it once")
            agent.press("police")
            technician.sees("alarm in earnest", "waits")
            earnest = centre.wait_for_alarm(input="police", status="exercise").data["alarm_id"]
            agent.wait_for_outputs(yellow="on", green="off", beacon="flash")
            technician.types("q")
            assert technician.process.wait(PATIENCE_S) == 1

        with Technician(agent, key) as technician:
            technician.sees("button-clinic", "alarm in earnest", "waits")
            centre.acknowledge(earnest, agent.key, "closed")
            technician.sees("button-clinic", "press it once")
            agent.press("clinic")
            technician.sees("Is yellow lit?")
            technician.types("y")

            technician.sees("paths")
            broker.stop()
            technician.sees("paths", "1 of 2")
            broker.start()
            technician.sees("power-cut")
            agent.kill()
            technician.sees("The agent has ended")
            agent.start()
            technician.sees("power-cut")  # no other boot: it was only the agent
            technician.types("l a simulated kiosk has no power")
            technician.sees("answer", "wait for green")
            person = stack.enter_context(centre_of(broker, authorities))  # the other has lost the broker
            agent.press("police")
            person.acknowledge(person.wait_for_alarm(status="test").data["alarm_id"], agent.key)
            technician.sees("Is green lit?")
            technician.types("y")
            technician.sees("passed", "label")
            technician.sees("left-out", "power-cut", "a simulated kiosk has no power")
            technician.sees("alarm in earnest during button-clinic", "police")
            technician.sees("Sealed: report", "(passed)")
            technician.sees("The broker has it.")
            assert technician.process.wait(PATIENCE_S) == 0
        sealed = agent.storage / "commissioning" / "report.json"
        verified = run_cli(
            *("report", "verify", sealed, "--device-ca", authorities.devices.ca),
            *("--keys", agent.directory / "keys" / "keys.json", "--device", USER),
        )
        assert verified.returncode == 0, verified.stdout
        report = person.wait_for("commissioning", lambda message: True).data["report"]
        assert [each["input"] for each in report["in_earnest"]] == ["police"]
        meta = person.wait_for("meta", lambda message: "commissioned" in message.data).data["commissioned"]
        assert (meta["report"], meta["left_out"]) == (report["id"], ["power-cut"])
        agent.wait_for_outputs(yellow="off", green="off", beacon="steady")


def test_the_tap_gives_nobody_a_right_that_their_key_does_not_give(agent: AgentProcess) -> None:
    operator = agent.key_file
    with agent:
        refused = run_cli("commission", "--config", agent.config, "--key", operator)
        assert refused.returncode == 2
        assert "technician" in refused.stderr
        stranger = make_key("technician", agent.directory / "elsewhere")
        with Technician(agent, agent.directory / "elsewhere" / f"{stranger.kid}.key.json") as technician:
            technician.sees("FAILED")


def test_without_an_agent_it_says_so_and_what_to_do(agent: AgentProcess) -> None:
    done = run_cli("commission", "--config", agent.config, "--key", key_of(agent, "technician"))
    assert done.returncode == 1
    assert "the agent does not run" in done.stderr
    assert not tap_socket(agent.storage).exists()
