"""`edge-centre conform device` against a simulated kiosk, and against devices that are worse."""

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.contract.identity import Identity
from agent.trust.tls_context import TlsFiles
from edge_centre.__main__ import main
from edge_centre.conform import checks, subject
from edge_centre.library import record
from tests.support.agent_process import TREE, USER, AgentProcess
from tests.support.mosquitto import Mosquitto
from tests.support.rewriting_relay import INNER, Down, RewritingRelay, Up, signed_anew
from tests.support.subscriber import Subscriber
from tests.support.wait import PATIENCE_S

pytestmark = pytest.mark.grading


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one machine everything comes at once, and what does not come need not be waited for."""
    for module in (checks, subject):
        monkeypatch.setattr(module, "PATIENCE_S", 4.0)
    for module in (checks, record):
        monkeypatch.setattr(module, "HOLE_AFTER_S", 1.0)


@pytest.fixture
def inner(tmp_path: Path, broker: Mosquitto, impatient: None) -> AgentProcess:
    """A good device, under another root."""
    return AgentProcess(tmp_path / "kiosk", broker.url, mqtt={"root": INNER})


def graded(agent: AgentProcess, broker: Mosquitto, *more: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the findings by their names."""
    out = agent.directory / "report.json"
    press = f"{sys.executable} -m agent sim --config {agent.config} press police"
    words = ["--broker", broker.url, "--key", str(agent.key_file), "--press", press, "--yes", "--health", "1"]
    code = main(["conform", "device", USER, *words, "--report", str(out), *more])
    findings = json.loads(out.read_text())["report"]["findings"]
    return code, {each["name"]: each for each in findings}


def faults(findings: dict[str, Any]) -> dict[str, list[str]]:
    return {name: each["faults"] for name, each in findings.items() if each["verdict"] == "failed"}


@pytest.fixture
def restarted() -> Iterator[Any]:
    """Starts the device again when it was killed."""
    threads: list[threading.Thread] = []

    def watch(agent: AgentProcess) -> str:
        def again() -> None:
            agent.ended(PATIENCE_S)
            agent.start()

        threads.append(threading.Thread(target=again))
        threads[0].start()
        return f"kill -9 {agent.pid}"

    yield watch
    for thread in threads:
        thread.join()


