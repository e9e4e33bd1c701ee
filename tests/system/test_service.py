"""The agent as a service: how it says that it is ready, how it is watched, and how it ends."""

import signal
from pathlib import Path

import psutil
import pytest

from tests.support.agent_process import AGENT, CAMERA, AgentProcess, start_cli
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto
from tests.support.service_manager import ServiceManager
from tests.support.wait import PATIENCE_S, wait_for

UNREACHABLE = "mqtt://127.0.0.1:1"


def test_it_is_ready_when_a_press_counts_and_does_not_wait_for_the_broker(tmp_path: Path) -> None:
    with (
        ServiceManager(tmp_path) as systemd,
        AgentProcess(tmp_path / "kiosk", UNREACHABLE, environ=systemd.environ) as agent,
    ):
        systemd.wait_for("READY=1")
        agent.press()
        assert agent.outputs()["yellow"] == "on"
        assert agent.send(signal.SIGTERM) == 0
        systemd.wait_for("STOPPING=1")


STALLING_AGENT = (AGENT[0], "-m", "tests.support.stalling_agent")


@pytest.mark.parametrize("part", ["pipeline", "publisher", "commands", "lights", "mqtt"])
def test_the_watchdog_is_fed_until_a_part_that_a_press_needs_hangs(
    tmp_path: Path, broker: Mosquitto, part: str
) -> None:
    stall = tmp_path / "stall"
    with (
        ServiceManager(tmp_path, watchdog_s=2.0) as systemd,
        Centre(broker.port) as centre,
        AgentProcess(
            tmp_path / "kiosk",
            broker.url,
            program=STALLING_AGENT,
            environ={**systemd.environ, "STALL_FILE": str(stall), "STALL_PART": part},
        ) as agent,
    ):
        systemd.wait_for("READY=1")
        centre.wait_for("state")
        for _ in range(3):
            assert systemd.wait_for("WATCHDOG=1", timeout_s=5.0) == []
        stall.touch()
        last: list[str] = []
        while (said := systemd.next(timeout_s=3.0)) is not None:
            last.append(said)
            assert len(last) <= 2, f"it is fed although {part} hangs"
        if part != "lights":
            # systemd would now abort it; until then the light of a press still works: it needs none of the others.
            agent.press()
            assert agent.outputs()["yellow"] == "on"


@pytest.mark.parametrize("part", ["pipeline", "publisher", "commands", "lights", "mqtt"])
def test_where_no_service_manager_watches_an_agent_with_a_part_that_hangs_ends_with_1_and_says_where(
    tmp_path: Path, broker: Mosquitto, part: str
) -> None:
    stall = tmp_path / "stall"
    environ = {"STALL_FILE": str(stall), "STALL_PART": part, "STALL_S": "3"}
    with (
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url, program=STALLING_AGENT, environ=environ) as agent,
    ):
        centre.wait_for("state")
        stall.touch()
        assert agent.ended(timeout_s=30) == 1
        assert f"{part}" in agent.log()
        assert "do_or_hang" in agent.log(), "the stack of the thread that hangs"


def test_a_press_is_heard_though_the_pins_tell_of_no_edge_and_the_agent_starts_again_with_pins_that_do(
    tmp_path: Path, broker: Mosquitto
) -> None:
    deaf = tmp_path / "deaf"
    environ = {"STALL_FILE": str(deaf), "STALL_PART": "pins"}
    with (
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url, program=STALLING_AGENT, environ=environ) as agent,
    ):
        centre.wait_for("state")
        deaf.touch()
        agent.sim("hold", name="police")
        centre.wait_for("alarm/police", timeout_s=10)
        assert agent.outputs()["yellow"] == "on"
        agent.sim("release", name="police")
        assert agent.ended(timeout_s=20) == 1
        deaf.unlink()
        agent.start()
        pressed = len(centre.messages("alarm/police"))
        agent.press()
        wait_for(lambda: len(centre.messages("alarm/police")) > pressed, what="a press that is told as ever")


