"""A kiosk without a camera carries nothing of one."""

import subprocess
import sys
from pathlib import Path

import psutil

from tests.support.agent_process import REPOSITORY, AgentProcess, environment
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto
from tests.support.run import ran
from tests.support.wait import wait_for

RARE = (
    *("agent.core.commissioning", "agent.contract.commissioning", "agent.provisioning", "difflib"),
    *("agent.contract.evidence", "agent.core.camera.recorder_link", "agent.runtime.recording.recorder_link"),
    *("agent.evidence", "agent.recorder", "av"),
)
"""What a walk takes, a person's mistake, a doctor, or a recording."""
VISION = ("numpy", "cv2", "ai_edge_litert", "tflite_runtime", "picamera2")
_BARE = "import gpiozero, paho.mqtt.client, pydantic_settings; print(flush=True); input()"
_MODULES = "import sys, agent.cli.run, agent.app, agent.bootstrap.simulation; print('\\n'.join(sys.modules))"


def test_the_core_maps_no_library_of_the_camera_process(tmp_path: Path) -> None:
    with AgentProcess(tmp_path, "mqtt://127.0.0.1:1") as agent:
        agent.press()
        maps = Path(f"/proc/{agent.pid}/maps").read_text()
        files = {line.split(maxsplit=5)[-1].strip() for line in maps.splitlines() if ".so" in line}
        assert any("_sqlite3" in file for file in files), "the list of mapped files is not what it should be"
        assert [file for file in files if any(f"/{name}" in file for name in VISION)] == []

        bare = subprocess.Popen(
            [sys.executable, "-c", _BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment({})
        )
        try:
            assert bare.stdout is not None
            bare.stdout.readline()  # it has imported everything
            bare_bytes = psutil.Process(bare.pid).memory_info().rss
        finally:
            bare.communicate(b"\n", timeout=10)
        own_bytes = agent.rss_bytes()
        print(
            f"core {own_bytes / 1e6:.1f} MB, bare interpreter {bare_bytes / 1e6:.1f} MB: {own_bytes / bare_bytes:.2f}"
        )


def test_the_core_imports_no_module_of_the_camera_process_and_none_that_only_a_walk_needs() -> None:
    listed = ran(sys.executable, "-c", _MODULES, cwd=REPOSITORY, env=environment({}), check=True, timeout=30)
    modules = listed.stdout.split()
    assert "agent.app" in modules
    unwanted = (*VISION, "agent.vision", "agent.models", *RARE)
    assert [
        name for name in modules if name.startswith(tuple(f"{each}." for each in unwanted)) or name in unwanted
    ] == []


def test_a_press_waits_for_no_import(tmp_path: Path, broker: Mosquitto) -> None:
    agent = AgentProcess(tmp_path, broker.url, environ={"PYTHONPROFILEIMPORTTIME": "1"})
    with Centre(broker.port) as centre, agent:
        centre.wait_for("health")
        wait_for(lambda: _imported(agent, "jwt"), what="the libraries that verify commands")
        loaded = agent.log().count("import time:")
        agent.press()
        centre.wait_for_alarm("updated", stage="sent")
        agent.wait_for_outputs(yellow="on")
        assert agent.log().count("import time:") == loaded


def _imported(agent: AgentProcess, module: str) -> bool:
    return any(line.startswith("import time:") and line.split()[-1] == module for line in agent.log().splitlines())
