"""The service page of a whole simulated kiosk: asked for in its cabinet, walked by a phone and by a terminal."""

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.contract.commissioning import Report, listed, statement
from agent.core import service_code
from agent.service_page import page, walking
from agent.trust.jose_keys import sign
from edge_centre.key_files import make_key
from tests.support.agent_process import USER, AgentProcess
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.service_page import CODE, KEPT, Page, Signer
from tests.support.technician import Technician
from tests.support.wait import wait_for

pytestmark = pytest.mark.enrolment

BUTTONS = [
    {"name": "police", "pin": 17, "debounce_ms": 0, "chatter_presses": 0},
    {"name": "clinic", "kind": "medical", "pin": 24, "debounce_ms": 0, "chatter_presses": 0},
]
LIGHTS = {"yellow": 22, "green": 27, "beacon": 23}
SERVICE = {"name": "key", "kind": "service", "pin": 16, "active_when": "closed", "delay_s": 0, "restore_s": 0}


def is_free(walk: Path) -> bool:
    """Whether no program drives the walk."""
    with (walk / "walk.lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def broker(tls_broker: Mosquitto) -> Mosquitto:
    return tls_broker


@pytest.fixture
def agent(
    tmp_path: Path, broker: Mosquitto, authorities: BrokerAuthorities, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AgentProcess]:
    monkeypatch.setattr(page, "_LOOK_S", 0.05)
    files = authorities.device(USER)
    kiosk = tmp_path / "kiosk"
    agent = AgentProcess(kiosk, broker.url, mqtt=files.mqtt, buttons=BUTTONS, lights=LIGHTS, inputs=[SERVICE])
    agent.storage.mkdir()
    (agent.storage / service_code.FILE).write_bytes(service_code.written(KEPT))
    with agent:
        yield agent


def test_a_walk_begun_on_a_phone_goes_on_in_a_terminal_and_back_on_the_phone(
    agent: AgentProcess,
    broker: Mosquitto,
    authorities: BrokerAuthorities,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(walking, "AWAY_S", 1.0)
    key = make_key("technician", agent.directory / "keys")
    run = agent.directory / "run"
    page_of = Page(tmp_path, agent=run, walk=agent.storage / "walk")
    assert not (run / "service-page.json").exists()
    with Centre(broker.centre_port, host="localhost", files=authorities.centre(CENTRE)) as centre:
        agent.sim("hold", name="key")
        opened = centre.wait_for("security/service-page-opened")
        assert opened.data["detail"]["by"] == "contact"
        wait_for(page_of.paths.file.exists, what="a file that asks for the page")
        agent.sim("release", name="key")
        with page_of:
            phone = page_of.phone()
            assert phone.enter("99999999").status == 403
            assert phone.enter(CODE).status == 204
            assert centre.wait_for("security/service-page-entered").data["detail"] == {"peer": "127.0.0.1"}
            technician = Signer(phone, key)
            technician.walks_to("label", asks=True)
            agent.wait_for_outputs(yellow="fast-flash", beacon="fast-flash")
            assert phone.post("/api/answer", {"answer": "again-and-again"}).status == 400
            assert phone.post("/api/answer", {"answer": "leave-out"}).status == 409  # without a reason
            late = phone.post("/api/answer", {"answer": "yes", "say": "Is yellow lit?"})
            assert (late.status, "gone on" in late.body["sentence"]) == (409, True)
            say = phone.state()["walk"]["say"]
            assert phone.post("/api/answer", {"answer": "yes", "say": say}).status == 204
            technician.walks_to("button-police")
            agent.press("police")
            assert centre.wait_for_alarm(input="police").data["status"] == "test"
            technician.walks_to("button-police", asks=True)
            assert phone.post("/api/answer", {"answer": "yes"}).status == 204
            technician.walks_to("button-clinic")

            # The phone is gone, and with it whoever could renew the test: the walk waits for anybody who takes it up.
            wait_for(lambda: is_free(page_of.paths.walk), what="a walk that rests")
            key_file = agent.directory / "keys" / f"{key.kid}.key.json"
            with Technician(agent, key_file) as terminal:
                terminal.sees("button-clinic", "press it once")
                busy = phone.state()
                assert "somebody walks this device already" in busy["trouble"]
                assert busy["walk"] is None
                terminal.types("q")
                assert terminal.process.wait(20) == 1
            technician.walks_to("button-clinic")
            assert [each["outcome"] for each in phone.state()["verdicts"]][-2:] == ["passed", "passed"]

            early = phone.get(f"/api/report?kid={key.kid}")
            assert early.status == 409
            while (state := phone.state())["walk"]["state"] != "done":
                technician.walks_to(state["walk"]["step"])
                left = phone.post("/api/answer", {"answer": "leave-out", "reason": "there is no time"})
                assert left.status == 204
            draft = phone.get(f"/api/report?kid={key.kid}&name=Sipho").body["draft"]
            report = Report.model_validate(draft["report"])
            assert "Sipho" in report.model_dump_json()
            protected, payload, signature = sign(statement(report, listed(report)), key).decode().split(".")
            assert payload == draft["payload"]
            half = {"report": report.id, "protected": protected, "signature": signature}
            assert phone.post("/api/report", half).body["sealed"]["report"] == report.id
            assert centre.wait_for("commissioning")
            assert phone.post("/api/walk").status == 204
            technician.walks_to("label", asks=True)
            assert phone.state()["verdicts"] == []
            assert phone.post("/api/walk").status == 409, "nobody loses a walk by a tap"
        page_of.paths.file.unlink(missing_ok=True)
        assert "service-page" not in {file.stem for file in run.iterdir()}


def test_a_restart_of_the_agent_leaves_the_page_open_and_the_phone_is_told(agent: AgentProcess, tmp_path: Path) -> None:
    run = agent.directory / "run"
    agent.sim("hold", name="key")
    page_of = Page(tmp_path, agent=run, walk=agent.storage / "walk")
    wait_for(page_of.paths.file.exists, what="a file that asks for the page")
    with page_of:
        phone = page_of.phone()
        phone.enter()
        wait_for(lambda: phone.state()["nonce"], what="a connection to the agent")
        agent.kill()
        wait_for(lambda: phone.state()["trouble"], what="word that the agent has ended")
        agent.start()
        wait_for(lambda: phone.state()["nonce"], what="a connection to the agent")