def test_a_simulated_kiosk_passes_every_check(
    tmp_path: Path, broker: Mosquitto, restarted: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with AgentProcess(tmp_path / "kiosk", broker.url) as agent:
        code, findings = graded(agent, broker, "--cut", restarted(agent))
        assert faults(findings) == {}
        assert [name for name, each in findings.items() if each["verdict"] != "passed"] == []
        assert code == 0
    assert f"{len(findings)} of {len(findings)} passed" in capfd.readouterr().out
    keys = str(tmp_path / "kiosk" / "keys" / "keys.json")
    assert main(["conform", "verify", str(tmp_path / "kiosk" / "report.json"), "--keys", keys]) == 0


ASKS_FOR_NO_MORE_THAN_THE_BROKER_TAKES = (
    sys.executable,
    "-c",
    """
import sys
from agent.__main__ import main
from agent.adapters import paho_client
paho_client.MAXIMUM_PACKET_BYTES = 135168
sys.exit(main())
""",
)


def test_a_device_that_anybody_can_make_deaf_is_named(tmp_path: Path, broker: Mosquitto, impatient: None) -> None:
    program = ASKS_FOR_NO_MORE_THAN_THE_BROKER_TAKES
    with AgentProcess(tmp_path / "kiosk", broker.url, program=program) as agent:
        _, findings = graded(agent, broker)
    assert faults(findings) == {
        "too-large": [
            "receives nothing after messages of the broker's maximum size: set a clearly larger Maximum Packet Size"
        ]
    }


def worse(inner: AgentProcess, broker: Mosquitto, up: Up | None = None, down: Down | None = None, *more: str) -> Any:
    """What is found in a device that is worse than `inner` in this."""
    changes: dict[str, Any] = {name: each for name, each in (("up", up), ("down", down)) if each is not None}
    with RewritingRelay(broker.port, **changes), inner:
        code, findings = graded(inner, broker, *more)
    assert code == 1
    return faults(findings)


def test_a_device_that_leaves_a_field_out_is_named(inner: AgentProcess, broker: Mosquitto) -> None:
    def up(level: str, envelope: dict[str, Any]) -> dict[str, Any]:
        if level.startswith("alarm/"):
            del envelope["data"]["codes"]
        return envelope

    found = worse(inner, broker, up)
    assert found == {"messages": ["up/alarm/police: data.codes is missing"]}


def test_a_device_whose_numbers_jump_is_named(inner: AgentProcess, broker: Mosquitto) -> None:
    jumped = False

    def up(level: str, envelope: dict[str, Any]) -> dict[str, Any]:
        nonlocal jumped
        jumped = jumped or envelope["data"].get("stage") == "dispatched"
        if jumped:
            for name, by in (("seq", 5000), ("record", 3), ("recordtop", 3), ("recorddone", 3)):
                if name in envelope:
                    envelope[name] += by
        return envelope

    found = worse(inner, broker, up)
    assert set(found) <= {"numbers", "replay"}
    assert found["numbers"][-1] == "has a seq that jumps"
    assert found["numbers"][0].startswith("says that record ")


def test_a_device_with_a_wrong_will_is_named(inner: AgentProcess, broker: Mosquitto, restarted: Any) -> None:
    def up(level: str, envelope: dict[str, Any]) -> dict[str, Any]:
        if envelope["data"].get("state") == "lost":
            envelope["data"]["bdseq"] += 1
        return envelope

    with RewritingRelay(broker.port, up), inner:
        _, findings = graded(inner, broker, "--cut", restarted(inner))
    fault = "has another bdseq in its will than in the birth of that connection"
    assert faults(findings) == {"will-and-birth": [fault]}


def test_a_device_that_never_clears_what_it_has_retained_is_named(inner: AgentProcess, broker: Mosquitto) -> None:
    had_one = False

    def up(level: str, envelope: dict[str, Any]) -> dict[str, Any] | None:
        nonlocal had_one
        had_one = had_one or (level == "alarms" and bool(envelope["data"]["open"]))
        return None if level == "alarms" and had_one and not envelope["data"]["open"] else envelope

    found = worse(inner, broker, up)
    assert found["closed"] == ["lists a closed alarm as open"]
    assert set(found) == {"closed", "rebirth"}


def test_a_device_that_takes_forged_and_expired_acks_is_named(inner: AgentProcess, broker: Mosquitto) -> None:
    def up(level: str, envelope: dict[str, Any]) -> dict[str, Any]:
        return {**envelope, "timeq": "synced"}  # whose clock is set can tell what has expired

    found = worse(inner, broker, up, signed_anew(inner.key))["refusals"]
    assert {"takes a forged ack", "takes an ack by a key that it does not know", "takes an expired ack"} <= set(found)
    assert {"takes an ack for another device", "takes an ack with a ctr that was used"} <= set(found)
    assert "shows green for an ack that it must refuse" in found


def test_a_device_with_many_faults_is_told_all_of_them(inner: AgentProcess, broker: Mosquitto) -> None:
    def up(level: str, envelope: dict[str, Any]) -> dict[str, Any]:
        data = envelope["data"]
        if level == "health":
            del envelope["nonce"]
        if level == "meta":
            envelope["time"] = "2026-11-27 02:00"
        if level.startswith("alarm/"):
            data["historical"] = True
            if data["press_count"] == 2 and not data["answered_by"]:
                data["alarm_id"] = "01a21ae2-0000-7000-8000-000000000000"
            data["reraised"] = 0
            if "held_by" in data:
                data["held_by"]["by"] = "Conform One"
        return envelope

    assert worse(inner, broker, up) == {
        "press": ["calls a press that was just made historical"],
        "further-press": ["makes another alarm of a further press"],
        "another-person": ["does not tell of a take-over"],
        "pressed-since": ["does not raise the alarm again"],
        "messages": ["up/meta: time is not RFC 3339 in UTC with milliseconds and Z"],
        "nonces": ["has no nonce in up/health"],
    }


def test_a_device_that_never_answers_is_named(inner: AgentProcess, broker: Mosquitto) -> None:
    found = worse(inner, broker, lambda level, envelope: None if level.startswith("result/") else envelope)
    assert found == {"refusals": ["answers no ack that it must refuse"]}


def test_a_device_is_not_disturbed_before_somebody_has_said_so(
    tmp_path: Path, inner: AgentProcess, broker: Mosquitto, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(sys, "stdin", (tmp_path / "nobody").open("w+"))
    out = str(tmp_path / "report.json")
    words = ["conform", "device", USER, "--broker", broker.url, "--key", str(inner.key_file), "--report", out]
    assert main(words) == 2
    assert "give --press" in capsys.readouterr().err
    assert main([*words, "--press", "true", "--cut", "reboot"]) == 2
    said = capsys.readouterr().err
    assert "not in the street" in said
    assert "cut it off from its broker by: reboot" in said
    sys.stdin.close()


def test_a_person_who_is_asked_may_press_instead_of_a_command(tmp_path: Path, broker: Mosquitto) -> None:
    asked: list[str] = []
    with AgentProcess(tmp_path / "kiosk", broker.url) as agent:

        def ask(text: str) -> None:
            asked.append(text)
            agent.press()

        with subject.Subject(broker.url, TlsFiles(), Identity(*USER.split("/")), agent.key, ask=ask) as kiosk:
            checks.present(kiosk)
            checks.press(kiosk)
            checks.further_press(kiosk)
            assert kiosk.alarm_id != ""
    assert asked == ["Press the button now, and let it go."] * 2


def test_an_open_alarm_is_left_alone(tmp_path: Path, broker: Mosquitto) -> None:
    with AgentProcess(tmp_path / "kiosk", broker.url) as agent:
        agent.press()
        with Subscriber(broker.port, [f"{TREE}/up/alarms"]) as listening:
            listening.wait_for(lambda heard: b"alarm_id" in heard.payload)
        code, findings = graded(agent, broker)
        assert code == 1
        assert faults(findings) == {"present": ["has an open alarm: close it first"]}
        assert findings["press"]["faults"] == ["present did not pass"]
        assert findings["press"]["verdict"] == "not-tried"
