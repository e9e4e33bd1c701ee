"""`edge-agent commission` in front of a whole simulated kiosk: through the tap, with the technician's key alone."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.bootstrap.commissioning import equipment
from agent.bootstrap.specs import tap_socket
from agent.contract.commissioning import CommissioningData, Report
from agent.core.commissioning.plan import plan
from agent.core.commissioning.record import Kept, Verdict
from agent.settings import load
from agent.sim import control_socket
from agent.trust.tls_context import TlsFiles
from edge_centre import library as agent_centre
from edge_centre.key_files import make_key
from edge_centre.library import NewMessage, Notice
from tests.support.agent_process import USER, AgentProcess, run_cli
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.technician import Technician
from tests.support.wait import PATIENCE_S, wait_for

pytestmark = pytest.mark.enrolment

BUTTONS = [
    {"name": "police", "pin": 17, "debounce_ms": 0, "chatter_presses": 0},
    {"name": "clinic", "kind": "medical", "pin": 24, "debounce_ms": 0, "chatter_presses": 0},
]
LIGHTS = {"yellow": 22, "green": 27, "beacon": 23}


@pytest.fixture
def broker(tls_broker: Mosquitto) -> Mosquitto:
    return tls_broker


@pytest.fixture
def agent(tmp_path: Path, broker: Mosquitto, authorities: BrokerAuthorities) -> AgentProcess:
    files = authorities.device(USER)
    return AgentProcess(tmp_path / "kiosk", broker.url, mqtt=files.mqtt, buttons=BUTTONS, lights=LIGHTS)


def centre_of(broker: Mosquitto, authorities: BrokerAuthorities) -> Centre:
    return Centre(broker.centre_port, host="localhost", files=authorities.centre(CENTRE))


def key_of(agent: AgentProcess, role: str) -> Path:
    keys = agent.directory / "keys"
    return keys / f"{make_key(role, keys).kid}.key.json"


def test_a_technician_alone_walks_a_kiosk_with_no_key_but_their_own_and_a_person_at_the_centre_answers(
    agent: AgentProcess, broker: Mosquitto, authorities: BrokerAuthorities, tmp_path: Path
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
            technician.sees("paths", "Plug it in again")
            broker.start()
            technician.sees("power-cut")
            agent.kill()
            technician.sees("The agent has ended")
            agent.start()
            technician.sees("power-cut")  # no other boot: it was only the agent
            technician.types("l a simulated kiosk has no power")
            technician.sees("answer", "wait for green")
            person = stack.enter_context(centre_of(broker, authorities))  # the other has lost the broker
            notices: list[Notice] = []
            mine = authorities.centre(CENTRE)
            tls = TlsFiles(mine.ca, mine.cert, mine.key)
            url = f"mqtts://localhost:{broker.centre_port}"
            stack.enter_context(agent_centre.Centre([url], on_notice=notices.append, tls=tls)).await_connection()
            agent.press("police")
            person.acknowledge(person.wait_for_alarm(status="test").data["alarm_id"], agent.key)
            technician.sees("Is green lit?")
            technician.types("y")
            technician.sees("passed", "label")
            technician.sees("left-out", "power-cut", "a simulated kiosk has no power")
            technician.sees("alarm in earnest during button-clinic", "police")
            technician.sees("Sealed: report", "(incomplete)")
            technician.sees("The broker has it.")
            assert technician.process.wait(PATIENCE_S) == 0
        sealed = agent.storage / "commissioning" / "report.json"
        verified = run_cli(
            *("report", "verify", sealed, "--device-ca", authorities.devices.ca),
            *("--keys", agent.directory / "keys" / "keys.json", "--device", USER),
        )
        assert verified.returncode == 0, verified.stdout
        office = authorities.centre(CENTRE)
        filed = run_cli(
            *("report", "file", "--to", tmp_path / "reports", "--seconds", "3", "--device-ca", authorities.devices.ca),
            *("--keys", agent.directory / "keys" / "keys.json", "--broker", f"mqtts://localhost:{broker.centre_port}"),
            *("--ca", office.ca, "--cert", office.cert, "--cert-key", office.key),
        )
        assert filed.stdout.startswith(f"genuine: {USER}, "), "though it was away when the walk ended"
        [report] = wait_for(lambda: reported(notices), what="the report at whoever uses the library")
        assert [each.input for each in report.in_earnest] == ["police"]
        meta = person.wait_for("meta", lambda message: "commissioned" in message.data).data["commissioned"]
        assert (meta["report"], meta["left_out"]) == (report.id, ["power-cut"])
        agent.wait_for_outputs(yellow="off", green="off", beacon="steady")


def reported(notices: list[Notice]) -> list[Report]:
    data = (each.message.data for each in notices if isinstance(each, NewMessage))
    return [each.report for each in data if isinstance(each, CommissioningData)]


def test_neither_another_s_key_nor_a_file_that_somebody_has_edited_makes_a_report(agent: AgentProcess) -> None:
    operator = agent.key_file
    own = key_of(agent, "technician")
    with agent:
        refused = run_cli("commission", "--config", agent.config, "--key", operator)
        assert refused.returncode == 2
        assert "technician" in refused.stderr
        stranger = make_key("technician", agent.directory / "elsewhere")
        with Technician(agent, agent.directory / "elsewhere" / f"{stranger.kid}.key.json") as technician:
            technician.sees("FAILED")

        steps = plan(equipment(load(agent.config, environ={})))
        verdicts = (Verdict(step=step.id, digest=step.digest, outcome="passed", seconds=1, tries=1) for step in steps)
        kept = Kept(walk="01a21ac6-20c1-749b-a36a-313f56ef2117", device=steps[0].device, verdicts=tuple(verdicts))
        (agent.storage / "walk" / "walk.json").write_text(kept.model_dump_json())
        done = run_cli("commission", "--config", agent.config, "--key", own)
        assert done.returncode == 1
        assert "has not seen what this walk calls passed: self-test, button-police" in done.stderr
        assert not (agent.storage / "commissioning").exists()


def test_without_an_agent_it_says_so_and_what_to_do(agent: AgentProcess) -> None:
    done = run_cli("commission", "--config", agent.config, "--key", key_of(agent, "technician"))
    assert done.returncode == 1
    assert "the agent does not run" in done.stderr
    assert not tap_socket(agent.storage).exists()


def test_a_technician_for_whom_there_is_no_place_is_told_so_and_waits(
    agent: AgentProcess, broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    key = key_of(agent, "technician")
    with ExitStack() as stack, centre_of(broker, authorities), agent:
        tap = tap_socket(agent.storage, agent.directory / "run")
        wait_for(tap.exists, what="the tap")
        others = [stack.enter_context(control_socket.connect(tap)) for _ in range(4)]
        for each in others:
            assert each.recv(1)
        with Technician(agent, key) as technician:
            technician.sees("lets nobody more listen")
            assert technician.process.poll() is None
            others[0].close()
            technician.sees("label", "flash fast")