@pytest.mark.parametrize("part", ["vision-front", "sim-control"])
def test_a_part_that_no_press_needs_is_degraded_when_it_hangs(tmp_path: Path, broker: Mosquitto, part: str) -> None:
    stall = tmp_path / "stall"
    environ = {"STALL_FILE": str(stall), "STALL_PART": part, "STALL_S": "3"}
    with (
        Centre(broker.port) as centre,
        AgentProcess(
            tmp_path / "kiosk", broker.url, program=STALLING_AGENT, environ=environ, cameras=[CAMERA]
        ) as agent,
    ):
        centre.wait_for("health")
        stall.touch()
        centre.wait_for("health", lambda m: m.data["parts"].get(part, {}).get("state") == "degraded", timeout_s=30)
        assert agent.pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_says_goodbye_ends_the_camera_process_and_exits_with_0(
    tmp_path: Path, broker: Mosquitto, number: signal.Signals
) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[CAMERA]) as agent:
        centre.wait_for("health", lambda m: m.data["parts"].get("camera-front") == {"state": "ok"}, timeout_s=30)
        children = agent.children()
        assert len(children) == 1
        assert agent.send(number) == 0
        assert psutil.wait_procs(children, timeout=PATIENCE_S)[1] == []
        assert "Traceback" not in agent.log()
        offline = centre.wait_for("state", lambda m: m.data["state"] == "offline")
        centre.subscriber.sync()
        assert [m for m in centre.messages("state") if m.is_will] == [], "a clean stop is no lost device"
        with Centre(broker.port) as late:
            kept = late.wait_for("state")
            assert (kept.retain, kept.data["state"], kept.id) == (True, "offline", offline.id)


def test_a_stop_that_comes_during_the_start_ends_it(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, UNREACHABLE, cameras=[CAMERA])
    with agent:
        agent.kill()
        agent.launch()
        # As soon as it takes signals; before that, a signal simply ends a process that has done nothing yet.
        wait_for(lambda: "sigterm is caught" if catches(agent.pid, signal.SIGTERM) else "", what="a signal handler")
        assert agent.send(signal.SIGTERM) == 0
        assert "Traceback" not in agent.log()


def test_the_will_of_a_killed_agent_names_the_birth_that_it_ends_and_no_camera_process_is_left(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[CAMERA]) as agent:
        birth = centre.wait_for("state", lambda m: m.data["state"] == "online")
        wait_for(agent.children, what="a camera process")
        children = agent.children()
        agent.kill()
        will = centre.wait_for("state", lambda m: m.data["state"] == "lost")
        assert will.data["bdseq"] == birth.data["bdseq"]
        assert psutil.wait_procs(children, timeout=30)[1] == []
        with Centre(broker.port) as late:
            kept = late.wait_for("state")
            assert (kept.retain, kept.data["state"]) == (True, "lost")

        agent.start()
        again = centre.wait_for("state", lambda m: m.data["state"] == "online" and m.id != birth.id)
        assert again.data["bdseq"] > birth.data["bdseq"]
        assert again.data["boot_nonce"] != birth.data["boot_nonce"]


def test_watch_ends_with_130_at_ctrl_c_and_says_nothing_of_it(tmp_path: Path, broker: Mosquitto) -> None:
    agent = AgentProcess(tmp_path, broker.url)
    with start_cli("watch", "--config", agent.config, stdout=-1, stderr=-1) as watch:
        try:
            wait_for(lambda: "SUBACK to centre-" in broker.log(), what="a subscription")
            watch.send_signal(signal.SIGINT)
            _, errors = watch.communicate(timeout=30)
        except BaseException:
            watch.kill()
            raise
    assert (watch.returncode, errors) == (130, "")


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for this signal."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next(line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(mask, 16) >> (number - 1) & 1)
